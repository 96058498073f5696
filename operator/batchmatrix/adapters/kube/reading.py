"""One look at a cluster, for commands that change nothing: every request is a GET."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import yaml

from batchmatrix.adapters.kube.access import Access
from batchmatrix.adapters.kube.client import Client
from batchmatrix.adapters.kube.errors import Forbidden
from batchmatrix.adapters.kube.paths import CATALOGS, CONFIG_MAPS, MATRICES, NODES, Resource
from batchmatrix.adapters.kube.project import project_node
from batchmatrix.base.errors import BatchMatrixError, LeaseLost, NotFound
from batchmatrix.model.cell import GROUP, VERSION
from batchmatrix.model.observed import NodeState

__all__ = ["KubeReader", "node_states"]

_REMEDY = "write it with: kubectl get nodes -o json"


class _NoWrites:
    """A fence that lets nothing through: who reads cannot write, not even by mistake."""

    def check(self) -> None:
        raise LeaseLost("this command may only read")


class KubeReader:
    """Reads single objects. Make it inside a running event loop and close it."""

    def __init__(self, access: Access) -> None:
        self.namespace = access.namespace
        self._client = Client(access, fence=_NoWrites())

    @property
    def server(self) -> str:
        """URL of the API server."""
        return self._client.server

    async def nodes(self) -> list[NodeState] | None:
        """Every node; None where they may not be read. Raises Unavailable."""
        try:
            found = [item async for page in self._client.pages(NODES.all()) for item in page.get("items") or ()]
        except Forbidden:
            return None
        return [state for state in map(project_node, found) if state is not None]

    async def matrix(self, namespace: str, name: str) -> dict[str, Any] | None:
        """The BatchMatrix, or None where there is none, or no such kind. Raises Unavailable."""
        return await self._object(MATRICES, namespace, name)

    async def catalog(self, namespace: str, name: str) -> dict[str, Any] | None:
        """The MatrixCatalog, or None. Raises Unavailable."""
        return await self._object(CATALOGS, namespace, name)

    async def catalogs(self, namespace: str) -> list[dict[str, Any]]:
        """Every MatrixCatalog of the namespace by name; none where there is no such kind. Raises Unavailable."""
        try:
            found = [
                item async for page in self._client.pages(CATALOGS.all(namespace)) for item in page.get("items") or ()
            ]
        except NotFound:
            return []
        # items of a list do not say what they are
        kind = {"apiVersion": f"{GROUP}/{VERSION}", "kind": "MatrixCatalog"}
        return sorted(({**item, **kind} for item in found), key=lambda item: str(item["metadata"]["name"]))

    async def config_map(self, namespace: str, name: str) -> dict[str, Any] | None:
        """The ConfigMap, or None. Raises Unavailable."""
        return await self._object(CONFIG_MAPS, namespace, name)

    async def _object(self, resource: Resource, namespace: str, name: str) -> dict[str, Any] | None:
        try:
            return await self._client.get(resource.one(namespace, name))
        except NotFound:
            return None

    async def close(self) -> None:
        """Let the connections go."""
        await self._client.close()


def node_states(text: str) -> list[NodeState]:
    """Nodes from what `kubectl get nodes -o json` or `-o yaml` prints: a list object, or Node objects.

    Raises BatchMatrixError for anything else.
    """
    found: list[NodeState] = []
    for item in _items(text):
        state = project_node(item) if isinstance(item, dict) and item.get("kind", "Node") == "Node" else None
        if state is None:
            raise BatchMatrixError(f"holds something that is no Node; {_REMEDY}")
        found.append(state)
    return found


def _items(text: str) -> Iterator[Any]:
    try:
        documents = [json.loads(text)]
    except ValueError:
        try:
            documents = list(yaml.load_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
        except (yaml.YAMLError, ValueError, RecursionError):
            raise BatchMatrixError(f"is neither JSON nor YAML; {_REMEDY}") from None
    if not documents:
        raise BatchMatrixError(f"is empty; {_REMEDY}")
    for one in documents:
        if isinstance(one, dict) and isinstance(one.get("items"), list):
            yield from one["items"]
        else:
            yield one
