"""The cluster of whoever types a command. What speaks to one takes half a second to load: only where it is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchmatrix.model.observed import NodeState

if TYPE_CHECKING:
    from batchmatrix.adapters.kube.editing import KubeEditor
    from batchmatrix.adapters.kube.reading import KubeReader

__all__ = ["connect", "connect_to_edit", "node_states"]


async def connect(context: str | None = None) -> KubeReader | None:
    """A reader of the cluster that kubectl would speak to, or this pod's own; None where neither is configured.

    Raises BatchMatrixError where there is a kubeconfig that cannot be used.
    """
    from batchmatrix.adapters.kube.access import from_surroundings
    from batchmatrix.adapters.kube.reading import KubeReader

    access = await from_surroundings(context)
    return None if access is None else KubeReader(access)


async def connect_to_edit(context: str | None = None) -> KubeEditor | None:
    """The same cluster as `connect`, for a change that its user asks for. Raises BatchMatrixError as that does."""
    from batchmatrix.adapters.kube.access import from_surroundings
    from batchmatrix.adapters.kube.editing import KubeEditor

    access = await from_surroundings(context)
    return None if access is None else KubeEditor(access)


def node_states(text: str) -> list[NodeState]:
    """Nodes from what `kubectl get nodes -o json` or `-o yaml` prints. Raises BatchMatrixError for anything else."""
    from batchmatrix.adapters.kube import reading

    return reading.node_states(text)
