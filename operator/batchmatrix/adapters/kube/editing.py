"""One small change to one BatchMatrix, as its user would make it with kubectl."""

from __future__ import annotations

from typing import Any

from batchmatrix.adapters.kube.access import Access
from batchmatrix.adapters.kube.client import MERGE_PATCH, Client
from batchmatrix.adapters.kube.paths import MATRICES
from batchmatrix.base.errors import NotFound

__all__ = ["KubeEditor"]


class KubeEditor:
    """Reads a matrix and patches it, with the rights of whoever runs this. Make it inside a running event loop."""

    def __init__(self, access: Access) -> None:
        self.namespace = access.namespace
        self._client = Client(access, fence=None)

    @property
    def server(self) -> str:
        """URL of the API server."""
        return self._client.server

    async def matrix(self, namespace: str, name: str) -> dict[str, Any] | None:
        """The BatchMatrix, or None where there is none, or no such kind. Raises Unavailable."""
        try:
            return await self._client.get(MATRICES.one(namespace, name))
        except NotFound:
            return None

    async def patch(self, matrix: dict[str, Any], change: dict[str, Any]) -> None:
        """Merge `change` into this very object. Raises NotFound or Unavailable where it is another by now."""
        metadata = matrix["metadata"]
        body = {**change, "metadata": {**change.get("metadata", {}), "uid": metadata["uid"]}}
        await self._client.patch(MATRICES.one(metadata["namespace"], metadata["name"]), body, kind=MERGE_PATCH)

    async def close(self) -> None:
        """Let the connections go."""
        await self._client.close()
