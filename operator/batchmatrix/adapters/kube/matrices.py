"""All BatchMatrix objects as the server has them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from batchmatrix.adapters.kube.client import Client
from batchmatrix.adapters.kube.paths import MATRICES

__all__ = ["KubeMatrices"]


class KubeMatrices:
    """Lists them page by page; nothing is kept. `namespaces` None means the whole cluster."""

    def __init__(self, client: Client, *, namespaces: Sequence[str] | None = None) -> None:
        self._client = client
        self._namespaces: Sequence[str | None] = [None] if namespaces is None else namespaces

    async def all(self) -> AsyncIterator[Mapping[str, Any]]:
        """Every matrix that is there now. Raises Unavailable."""
        for namespace in self._namespaces:
            async with aclosing(self._client.pages(MATRICES.all(namespace))) as pages:
                async for page in pages:
                    for raw in page.get("items") or ():
                        yield raw
