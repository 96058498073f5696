"""The operator process: what runs in it, and in which order it starts and stops."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, cast

import kopf

from batchmatrix.adapters.kube.access import Access
from batchmatrix.adapters.kube.discovery import KindsMissing
from batchmatrix.adapters.telemetry.clock import SystemClock
from batchmatrix.adapters.telemetry.metrics import PrometheusMeter
from batchmatrix.base.errors import BatchMatrixError, LeaseLost, Unavailable
from batchmatrix.base.quantities import parse_duration
from batchmatrix.base.text import one_line
from batchmatrix.controller.backoff import Backoff
from batchmatrix.controller.catalogs import WatchedCatalogs
from batchmatrix.controller.leftovers import all_let_go, kinds_or_leftovers
from batchmatrix.controller.matrices import WatchedMatrices, registry_for, settings_for
from batchmatrix.controller.probes import Probes
from batchmatrix.controller.queue import WorkQueue
from batchmatrix.controller.signals import stop_on_signals, unless_stopped
from batchmatrix.engine.attempt import Phase
from batchmatrix.engine.pipeline import Engine
from batchmatrix.ledger.probe import probe
from batchmatrix.model.cell import MatrixRef
from batchmatrix.ports.meter import UNMETERED, Meter
from batchmatrix.ports.store import Store
from batchmatrix.settings import Identity, Settings
from batchmatrix.wiring.serving import Cluster, build_cluster, build_engine
from batchmatrix.wiring.stores import open_store

__all__ = ["Operator"]

logger = logging.getLogger(__name__)

PASS_INTERVAL = 0.25
"""Seconds between two passes over one matrix: what happens in between is one shard and one status write."""

SILENCE = 180.0
"""Seconds without a word from the API server after which the process counts as dead: streams end at 70."""

KOPF_SECONDS = 5.0
"""How long kopf may take to end."""


class Operator:
    """One process. `exit_now` ends it at once: when the lease is lost, and nothing may be sent; and, after all else is
    in order, when kopf has failed, of which something may be left that does not end.
    """

    def __init__(
        self,
        settings: Settings,
        identity: Identity,
        access: Access,
        *,
        exit_now: Callable[[int], None] = os._exit,
    ) -> None:
        self._settings = settings
        self._identity = identity
        self._access = access
        self._exit_now = exit_now
        self._backoff = Backoff(jitter=lambda: random.uniform(0.8, 1.2))
        self._tasks: list[asyncio.Task[None]] = []
        self._blind = False
        """The watch of matrices has failed for good."""
        self.meter = PrometheusMeter()
        self.queue: WorkQueue[MatrixRef] = WorkQueue(clock=SystemClock(), interval=PASS_INTERVAL)
        self.cluster: Cluster = build_cluster(
            settings,
            identity,
            access,
            changed=self.queue.add,
            nodes_changed=self._all_again,
            lost=self._lost,
            meter=self.meter,
        )
        self.matrices = WatchedMatrices(self.cluster.publisher, self.queue.add, self.cluster.matrices)
        self.catalogs = WatchedCatalogs(self.cluster.catalogs, self._catalog_changed)

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set. Raises BatchMatrixError where it cannot even begin, or matrices are not served."""
        try:
            begun = await unless_stopped(self._begin(), stop)
        except BatchMatrixError:
            await self.cluster.close()
            raise
        if begun is None:
            logger.info("stopping before it began")
            await self.cluster.close()
            return
        missing, stores = begun
        probes = Probes(
            alive=self._dead, ready=self._unready, metrics=self.meter.render, port=self._settings.probes.port
        )
        port = await probes.start()
        logger.info("probes and metrics are served", extra={"port": port})
        engine = build_engine(
            self._settings,
            self._identity,
            self.cluster,
            stores=stores,
            matrices=self.matrices,
            catalogs=self.catalogs,
            notify=lambda ref, delay: self.queue.add(ref, delay=delay),
            meter=self.meter,
        )
        self._show(engine)
        try:
            async with asyncio.TaskGroup() as group:
                self._start(group, "children", self.cluster.children.run())
                self._start(group, "nodes", self.cluster.nodes.run())
                if missing is None:
                    self._start(group, "kopf", self._watch_matrices(stop))
                else:
                    self._start(group, "leftovers", self._let_go(stop))
                self._start(group, "act", self._act(engine, group))
                await stop.wait()
                logger.info("stopping")
                for task in self._tasks:
                    task.cancel()
        finally:
            await engine.close()
            await self.cluster.lease.release()
            await probes.stop()
            for store in stores.values():
                await store.close()
            await self.cluster.close()
        if missing is not None:
            raise missing
        if self._blind:
            self._exit_now(1)

    async def _begin(self) -> tuple[KindsMissing | None, dict[str, Store]]:
        """What to end with, if anything, and the stores; nothing is served before."""
        missing = await kinds_or_leftovers(self.cluster.client, self._settings.namespaces or (None,))
        return missing, await open_stores(self._settings, token=self._identity.process, meter=self.meter)

    async def _let_go(self, stop: asyncio.Event) -> None:
        await all_let_go(self.cluster.client, self.cluster.children)
        stop.set()

    async def _act(self, engine: Engine, group: asyncio.TaskGroup) -> None:
        """Take the lease, wait until all is seen, then work."""
        await self.cluster.lease.acquire()
        self._start(group, "lease", self.cluster.lease.hold())
        await self.cluster.children.wait_synced()
        await self.cluster.nodes.wait_synced()
        logger.info("acting", extra={"identity": self._identity.holder})

        async def handle(ref: MatrixRef) -> None:
            await self._reconcile(engine, ref)

        for number in range(self._settings.workers):
            self._start(group, f"worker {number}", self.queue.work(handle))
        self._all_again()
        await engine.recall()
        while True:
            await asyncio.sleep(parse_duration(self._settings.resync) * random.uniform(0.9, 1.1))
            await self.matrices.check()
            await self.catalogs.check()
            await engine.recall()
            self._all_again()

    def _start(self, group: asyncio.TaskGroup, name: str, work: Coroutine[None, None, None]) -> None:
        self._tasks.append(group.create_task(work, name=name))

    async def _reconcile(self, engine: Engine, ref: MatrixRef) -> None:
        """One pass; a failure of one matrix is tried again later and leaves the others alone."""
        begun, result = time.monotonic(), "done"
        try:
            await engine.reconcile(ref)
        except LeaseLost as error:
            self._lost(str(error))
        except Unavailable as error:
            result = "later"
            self._again(ref, error, error.retry_after or 0.0)
        except Exception as error:
            result = "failed"
            logger.exception("pass failed", extra={"matrix": f"{ref.namespace}/{ref.name}"})
            self._again(ref, error, 0.0)
        else:
            self._backoff.succeeded(ref)
        self.meter.reconciled(result, time.monotonic() - begun)

    def _again(self, ref: MatrixRef, error: Exception, asked: float) -> None:
        delay = self._backoff.failed(ref, asked=asked)
        level = logging.WARNING if self._backoff.failures(ref) >= 3 else logging.INFO
        logger.log(
            level,
            "will try again in %.0f s: %s",
            delay,
            error,
            extra={"matrix": f"{ref.namespace}/{ref.name}"},
        )
        self.queue.add(ref, delay=delay)

    def _all_again(self) -> None:
        """Queue every matrix that is known, and those of which only children are left."""
        for ref in self.matrices.refs():
            self.queue.add(ref)
        for ref in self.cluster.children.refs():
            self.queue.add(ref)

    def _catalog_changed(self, namespace: str, name: str) -> None:
        """Queue the matrices that read it: one that could not be used may be right now."""
        for ref in self.matrices.refer_to(namespace, name):
            self.queue.add(ref)

    async def _watch_matrices(self, stop: asyncio.Event) -> None:
        tasks = await kopf.spawn_tasks(
            registry=registry_for(self.matrices, self.catalogs, self._connection),
            settings=settings_for(
                identity=self._identity.pod_name, silence=parse_duration(self._settings.api.watch_silence)
            ),
            standalone=True,
            clusterwide=not self._settings.namespaces,
            namespaces=self._settings.namespaces,
            # kopf would name itself after a user that the image does not have
            identity=cast("Any", self._identity.pod_name),
        )
        stop_on_signals(stop)  # kopf has taken them
        # Not kopf.run_tasks: after a failure that cancels our tasks too, and may wait for one of kopf's own for ever.
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            ended, _ = await asyncio.wait(tasks, timeout=KOPF_SECONDS)
            for task in ended:
                if not task.cancelled() and (problem := task.exception()) is not None:
                    logger.error("%s of kopf failed: %s", task.get_name(), one_line(repr(problem)))
        logger.error("matrices cannot be watched any more, exiting")
        self._blind = True
        stop.set()  # without its watch there is nothing to go on with

    async def _connection(self) -> kopf.AiohttpSession:
        """kopf opens a watch that was closed at once again without a pause; its session does not let it."""
        return kopf.AiohttpSession(server=self._access.server, aiohttp_session=self.cluster.watches.session)

    def _lost(self, why: str) -> None:
        """Nothing may be sent any more, not even a good-bye."""
        logger.error("lease lost, exiting: %s", why)
        self._exit_now(1)

    def _show(self, engine: Engine) -> None:
        """Have gauges read what there is at each scrape; all of it is at hand."""
        show = self.meter.show
        show("matrices", lambda: self.matrices.count)
        show("matrices_in_work", lambda: len(engine.runs))
        for phase in Phase:
            show("open_attempts", partial(engine.open_attempts, phase), phase.value)
        show("queue_depth", lambda: len(self.queue))
        show("followed_logs", lambda: engine.followed_logs)
        show("lease_held", lambda: self.cluster.lease.held)
        show("watch_silence_seconds", self.cluster.children.age)

    def _dead(self) -> str:
        age = self.cluster.children.age()
        return f"the API server has been silent for {age:.0f} s" if age > SILENCE else ""

    def _unready(self) -> str:
        """A standby is ready too, or a rolling update would wait for ever for the lease of the pod it replaces."""
        if not any(reflector.synced.is_set() for reflector in self.cluster.children.reflectors):
            return "Jobs and pods have not been listed yet"
        return self.cluster.children.trouble or self.cluster.watches.trouble


async def open_stores(settings: Settings, *, token: str, meter: Meter = UNMETERED) -> dict[str, Store]:
    """Open and probe every configured store. Raises BatchMatrixError where one cannot keep our promises."""
    stores: dict[str, Store] = {}
    for name, store_settings in settings.stores.items():
        try:
            stores[name] = await open_store(store_settings, meter)
            await probe(stores[name], token=token)
        except BatchMatrixError as error:
            raise BatchMatrixError(f"store {name!r}: {error}") from error
    return stores
