"""The Store port over a folder: blocking calls in a small pool of threads, errors as our own."""

from __future__ import annotations

import asyncio
import errno
import itertools
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self, TypeVar

from batchmatrix.adapters.folder.files import Files
from batchmatrix.base.errors import Unavailable
from batchmatrix.ports.store import ObjectInfo, Store

__all__ = ["FolderStore"]

_T = TypeVar("_T")

_THREADS = 8
"""Enough that fsyncs of several writers share one commit of the file system's journal."""

_LIST_BATCH = 512

_REMEDY = {
    errno.ENOSPC: "free space or enlarge the volume",
    errno.EDQUOT: "free space or raise the quota",
    errno.EROFS: "the volume became read-only: check the disk",
    errno.EIO: "the disk or its connection fails: check the volume",
    errno.ESTALE: "the volume was lost: restart this pod",
    errno.EACCES: "make the folder writable for this user (fsGroup)",
    errno.EPERM: "the file system must allow hard links; use another volume",
    errno.EOPNOTSUPP: "the file system must allow hard links; use another volume",
    errno.EEXIST: "a file stands where a folder is needed; move it away",
    errno.ENOTDIR: "a file stands where a folder is needed; move it away",
    errno.ENOENT: "the folder was taken away, or another process was started on it",
}


class FolderStore(Store):
    """A store in a folder of a POSIX file system with hard links and fsync. Make it with `open`."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="folder")

    @classmethod
    async def open(cls, root: Path) -> Self:
        """The store in `root`, which is made if need be. Raises Unavailable."""
        store = cls(Files(root))
        try:
            await store._call("open", "", store._files.prepare)
        except BaseException:
            await store.close()
            raise
        return store

    @property
    def url(self) -> str:
        """`file:///path`."""
        return self._files.root.as_uri()

    async def put_new(self, key: str, data: bytes) -> None:
        """Write a file that must not be there yet."""
        await self._call("write", key, lambda: self._files.create(key, data))

    async def put(self, key: str, data: bytes) -> None:
        """Write a file whole, in place of an older one."""
        await self._call("write", key, lambda: self._files.replace(key, data))

    async def get(self, key: str) -> bytes:
        """Read a file whole."""
        return await self._call("read", key, lambda: self._files.read(key))

    async def list(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        """Files in byte order of their keys, read as the caller goes on."""
        found = self._files.walk(prefix)
        while batch := await self._call("list", prefix, lambda: tuple(itertools.islice(found, _LIST_BATCH))):
            for key, size in batch:
                yield ObjectInfo(key, size)

    async def delete(self, key: str) -> None:
        """Remove a file."""
        await self._call("delete", key, lambda: self._files.remove(key))

    async def close(self) -> None:
        """Wait for what is under way, then end the threads."""
        await asyncio.to_thread(self._pool.shutdown)

    async def _call(self, verb: str, key: str, work: Callable[[], _T]) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else type(error).__name__
            remedy = _REMEDY.get(error.errno or 0, "check the volume")
            what = f"{verb} {ascii(key)[1:-1]}".rstrip()
            raise Unavailable(f"store {self.url} cannot {what}: {reason}; {remedy}") from error
