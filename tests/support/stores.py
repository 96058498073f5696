"""A store in memory for tests, as strict as the strictest real one, which can be told to fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from enum import Enum

from batchmatrix.base.errors import AlreadyExists, NameConflict, NotFound, Unavailable
from batchmatrix.ports.store import ObjectInfo, Store, check_key

__all__ = ["Fault", "MemoryStore"]


class Fault(Enum):
    """How one call goes wrong."""

    BEFORE = "raise Unavailable, do nothing"
    AFTER = "do it, then raise Unavailable: the reply is lost"
    REPEATED = "do it twice, as a client does that retries after a lost reply: put_new then meets its own object"


class MemoryStore(Store):
    """Objects in a dictionary; several of them can share one dictionary, as processes share a bucket.

    `fault` is asked at each call with the name of the method and the key or prefix. Every call gives way to other
    tasks once before it acts and once after.
    """

    def __init__(
        self, objects: dict[str, bytes] | None = None, *, fault: Callable[[str, str], Fault | None] | None = None
    ) -> None:
        self.objects: dict[str, bytes] = {} if objects is None else objects
        self.fault = fault
        self.calls: list[tuple[str, str]] = []

    @property
    def url(self) -> str:
        return "memory://test"

    async def put_new(self, key: str, data: bytes) -> None:
        def create() -> None:
            self._refuse_folder(key)
            if key in self.objects:
                raise AlreadyExists(f"{key} is in {self.url} already")
            self.objects[key] = bytes(data)

        check_key(key)
        await self._do("put_new", key, create)

    async def put(self, key: str, data: bytes) -> None:
        def write() -> None:
            self._refuse_folder(key)
            self.objects[key] = bytes(data)

        check_key(key)
        await self._do("put", key, write)

    async def get(self, key: str) -> bytes:
        check_key(key)
        await self._do("get", key, lambda: None)
        try:
            return self.objects[key]
        except KeyError:
            raise NotFound(f"{key} is not in {self.url}") from None

    async def list(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        await self._do("list", prefix, lambda: None)
        for key in sorted(self.objects):
            if key.startswith(prefix) and key in self.objects:
                yield ObjectInfo(key, len(self.objects[key]))

    async def delete(self, key: str) -> None:
        check_key(key)
        await self._do("delete", key, lambda: self.objects.pop(key, None))

    async def close(self) -> None:
        """Nothing is open."""

    async def _do(self, name: str, key: str, act: Callable[[], object]) -> None:
        self.calls.append((name, key))
        fault = self.fault(name, key) if self.fault else None
        await asyncio.sleep(0)
        if fault is Fault.BEFORE:
            raise Unavailable(f"store {self.url} cannot {name} {key}: told so before")
        act()
        if fault is Fault.REPEATED:
            act()
        await asyncio.sleep(0)
        if fault is Fault.AFTER:
            raise Unavailable(f"store {self.url} cannot {name} {key}: told so after")

    def _refuse_folder(self, key: str) -> None:
        parents = {key[:at] for at, letter in enumerate(key) if letter == "/"}
        if parents & self.objects.keys() or any(other.startswith(key + "/") for other in self.objects):
            raise NameConflict(f"{key} or a folder of it is both an object and a folder in {self.url}")
