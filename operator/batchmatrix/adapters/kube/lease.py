"""Who acts: one coordination.k8s.io Lease, held by identity, with a deadline on the local clock.

The promise: when another process takes the Lease over after waiting it out, this one has stopped sending. The holder
counts from the moment it *sent* the last renewal that succeeded, and stops `margin` early. The waiter counts its
`leaseDurationSeconds` from the moment it *received* a state of the Lease that then never changed, which is later.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from typing import Any

from batchmatrix.adapters.kube.client import Client
from batchmatrix.adapters.kube.clock import boot_clock
from batchmatrix.adapters.kube.errors import Conflict
from batchmatrix.adapters.kube.paths import LEASES
from batchmatrix.base.clock import format_rfc3339
from batchmatrix.base.errors import AlreadyExists, LeaseLost, NotFound, Unavailable

__all__ = ["DURATION", "Lease"]

DURATION = 15.0
"""Seconds for which others stand back after a renewal."""

log = logging.getLogger(__name__)


class Lease:
    """Fills ports.lease.Fence. First `acquire`, then `hold` for as long as the process acts, `release` at its end.

    `client` must not be fenced by this very lease, and should not be shared with work that may fill its slots.
    `identity` tells processes apart: pod uid and container, so that a restarted container, whose forerunner is dead
    for certain, goes on at once. `lost` is called once when the lease is lost; it should end the process.
    """

    def __init__(
        self,
        client: Client,
        *,
        namespace: str,
        name: str,
        identity: str,
        lost: Callable[[str], None],
        duration: float = DURATION,
        clock: Callable[[], float] = boot_clock,
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._lost = lost
        self._duration = max(1, round(duration))
        self._margin = self._duration / 5
        self._clock = clock
        self._deadline = float("-inf")
        self._acquired = ""
        """acquireTime as we wrote it: tells this process from another one of the same identity."""
        self._version = ""
        self._transitions = 0

    @property
    def held(self) -> bool:
        """Whether this process may act now."""
        return self._clock() < self._deadline

    def check(self) -> None:
        """Raises LeaseLost unless the lease is held for certain at this moment."""
        if not self.held:
            raise LeaseLost(f"Lease {self._namespace}/{self._name} is not held by {self._identity}: nothing was sent")

    async def acquire(self) -> None:
        """Wait until the lease is ours. Goes on through failures of the API server."""
        seen: tuple[Any, ...] | None = None
        since = 0.0
        while True:
            pause = min(2.0, self._duration / 5)
            try:
                there = await self._read()
                received = self._clock()
                spec = (there or {}).get("spec") or {}
                state = (spec.get("holderIdentity"), spec.get("acquireTime"), spec.get("renewTime"))
                if state != seen:
                    seen, since = state, received
                waited = received - since >= (spec.get("leaseDurationSeconds") or self._duration)
                if spec.get("holderIdentity") in (None, "", self._identity) or waited:
                    await self._take(there)
                    return
            except (AlreadyExists, Conflict, NotFound):
                pause = 0.1  # somebody else was quicker: look again
            except Unavailable as error:
                log.warning("lease %s/%s: %s", self._namespace, self._name, error)
                pause = max(pause, error.retry_after or 0.0)
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))

    async def hold(self) -> None:
        """Renew until the lease is lost; then `lost` was called and this returns."""
        every = self._duration / 3
        pause = every
        while True:
            await asyncio.sleep(max(0.0, min(pause, self._deadline - self._clock())))
            if not self.held:
                self._give_up("it could not be renewed in time")
                return
            try:
                await self._renew()
                pause = every
            except (Conflict, NotFound) as error:
                self._give_up(str(error))
                return
            except Unavailable as error:
                log.warning("lease %s/%s was not renewed: %s", self._namespace, self._name, error)
                pause = min(1.0, every / 2) * random.uniform(0.8, 1.2)
                # What the server asks for is given, as far as there is time for one more try.
                pause = max(pause, min(error.retry_after or 0.0, self._deadline - self._clock() - every / 2))

    async def release(self) -> None:
        """Stop acting and let the next one in at once. Call it when nothing that was sent is under way any more."""
        if not self.held:
            return
        self._deadline = float("-inf")
        try:
            try:
                await self._write_release()
            except Conflict:
                await self._catch_up(timeout=self._duration / 3)  # a renewal was given up on its way, and arrived
                await self._write_release()
        except (Conflict, NotFound, Unavailable) as error:
            log.info("lease %s/%s was not released: %s", self._namespace, self._name, error)

    @property
    def _path(self) -> str:
        return LEASES.one(self._namespace, self._name)

    async def _read(self, *, timeout: float | None = None) -> dict[str, Any] | None:
        try:
            return await self._client.get(self._path, timeout=timeout)
        except NotFound:
            return None

    async def _take(self, there: dict[str, Any] | None) -> None:
        spec = (there or {}).get("spec") or {}
        self._transitions = int(spec.get("leaseTransitions") or 0) + (there is not None)
        self._version = "" if there is None else there["metadata"]["resourceVersion"]
        self._acquired = format_rfc3339(time.time(), digits=6)
        sent = self._clock()
        body = self._body(holder=self._identity, renewed=self._acquired)
        if there is None:
            written = await self._client.create(LEASES.all(self._namespace), body, timeout=self._duration / 3)
        else:
            written = await self._client.replace(self._path, body, timeout=self._duration / 3)
        self._renewed(written, sent)
        log.info("lease %s/%s is held by %s", self._namespace, self._name, self._identity)

    async def _renew(self) -> None:
        try:
            await self._write()
        except Conflict:
            await self._catch_up(timeout=self._left())  # our own renewal whose reply was lost, or another holder
            await self._write()

    async def _catch_up(self, *, timeout: float) -> None:
        """Learn the version of our Lease. Raises Conflict where another process holds it: acquireTime tells."""
        there = await self._read(timeout=timeout)
        spec = (there or {}).get("spec") or {}
        if there is None or (spec.get("holderIdentity"), spec.get("acquireTime")) != (self._identity, self._acquired):
            raise Conflict(f"it was taken by {spec.get('holderIdentity') or 'nobody'}") from None
        self._version = there["metadata"]["resourceVersion"]

    async def _write(self) -> None:
        sent = self._clock()
        body = self._body(holder=self._identity, renewed=format_rfc3339(time.time(), digits=6))
        self._renewed(await self._client.replace(self._path, body, timeout=self._left()), sent)

    def _left(self) -> float:
        """Seconds that a request of a renewal may take."""
        return max(0.1, min(self._duration / 3, self._deadline - self._clock()))

    async def _write_release(self) -> None:
        body = self._body(holder="", renewed=format_rfc3339(time.time(), digits=6))
        await self._client.replace(self._path, body, timeout=self._duration / 3)

    def _renewed(self, written: dict[str, Any], sent: float) -> None:
        self._version = written["metadata"]["resourceVersion"]
        self._deadline = sent + self._duration - self._margin

    def _give_up(self, why: str) -> None:
        self._deadline = float("-inf")
        log.error("lease %s/%s is lost: %s", self._namespace, self._name, why)
        self._lost(why)

    def _body(self, *, holder: str, renewed: str) -> dict[str, Any]:
        metadata = {"name": self._name, "namespace": self._namespace}
        if self._version:
            metadata["resourceVersion"] = self._version
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": metadata,
            "spec": {
                "holderIdentity": holder,
                "leaseDurationSeconds": self._duration,
                "acquireTime": self._acquired,
                "renewTime": renewed,
                "leaseTransitions": self._transitions,
            },
        }
