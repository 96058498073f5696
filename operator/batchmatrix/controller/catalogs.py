"""The MatrixCatalogs as kopf's watch shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from batchmatrix.controller.lean import lean

__all__ = ["WatchedCatalogs"]


class Reader(Protocol):
    """Reads one object from the server."""

    async def read(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        """The object as it is now, or None where there is none."""
        ...


class WatchedCatalogs:
    """Fills ports.cluster.CatalogObjects. `changed(namespace, name)` is called for every event of the watch."""

    def __init__(self, reader: Reader, changed: Callable[[str, str], None]) -> None:
        self._reader = reader
        self._changed = changed
        self._bodies: dict[tuple[str, str], dict[str, Any]] = {}

    def get(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        """The object as last seen."""
        return self._bodies.get((namespace, name))

    async def read(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        """The object as the server has it."""
        return await self._reader.read(namespace, name)

    def seen(self, kind: str | None, body: Mapping[str, Any]) -> None:
        """Take in one event of the watch; `kind` is None for what was there before it."""
        key = (body["metadata"]["namespace"], body["metadata"]["name"])
        if kind == "DELETED":
            self._bodies.pop(key, None)
        else:
            self._bodies[key] = lean(body)
        self._changed(*key)
