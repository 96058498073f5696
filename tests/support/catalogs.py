"""MatrixCatalogs of a small world: what the server holds, and what the watch has shown of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from batchmatrix.base.errors import Unavailable
from batchmatrix.model.cell import MatrixRef
from batchmatrix.ports.cluster import CatalogObjects
from tests.support.specs import catalog_object

if TYPE_CHECKING:
    from tests.support.world import SmallWorld

__all__ = ["CatalogServer", "WorldCatalogs"]

Json = dict[str, Any]


class CatalogServer:
    """The objects that are there, and those that the watch has shown."""

    def __init__(self) -> None:
        self.there: dict[tuple[str, str], Json] = {}
        self.shown: dict[tuple[str, str], Json] = {}
        self.reads: list[str] = []
        """Names that were asked for directly."""
        self.silent = False
        """The server does not answer."""
        self._made = 0

    def put(self, world: SmallWorld, name: str = "team", *, told: bool = True, **spec: Any) -> None:
        """Create the object, or edit it; an edit is a new generation. The watch tells of it, or not yet."""
        body = catalog_object(name, **spec)
        body["metadata"]["namespace"] = "triage"
        old = self.there.get(("triage", name))
        if old is None:
            self._made += 1
            body["metadata"] |= {"uid": f"catalog-{self._made}", "generation": 1}
        else:
            body["metadata"] |= {"uid": old["metadata"]["uid"], "generation": old["metadata"]["generation"] + 1}
        self.there["triage", name] = body
        if told:
            self.tell(world, name)

    def remove(self, world: SmallWorld, name: str = "team") -> None:
        """Delete it; the watch tells of that."""
        del self.there["triage", name]
        self.tell(world, name)

    def tell(self, world: SmallWorld, name: str = "team") -> None:
        """The watch catches up with this object, and the matrices that name it are queued."""
        if ("triage", name) in self.there:
            self.shown["triage", name] = self.there["triage", name]
        else:
            self.shown.pop(("triage", name), None)
        for uid, body in world.known.items():
            metadata = body["metadata"]
            if name in [ref["name"] for ref in body["spec"].get("catalogRefs", ())]:
                world.changed(MatrixRef(metadata["namespace"], metadata["name"], uid))


class WorldCatalogs(CatalogObjects):
    """The port over it."""

    def __init__(self, server: CatalogServer) -> None:
        self._server = server

    def get(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        return self._server.shown.get((namespace, name))

    async def read(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        await asyncio.sleep(0)
        if self._server.silent:
            raise Unavailable("the API server does not answer")
        self._server.reads.append(name)
        return self._server.there.get((namespace, name))
