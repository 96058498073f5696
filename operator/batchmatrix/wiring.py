"""Settings made into adapters, and adapters into an engine: the only place that builds them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from batchmatrix.adapters.catalogs import plugin_catalogs
from batchmatrix.adapters.child import ChildAnalyst
from batchmatrix.adapters.files import read_text, shown_name
from batchmatrix.adapters.folder import FolderStore
from batchmatrix.adapters.kube.access import Access, from_surroundings
from batchmatrix.adapters.kube.catalogs import KubeCatalogs
from batchmatrix.adapters.kube.children import KubeChildren
from batchmatrix.adapters.kube.client import Client
from batchmatrix.adapters.kube.editing import KubeEditor
from batchmatrix.adapters.kube.launcher import KubeLauncher
from batchmatrix.adapters.kube.lease import Lease
from batchmatrix.adapters.kube.logs import KubeLogs
from batchmatrix.adapters.kube.matrices import KubeMatrices
from batchmatrix.adapters.kube.nodes import KubeNodes
from batchmatrix.adapters.kube.pacing import PacedSession
from batchmatrix.adapters.kube.publisher import KubePublisher
from batchmatrix.adapters.kube.reading import KubeReader, node_states
from batchmatrix.adapters.objectstore import open_s3, open_s3_of_user
from batchmatrix.adapters.telemetry.stores import MeteredStore
from batchmatrix.base.errors import InvalidSpec, Problem, Unavailable
from batchmatrix.base.quantities import parse_duration, parse_quantity
from batchmatrix.engine.catalogs import Lookup
from batchmatrix.engine.followslots import FollowSlots
from batchmatrix.engine.opening import Opener
from batchmatrix.engine.pipeline import Engine, World
from batchmatrix.engine.reporting import Reporter
from batchmatrix.formats.catalog_file import load_catalog
from batchmatrix.model.cell import MatrixRef
from batchmatrix.model.v1alpha1 import Entries
from batchmatrix.plan.builtin import BUILT_IN
from batchmatrix.ports.cluster import CatalogObjects, Matrices
from batchmatrix.ports.meter import UNMETERED, Meter
from batchmatrix.ports.store import Store
from batchmatrix.settings import Identity, Settings, StoreSettings

__all__ = [
    "Cluster",
    "KubeEditor",
    "KubeReader",
    "build_cluster",
    "build_engine",
    "catalog_sources",
    "connect",
    "connect_to_edit",
    "node_states",
    "open_results",
    "open_store",
]


def catalog_sources(files: Sequence[Path] = ()) -> list[tuple[str, Entries]]:
    """The catalogs that there are without a matrix, each as its source in words and its entries.

    The built-in one, plug-ins by name, then `files` in their order. Raises InvalidSpec with the problems of every
    plug-in and file that cannot be used.
    """
    catalogs = [("built-in", BUILT_IN)]
    problems: list[Problem] = []
    try:
        catalogs += plugin_catalogs()
    except InvalidSpec as error:
        problems += error.problems
    for file in files:
        name = shown_name(file)
        try:
            catalogs.append((f"file {name}", load_catalog(read_text(file), source=name)))
        except InvalidSpec as error:
            problems += error.problems
    if problems:
        raise InvalidSpec(problems)
    return catalogs


async def open_store(settings: StoreSettings, meter: Meter = UNMETERED) -> Store:
    """The adapter for one configured store. Raises InvalidSpec where it cannot be used as it is configured."""
    return MeteredStore(await _open_store(settings), meter)


async def _open_store(settings: StoreSettings) -> Store:
    if settings.folder is not None:
        return await FolderStore.open(settings.folder.path)
    assert settings.s3 is not None
    s3 = settings.s3
    return open_s3(
        s3.bucket,
        prefix=s3.prefix,
        endpoint=s3.endpoint,
        region=s3.region,
        allow_http=s3.allow_http,
        credentials=s3.credentials,
    )


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


async def connect(context: str | None = None) -> KubeReader | None:
    """A reader of the cluster that kubectl would speak to, or this pod's own; None where neither is configured.

    Raises BatchMatrixError where there is a kubeconfig that cannot be used.
    """
    access = await from_surroundings(context)
    return None if access is None else KubeReader(access)


async def connect_to_edit(context: str | None = None) -> KubeEditor | None:
    """The same cluster as `connect`, for a change that its user asks for. Raises BatchMatrixError as that does."""
    access = await from_surroundings(context)
    return None if access is None else KubeEditor(access)


def open_results(url: str) -> Store:
    """The store at a URL that the operator gave, with the credentials of whoever runs this.

    Raises Unavailable where it cannot be read from here, with what can be done.
    """
    if url.startswith("s3://"):
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        return open_s3_of_user(bucket, prefix=prefix)
    raise Unavailable(
        f"{url} is a folder that the operator's pod alone sees; `batchmatrix artifacts cat KEY` in that pod shows it"
    )
