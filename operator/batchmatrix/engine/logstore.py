"""Sealed logs in a store: read back, and written by one who waits until the store answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from batchmatrix.base.errors import AlreadyExists, BatchMatrixError, NotFound, Unavailable
from batchmatrix.capture.chunks import Chunk, chunk_key, open_chunk
from batchmatrix.ports.clock import Clock
from batchmatrix.ports.store import ReadableStore, Store

__all__ = ["PatientStore", "backoff", "chunk_keys", "chunks_of", "read_log"]

T = TypeVar("T")


def backoff(tries: int) -> float:
    """Seconds to wait after the `tries`-th failure in a row: 0.5, 1, 2, ... 30."""
    return float(min(30.0, 0.5 * 2.0 ** min(tries - 1, 10)))


class PatientStore:
    """A store that is asked again for as long as it is Unavailable: what waits for it is held by a finalizer."""

    def __init__(self, store: Store, clock: Clock, waits: Callable[[str], None] = lambda _why: None) -> None:
        """`waits` is told in one line why a call has to be made again, and an empty one once it was answered."""
        self._store = store
        self._clock = clock
        self._waits = waits

    async def keys(self, folder: str) -> list[str]:
        """Every key that begins with `folder`."""

        async def collect() -> list[str]:
            return [info.key async for info in self._store.list(folder)]

        return await self._insist(collect)

    async def get(self, key: str) -> bytes:
        """Read an object. Raises NotFound."""
        return await self._insist(lambda: self._store.get(key))

    async def put_new(self, key: str, data: bytes) -> None:
        """Write an object that is not there yet, or is there with these very bytes: a reply was lost.

        Raises AlreadyExists where other bytes are there.
        """
        await self._insist(lambda: self._put_or_compare(key, data))

    async def _put_or_compare(self, key: str, data: bytes) -> None:
        try:
            await self._store.put_new(key, data)
        except AlreadyExists as error:
            try:
                there = await self._store.get(key)
            except NotFound:
                # an earlier try of ours was under way, and came to nothing
                raise Unavailable(f"{key} was there and is not any more") from error
            if there != data:
                raise AlreadyExists(f"{key} is there with other bytes: somebody else keeps this log") from error

    async def _insist(self, call: Callable[[], Awaitable[T]]) -> T:
        tries = 0
        try:
            while True:
                try:
                    return await call()
                except Unavailable as error:
                    tries += 1
                    self._waits(str(error))
                    await self._clock.sleep(max(backoff(tries), error.retry_after or 0.0))
        finally:
            if tries:
                self._waits("")


async def chunk_keys(store: ReadableStore | PatientStore, prefix: str) -> list[str]:
    """Keys of the chunks under `prefix` in order; empty where there is no log.

    Raises BatchMatrixError where one is missing or something else lies there.
    """
    folder = prefix.rstrip("/") + "/"
    if isinstance(store, PatientStore):
        keys = await store.keys(folder)
    else:
        keys = [info.key async for info in store.list(folder)]
    for number, key in enumerate(keys, start=1):
        wanted = chunk_key(prefix, number)
        if key != wanted:
            raise BatchMatrixError(f"log {folder} holds {key} where {wanted} should be: a chunk is missing or foreign")
    return keys


async def chunks_of(store: ReadableStore | PatientStore, keys: list[str]) -> AsyncIterator[Chunk]:
    """The chunks themselves. Raises BatchMatrixError where one is damaged or not the one for its place."""
    offset = 0
    for number, key in enumerate(keys, start=1):
        chunk = open_chunk(key, await store.get(key))
        if chunk.header.number != number or chunk.header.offset != offset:
            raise BatchMatrixError(f"{key} is not the chunk for its place: it begins at byte {chunk.header.offset}")
        offset += chunk.header.bytes
        yield chunk


async def read_log(store: ReadableStore, prefix: str) -> AsyncIterator[bytes]:
    """The raw bytes of a log, 256 KiB at most at a time; those sealed so far where the container still runs.

    Raises NotFound where there is none, BatchMatrixError where a part is missing or damaged, Unavailable.
    """
    keys = await chunk_keys(store, prefix)
    if not keys:
        raise NotFound(f"no log under {prefix}")
    async for chunk in chunks_of(store, keys):
        for piece in chunk.pieces():
            yield piece
            await asyncio.sleep(0)
