"""Nodes in memory, where they may be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from batchmatrix.adapters.kube.client import Client
from batchmatrix.adapters.kube.paths import NODES
from batchmatrix.adapters.kube.project import project_node
from batchmatrix.adapters.kube.reflector import RELIST, SILENCE, Reflector
from batchmatrix.model.observed import NodeState

__all__ = ["KubeNodes"]


class KubeNodes:
    """Fills ports.cluster.Nodes. `changed` is called when what placement sees of any node changes.

    Heartbeats change nothing here and are not told. Namespaced installs may not read nodes: then it is synced at
    once and there are none to see, until somebody grants it.
    """

    def __init__(
        self,
        client: Client,
        changed: Callable[[], None] = lambda: None,
        *,
        relist: float = RELIST,
        silence: float = SILENCE,
    ) -> None:
        self.reflector = Reflector(
            client,
            NODES.all(),
            project_node,
            changed=lambda _old, _new: changed(),
            optional=True,
            relist=relist,
            silence=silence,
        )

    def all(self) -> Sequence[NodeState] | None:
        """Every node, or None where nodes may not be read (or were not read yet)."""
        if self.reflector.denied or not self.reflector.synced.is_set():
            return None
        return tuple(self.reflector.items)

    async def wait_synced(self) -> None:
        """Returns once nodes were listed, or the server said that they may not be."""
        await self.reflector.synced.wait()

    async def run(self) -> None:
        """Keep up for ever."""
        await self.reflector.run()
