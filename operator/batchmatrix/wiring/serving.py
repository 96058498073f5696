"""Settings made into adapters, and adapters into an engine: the only place that builds them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from batchmatrix.adapters.child import ChildAnalyst
from batchmatrix.adapters.kube.access import Access
from batchmatrix.adapters.kube.catalogs import KubeCatalogs
from batchmatrix.adapters.kube.children import KubeChildren
from batchmatrix.adapters.kube.client import Client
from batchmatrix.adapters.kube.launcher import KubeLauncher
from batchmatrix.adapters.kube.lease import Lease
from batchmatrix.adapters.kube.logs import KubeLogs
from batchmatrix.adapters.kube.matrices import KubeMatrices
from batchmatrix.adapters.kube.nodes import KubeNodes
from batchmatrix.adapters.kube.pacing import PacedSession
from batchmatrix.adapters.kube.publisher import KubePublisher
from batchmatrix.base.quantities import parse_duration, parse_quantity
from batchmatrix.engine.catalogs import Lookup
from batchmatrix.engine.followslots import FollowSlots
from batchmatrix.engine.opening import Opener
from batchmatrix.engine.pipeline import Engine, World
from batchmatrix.engine.reporting import Reporter
from batchmatrix.model.cell import MatrixRef
from batchmatrix.ports.cluster import CatalogObjects, Matrices
from batchmatrix.ports.meter import UNMETERED, Meter
from batchmatrix.ports.store import Store
from batchmatrix.settings import Identity, Settings
from batchmatrix.wiring.catalogs import catalog_sources

__all__ = ["Cluster", "build_cluster", "build_engine"]


@dataclass(frozen=True, slots=True)
class Cluster:
    """The adapters of one API server."""

    client: Client
    lease_client: Client
    lease: Lease
    children: KubeChildren
    nodes: KubeNodes
    publisher: KubePublisher
    catalogs: KubeCatalogs
    matrices: KubeMatrices
    watches: PacedSession
    """For the library that watches matrices and catalogs."""

    async def close(self) -> None:
        """Let connections go."""
        await self.client.close()
        await self.lease_client.close()
        await self.watches.close()


def build_cluster(
    settings: Settings,
    identity: Identity,
    access: Access,
    *,
    changed: Callable[[MatrixRef], None],
    nodes_changed: Callable[[], None],
    lost: Callable[[str], None],
    meter: Meter = UNMETERED,
) -> Cluster:
    """Everything that speaks to the API server; each mutating request but the lease's own asks the lease first."""
    patience = settings.api
    timeout, relist = parse_duration(patience.request_timeout), parse_duration(patience.relist)
    silence = parse_duration(patience.watch_silence)
    lease_client = Client(access, fence=None, in_flight=2, timeout=timeout, patient=False, meter=meter)
    lease = Lease(
        lease_client,
        namespace=identity.namespace,
        name=settings.lease.name,
        identity=identity.holder,
        lost=lost,
        duration=parse_duration(settings.lease.duration),
    )
    client = Client(access, fence=lease, in_flight=settings.limits.concurrent_requests, timeout=timeout, meter=meter)
    return Cluster(
        client=client,
        lease_client=lease_client,
        lease=lease,
        children=KubeChildren(
            client,
            lambda namespace, name, uid: changed(MatrixRef(namespace, name, uid)),
            namespaces=settings.namespaces or None,
            relist=relist,
            silence=silence,
        ),
        nodes=KubeNodes(client, nodes_changed, relist=relist, silence=silence),
        publisher=KubePublisher(client),
        catalogs=KubeCatalogs(client),
        matrices=KubeMatrices(client, namespaces=settings.namespaces or None),
        watches=PacedSession(access),
    )


def build_engine(
    settings: Settings,
    identity: Identity,
    cluster: Cluster,
    *,
    stores: Mapping[str, Store],
    matrices: Matrices,
    catalogs: CatalogObjects,
    notify: Callable[[MatrixRef, float], None],
    meter: Meter = UNMETERED,
) -> Engine:
    """The engine over a cluster. Raises InvalidSpec where a plug-in's catalog cannot be used."""
    clock = cluster.client.clock
    slots = FollowSlots(settings.limits.followed_logs)
    opener = Opener(
        stores=stores,
        nodes=cluster.nodes,
        catalogs=Lookup(catalogs, catalog_sources()),
        source=KubeLogs(cluster.client),
        clock=clock,
        slots=slots,
        reads=lambda: asyncio.Semaphore(settings.limits.concurrent_reads),
        writer=identity.writer,
        max_cells=settings.limits.cells,
        log_bytes=int(parse_quantity(settings.limits.log_bytes_per_matrix)),
        service_accounts=settings.service_accounts,
        notify=notify,
        meter=meter,
    )
    return Engine(
        world=World(
            matrices=matrices,
            children=cluster.children,
            nodes=cluster.nodes,
            launcher=KubeLauncher(cluster.client),
            clock=clock,
        ),
        opener=opener,
        reporter=Reporter(publisher=cluster.publisher, clock=clock, analyst=ChildAnalyst(pages=settings.reports.pages)),
        slots=slots,
        hold=parse_duration(settings.lease.duration) + parse_duration(settings.api.request_timeout),
        writer=identity.writer,
        notify=notify,
    )
