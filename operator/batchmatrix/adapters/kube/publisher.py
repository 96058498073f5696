"""Status, summary ConfigMap and Events of a matrix."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from batchmatrix.adapters.kube.client import JSON_PATCH, Client
from batchmatrix.adapters.kube.errors import Conflict
from batchmatrix.adapters.kube.paths import CONFIG_MAPS, EVENTS, MATRICES
from batchmatrix.base.clock import format_rfc3339
from batchmatrix.base.errors import AlreadyExists, InvalidSpec, NameConflict, NotFound, Unavailable
from batchmatrix.base.text import one_line
from batchmatrix.launch.job import owner_reference
from batchmatrix.launch.names import MATRIX, MATRIX_UID
from batchmatrix.model.cell import GROUP, VERSION, MatrixRef

__all__ = ["KubePublisher"]

MESSAGE_LIMIT = 1024
"""Characters of an Event's message that the server takes."""
EVENT_BURST = 100
EVENTS_PER_SECOND = 5.0

log = logging.getLogger(__name__)


class KubePublisher:
    """Fills ports.cluster.Publisher; the client carries the fence.

    Events are for turning points: over all matrices a burst of EVENT_BURST is let through, then EVENTS_PER_SECOND;
    what is more is dropped.
    """

    def __init__(self, client: Client, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._monotonic = monotonic
        self._tokens = float(EVENT_BURST)
        self._filled = monotonic()

    async def read(self, matrix: MatrixRef) -> Mapping[str, Any] | None:
        """The BatchMatrix as the server has it, or None where none with this uid exists. Raises Unavailable."""
        try:
            raw = await self._client.get(MATRICES.one(matrix.namespace, matrix.name))
        except NotFound:
            return None
        return raw if raw["metadata"]["uid"] == matrix.uid else None

    async def status(self, matrix: MatrixRef, status: dict[str, Any]) -> None:
        """Replace the whole status, if the object still is this very one. Raises NotFound where it is not.

        A JSON patch, because a merge patch would keep what the new status no longer has, and because on the status
        of a custom resource the server passes over a uid in a merge patch.
        """
        patch: list[dict[str, Any]] = [
            {"op": "test", "path": "/metadata/uid", "value": matrix.uid},
            {"op": "add", "path": "/status", "value": status},
        ]
        try:
            await self._client.patch(MATRICES.one(matrix.namespace, matrix.name, "status"), patch, kind=JSON_PATCH)
        except InvalidSpec as error:
            if await self.read(matrix) is None:
                raise NotFound(f"BatchMatrix {matrix.namespace}/{matrix.name} with uid {matrix.uid} is gone") from error
            raise

    async def summary(self, matrix: MatrixRef, data: dict[str, str]) -> None:
        """Create or replace ConfigMap `<matrix>-summary`; nothing is written where it says the same already.

        Raises NameConflict where a ConfigMap of that name is not the matrix's own.
        """
        name = f"{matrix.name}-summary"
        path = CONFIG_MAPS.one(matrix.namespace, name)
        wanted: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": name,
                "namespace": matrix.namespace,
                "labels": {MATRIX: matrix.name, MATRIX_UID: matrix.uid},
                "ownerReferences": [owner_reference(matrix)],
            },
            "data": data,
        }
        try:
            there = await self._client.get(path)
        except NotFound:
            try:
                await self._client.create(CONFIG_MAPS.all(matrix.namespace), wanted)
            except AlreadyExists as error:
                raise Unavailable(f"ConfigMap {matrix.namespace}/{name} appeared while it was made") from error
            except NotFound as error:  # the namespace is going or gone
                raise Unavailable(str(error)) from error
            return
        _check_owner(there, matrix)
        if there.get("data") == data:
            return
        wanted["metadata"]["resourceVersion"] = there["metadata"]["resourceVersion"]
        try:
            await self._client.replace(path, wanted)
        except NotFound as error:
            raise Unavailable(f"ConfigMap {matrix.namespace}/{name} was deleted while it was written") from error

    async def event(self, matrix: MatrixRef, *, kind: str, reason: str, message: str) -> None:
        """Tell about a turning point (`kind` is Normal or Warning). Dropped under load or on any failure."""
        if not self._may_tell():
            return
        now = format_rfc3339(time.time())
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{matrix.name}.{uuid.uuid4().hex[:16]}", "namespace": matrix.namespace},
            "involvedObject": {
                "apiVersion": f"{GROUP}/{VERSION}",
                "kind": "BatchMatrix",
                "namespace": matrix.namespace,
                "name": matrix.name,
                "uid": matrix.uid,
            },
            "type": kind,
            "reason": reason,
            "message": one_line(message, limit=MESSAGE_LIMIT),
            "source": {"component": "batchmatrix"},
            "reportingComponent": "batchmatrix",
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        try:
            await self._client.create(EVENTS.all(matrix.namespace), event)
        except (AlreadyExists, InvalidSpec, NotFound, Unavailable) as error:
            log.info("event %s of %s/%s was not told: %s", reason, matrix.namespace, matrix.name, error)

    def _may_tell(self) -> bool:
        now = self._monotonic()
        self._tokens = min(EVENT_BURST, self._tokens + (now - self._filled) * EVENTS_PER_SECOND)
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def _check_owner(raw: dict[str, Any], matrix: MatrixRef) -> None:
    owners = raw["metadata"].get("ownerReferences") or ()
    if any(each["uid"] == matrix.uid and each.get("controller") for each in owners):
        return
    where = f"ConfigMap {matrix.namespace}/{raw['metadata']['name']}"
    if any(each["kind"] == "BatchMatrix" and each["name"] == matrix.name for each in owners):
        raise Conflict(f"{where} belongs to an earlier BatchMatrix of this name and is being removed")
    raise NameConflict(f"{where} is not ours and has the name of the summary: rename or delete it")
