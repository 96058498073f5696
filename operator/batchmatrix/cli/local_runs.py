"""A folder on this machine as a store to read runs from."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from batchmatrix.adapters.files import shown_name
from batchmatrix.base.errors import InvalidSpec, NotFound, Unavailable
from batchmatrix.ports.store import ObjectInfo, ReadableStore, check_key

__all__ = ["LocalRuns"]


class LocalRuns(ReadableStore):
    """A folder as a store to read from: it is never made, locked or written."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def url(self) -> str:
        """Where it is."""
        return self._path.resolve().as_uri()

    async def get(self, key: str) -> bytes:
        """One file. Raises NotFound, Unavailable."""
        check_key(key)
        try:
            return (self._path / key).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise NotFound(f"{key} is not in {shown_name(self._path)}") from None
        except OSError as error:
            raise Unavailable(f"{shown_name(self._path / key)} cannot be read: {error.strerror}") from error

    async def list(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        """Files whose path begins with `prefix`, in the order of their paths.

        What no store could hold is none of them: hidden files, and links to somewhere else.
        """
        for key in sorted(self._keys(prefix)):
            yield ObjectInfo(key, (self._path / key).stat().st_size)

    def _keys(self, prefix: str) -> Iterator[str]:
        folder, _, begin = prefix.rpartition("/")
        if folder:
            check_key(folder)
        top, root = self._path / folder, self._path.resolve()
        for at, folders, names in os.walk(top):
            first = Path(at) == top
            folders[:] = [name for name in folders if not first or name.startswith(begin)]
            for name in names:
                path = Path(at, name)
                key = path.relative_to(self._path).as_posix()
                if key.startswith(prefix) and _is_key(key) and path.is_file() and path.resolve().is_relative_to(root):
                    yield key

    async def close(self) -> None:
        """Nothing is open."""


def _is_key(text: str) -> bool:
    try:
        check_key(text)
    except InvalidSpec:
        return False
    return True
