"""What is left once the kind BatchMatrix was taken off the cluster: pods that only we let go.

Whoever deletes the CRD deletes every matrix with it. Their pods are deleted too and wait for our finalizer, while an
operator cannot serve a kind that is not there: so it records and releases them first, and ends then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import aclosing

from batchmatrix.adapters.kube.children import KubeChildren
from batchmatrix.adapters.kube.client import Client
from batchmatrix.adapters.kube.discovery import KindsMissing, check_kinds
from batchmatrix.adapters.kube.paths import MATRICES, PODS
from batchmatrix.launch.names import FINALIZER, MATRIX_UID

__all__ = ["all_let_go", "kinds_or_leftovers"]

logger = logging.getLogger(__name__)

LOOKS = 3
"""Times that the server must say that it has no such kind: to believe it wrongly would end what runs."""
PAUSE = 2.0
"""Seconds between two looks."""


async def kinds_or_leftovers(client: Client, namespaces: Sequence[str | None]) -> KindsMissing | None:
    """None where all kinds are served; what to end with, where pods of matrices whose kind is gone are to be let go.

    Raises KindsMissing where a kind is missing and nothing can be done about it here. Raises Unavailable.
    """
    for _ in range(LOOKS):
        try:
            await check_kinds(client)
        except KindsMissing as error:
            if MATRICES.plural not in error.kinds or not await _any_pod(client, namespaces):
                raise
            missing = error
        else:
            return None
        await asyncio.sleep(PAUSE)
    logger.warning("pods of matrices whose kind is gone are recorded and let go: %s", missing)
    return missing


async def all_let_go(client: Client, children: KubeChildren) -> None:
    """Return once no pod bears our finalizer any more, or matrices are served again."""
    await children.wait_synced()
    while any(pod.finalized for ref in children.refs() for pod in children.pods(ref.uid)):
        await asyncio.sleep(PAUSE)
        try:
            await check_kinds(client)
        except KindsMissing as error:
            if MATRICES.plural in error.kinds:
                continue
        return


async def _any_pod(client: Client, namespaces: Sequence[str | None]) -> bool:
    for namespace in namespaces:
        async with aclosing(client.pages(PODS.all(namespace), label_selector=MATRIX_UID)) as pages:
            async for page in pages:
                if any(FINALIZER in raw["metadata"].get("finalizers", ()) for raw in page.get("items") or ()):
                    return True
    return False
