"""Whether the API server has our kinds at all."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from batchmatrix.adapters.kube.client import Client
from batchmatrix.adapters.kube.errors import Forbidden
from batchmatrix.adapters.kube.paths import CATALOGS, MATRICES
from batchmatrix.base.errors import BatchMatrixError, NotFound

__all__ = ["KindsMissing", "check_kinds"]

logger = logging.getLogger(__name__)


class KindsMissing(BatchMatrixError):
    """The API server does not serve every kind of ours."""

    def __init__(self, kinds: Sequence[str], message: str) -> None:
        super().__init__(message)
        self.kinds = tuple(kinds)
        """Plurals of those that it does not serve."""


async def check_kinds(client: Client) -> None:
    """Raises KindsMissing where a kind is not installed: kopf would never begin to watch it. Raises Unavailable.

    Who may not ask what there is, cannot be told; then the watch has to show it.
    """
    try:
        body = await client.get(MATRICES.root)
    except NotFound:
        body = {}
    except Forbidden as error:
        logger.warning("whether all kinds are installed is not known: %s", error)
        return
    there = {str(resource.get("name")) for resource in body.get("resources") or ()}
    missing = [one.plural for one in (MATRICES, CATALOGS) if one.plural not in there]
    if missing:
        group = MATRICES.root.removeprefix("/apis/")
        text = f"{client.server} has no {' and no '.join(missing)} in {group}; install or upgrade the chart "
        raise KindsMissing(missing, f"{text}batchmatrix-crds, of the version of this operator, and start it again")
