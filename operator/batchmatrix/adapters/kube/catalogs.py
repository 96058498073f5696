"""MatrixCatalog objects as the server has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchmatrix.adapters.kube.client import Client
from batchmatrix.adapters.kube.paths import CATALOGS
from batchmatrix.base.errors import NotFound

__all__ = ["KubeCatalogs"]


class KubeCatalogs:
    """Reads one object at a time; nothing is kept."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def read(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        """The MatrixCatalog as it is now, or None where there is none. Raises Unavailable."""
        try:
            return await self._client.get(CATALOGS.one(namespace, name))
        except NotFound:
            return None
