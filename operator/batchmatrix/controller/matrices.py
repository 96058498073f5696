"""The matrices as kopf's watch shows them. kopf is a watch here and nothing else: it writes to no object."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from itertools import chain, repeat
from typing import Any, Protocol

import kopf

from batchmatrix.base.errors import NotFound, Unavailable
from batchmatrix.controller.catalogs import WatchedCatalogs
from batchmatrix.controller.lean import lean
from batchmatrix.engine.removal import store_to_clear
from batchmatrix.model.cell import GROUP, VERSION, MatrixRef

__all__ = ["WatchedMatrices", "registry_for", "settings_for"]

logger = logging.getLogger(__name__)

PLURAL = "batchmatrices"
CATALOG_PLURAL = "matrixcatalogs"


class Reader(Protocol):
    """Reads one object from the server."""

    async def read(self, ref: MatrixRef) -> Mapping[str, Any] | None:
        """The object, or None where none with this uid exists any more."""
        ...


class Lister(Protocol):
    """Lists all objects of the server."""

    def all(self) -> AsyncIterator[Mapping[str, Any]]:
        """Every matrix that is there now. Raises Unavailable."""
        ...


class WatchedMatrices:
    """Fills ports.cluster.Matrices: memory from the watch, doubts from the server."""

    def __init__(self, reader: Reader, notify: Callable[[MatrixRef], None], lister: Lister) -> None:
        self._reader = reader
        self._lister = lister
        self._notify = notify
        self._bodies: dict[str, dict[str, Any]] = {}
        self._departed: dict[str, str] = {}
        """Name of the store, by the uid of a matrix whose results are to go with it."""
        self._readers: dict[tuple[str, str], set[str]] = {}
        """uids of the matrices that refer to a MatrixCatalog, by its namespace and name."""

    def get(self, uid: str) -> Mapping[str, Any] | None:
        """The object as last seen."""
        return self._bodies.get(uid)

    async def read(self, ref: MatrixRef) -> Mapping[str, Any] | None:
        """The object as the server has it; what memory holds is newer than what was read before it."""
        return await self._reader.read(ref)

    def forget(self, uid: str) -> None:
        """Drop an object that the server does not have any more: a watch that is opened anew tells of no deletions."""
        self._depart(uid, self._bodies.get(uid))
        self._put(uid, None)

    @property
    def count(self) -> int:
        """How many are known."""
        return len(self._bodies)

    def departed(self, uid: str) -> str | None:
        """Name of the store whose results are to go with an object that was seen to be deleted; None if none are."""
        return self._departed.get(uid)

    def see_off(self, uid: str) -> None:
        """Forget that."""
        self._departed.pop(uid, None)

    async def check(self) -> None:
        """Hold memory against a full list: what a watch did not tell is taken in as if it had."""
        before = dict(self._bodies)
        there: set[str] = set()
        try:
            async for body in self._lister.all():
                uid = body["metadata"]["uid"]
                there.add(uid)
                # what the watch has shown meanwhile is newer than the list
                known = before.get(uid)
                if self._bodies.get(uid) is known and (known is None or _version(known) != _version(body)):
                    self.seen("MODIFIED", body)
        except (NotFound, Unavailable) as error:  # not found: the kind itself is gone
            logger.info("matrices are not looked after this time: %s", error)
            return
        for uid, body in before.items():
            if uid not in there and self._bodies.get(uid) is body:
                self.seen("DELETED", body)

    def refs(self) -> list[MatrixRef]:
        """All matrices that are known."""
        return [_ref(body) for body in self._bodies.values()]

    def refer_to(self, namespace: str, catalog: str) -> list[MatrixRef]:
        """Those that name this MatrixCatalog."""
        return [_ref(self._bodies[uid]) for uid in self._readers.get((namespace, catalog), ())]

    def seen(self, kind: str | None, body: Mapping[str, Any]) -> None:
        """Take in one event of the watch; `kind` is None for what was there before it."""
        ref = _ref(body)
        if kind == "DELETED":
            self._depart(ref.uid, body)
        self._put(ref.uid, None if kind == "DELETED" else lean(body))
        self._notify(ref)

    def _depart(self, uid: str, body: Mapping[str, Any] | None) -> None:
        store = store_to_clear(body) if body is not None else None
        if store is not None:
            self._departed[uid] = store

    def _put(self, uid: str, body: dict[str, Any] | None) -> None:
        for key in _catalogs(self._bodies.pop(uid, {})):
            self._readers[key].discard(uid)
            if not self._readers[key]:
                del self._readers[key]
        if body is not None:
            self._bodies[uid] = body
            for key in _catalogs(body):
                self._readers.setdefault(key, set()).add(uid)


def _ref(body: Mapping[str, Any]) -> MatrixRef:
    metadata = body["metadata"]
    return MatrixRef(metadata["namespace"], metadata["name"], metadata["uid"])


def _version(body: Mapping[str, Any]) -> str:
    return str(body["metadata"].get("resourceVersion", ""))


def _catalogs(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Namespace and name of every MatrixCatalog that an object refers to; it may be as wrong as the server lets it."""
    for ref in (body.get("spec") or {}).get("catalogRefs") or ():
        yield body["metadata"]["namespace"], str(ref.get("name"))


def registry_for(
    matrices: WatchedMatrices,
    catalogs: WatchedCatalogs,
    connection: Callable[[], Awaitable[kopf.AiohttpSession]],
) -> kopf.OperatorRegistry:
    """The handlers that kopf gets: how to log in, and what to do with an event (remember and queue)."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.AiohttpSession:
        return await connection()

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    async def event(event: Mapping[str, Any], **_: Any) -> None:
        # what a handler returns would be written into the status: so nothing is returned
        matrices.seen(event["type"], event["object"])

    @kopf.on.event(GROUP, VERSION, CATALOG_PLURAL, registry=registry)
    async def catalog_event(event: Mapping[str, Any], **_: Any) -> None:
        catalogs.seen(event["type"], event["object"])

    return registry


class _Backoffs:
    """Seconds between tries of kopf's requests: without an end, as an end would end the process."""

    def __iter__(self) -> Iterator[float]:
        return chain((1.0, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0), repeat(30.0))


def settings_for(*, identity: str, silence: float) -> kopf.OperatorSettings:
    """kopf's settings, each away from its default for a reason; `silence` in seconds ends a watch that says nothing."""
    settings = kopf.OperatorSettings()
    settings.peering.standalone = True  # our lease decides who acts; two kopf peers of equal priority stop each other
    settings.scanning.disabled = True  # no list of namespaces and CRDs: smaller rights
    settings.posting.enabled = False  # events are ours, few, and never made of log lines
    settings.posting.loggers = False
    settings.posting.reporting_component = "batchmatrix"
    settings.posting.reporting_instance = identity
    settings.persistence.finalizer = f"kopf.{GROUP}/unused"  # kopf takes its own finalizer off: never name ours
    settings.watching.server_timeout = 200
    settings.watching.client_timeout = 230  # under the 240 s after which load balancers cut idle connections
    settings.watching.connect_timeout = 10
    settings.watching.inactivity_timeout = silence
    settings.watching.reconnect_backoff = 1.0
    settings.watching.chunk_size = None  # a list in parts may be too old for its next part, which would end the process
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 5
    settings.networking.error_backoffs = _Backoffs()
    settings.queueing.idle_timeout = 1.0
    settings.execution.max_workers = 1  # every handler is async
    settings.process.ultimate_exiting_timeout = None  # it would kill the process by a signal; the kubelet does
    return settings
