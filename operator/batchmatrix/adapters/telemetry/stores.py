"""A store whose requests are counted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from batchmatrix.base.errors import AlreadyExists, NotFound, Unavailable
from batchmatrix.ports.meter import Meter
from batchmatrix.ports.store import ObjectInfo, Store

__all__ = ["OPERATIONS", "RESULTS", "MeteredStore"]

OPERATIONS = ("put_new", "put", "get", "list", "delete")
_ERRORS = {AlreadyExists: "exists", NotFound: "not_found", Unavailable: "unavailable"}
RESULTS = ("ok", *_ERRORS.values(), "error")
"""What can become of a request."""


class MeteredStore(Store):
    """Fills ports.store.Store by another one, and tells the meter what became of each call.

    What that store tries again by itself is one call. A call that is cancelled is not counted.
    """

    def __init__(self, store: Store, meter: Meter) -> None:
        self._store = store
        self._meter = meter

    @property
    def url(self) -> str:
        """Of the store itself."""
        return self._store.url

    async def put_new(self, key: str, data: bytes) -> None:
        """See the port."""
        with self._counted("put_new"):
            await self._store.put_new(key, data)

    async def put(self, key: str, data: bytes) -> None:
        """See the port."""
        with self._counted("put"):
            await self._store.put(key, data)

    async def get(self, key: str) -> bytes:
        """See the port."""
        with self._counted("get"):
            return await self._store.get(key)

    async def list(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        """See the port. One that its caller does not read to the end is not counted."""
        with self._counted("list"):
            async for info in self._store.list(prefix):
                yield info

    async def delete(self, key: str) -> None:
        """See the port."""
        with self._counted("delete"):
            await self._store.delete(key)

    async def close(self) -> None:
        """See the port."""
        await self._store.close()

    @contextmanager
    def _counted(self, operation: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self._meter.store_request(operation, _result(error))
            raise
        self._meter.store_request(operation, "ok")


def _result(error: Exception) -> str:
    return next((word for kind, word in _ERRORS.items() if isinstance(error, kind)), "error")
