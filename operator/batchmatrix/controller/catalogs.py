"""The MatrixCatalogs as kopf's watch shows them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from batchmatrix.base.errors import Unavailable
from batchmatrix.controller.lean import lean

__all__ = ["WatchedCatalogs"]

logger = logging.getLogger(__name__)


class Reader(Protocol):
    """Reads one object from the server."""

    async def read(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        """The object as it is now, or None where there is none. Raises Unavailable."""
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

    async def check(self) -> None:
        """Ask the server for everything that is remembered: a watch that is opened anew tells of no deletions."""
        for key, body in list(self._bodies.items()):
            try:
                there = await self._reader.read(*key)
            except Unavailable as error:
                logger.info("catalogs are not looked after this time: %s", error)
                return
            # what the watch has shown meanwhile is newer than the answer
            if there is None and self._bodies.get(key) is body:
                del self._bodies[key]
                self._changed(*key)

    def seen(self, kind: str | None, body: Mapping[str, Any]) -> None:
        """Take in one event of the watch; `kind` is None for what was there before it."""
        key = (body["metadata"]["namespace"], body["metadata"]["name"])
        if kind == "DELETED":
            self._bodies.pop(key, None)
        else:
            self._bodies[key] = lean(body)
        self._changed(*key)
