"""Bring a matrix into work: replay its ledger, read or pin the plan of its generation."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from batchmatrix.base.clock import format_rfc3339
from batchmatrix.base.errors import AlreadyExists, InvalidSpec, NotFound, Problem
from batchmatrix.base.ids import canonical_json
from batchmatrix.engine.board import Board
from batchmatrix.engine.captures import Captures, FollowSlots
from batchmatrix.engine.policy import DEFAULT_POLICY, metric_definitions, policy_of
from batchmatrix.engine.pump import Pump
from batchmatrix.engine.run import Run
from batchmatrix.ledger.errors import BrokenLedger
from batchmatrix.ledger.writer import Ledger
from batchmatrix.model.cell import MatrixRef, Plan
from batchmatrix.model.v1alpha1 import BatchMatrix, parse_matrix
from batchmatrix.plan.build import build_plan
from batchmatrix.plan.order import launch_order
from batchmatrix.plan.pin import dump_plan, load_plan
from batchmatrix.ports.clock import Clock
from batchmatrix.ports.cluster import Nodes
from batchmatrix.ports.logs import LogSource
from batchmatrix.ports.store import Store
from batchmatrix.publish.keys import plan_key, runs_prefix, spec_key

__all__ = ["Opener"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Opener:
    """What it takes to open a matrix."""

    stores: Mapping[str, Store]
    nodes: Nodes
    source: LogSource
    clock: Clock
    slots: FollowSlots
    reads: Callable[[], asyncio.Semaphore]
    """Makes a bound on how many logs are read at one time; each store has its own, so that none waits for another."""
    writer: str
    max_cells: int
    service_accounts: frozenset[str]
    notify: Callable[[MatrixRef, float], None]
    pumps: dict[str, Pump] = field(default_factory=dict)
    """By store, as far as used."""

    async def open(self, ref: MatrixRef, body: Mapping[str, Any] | None) -> Run:
        """Replay the ledger of this object; its plan comes with `adopt`, or from the store where it is gone.

        Raises InvalidSpec for a store that is not configured, BrokenLedger where the store holds less than the
        object's status says: to go on would run again what was run.
        """
        name = await self._store_of(ref, body)
        store = self.stores[name]
        ledger = await Ledger.open(store, ref.prefix(), writer=self.writer, clock=self.clock)
        _compare(ledger, store, ref, body)
        if name not in self.pumps:
            self.pumps[name] = Pump(source=self.source, store=store, clock=self.clock, reads=self.reads())
        captures = Captures(
            pump=self.pumps[name], slots=self.slots, clock=self.clock, notify=lambda: self.notify(ref, 0.0)
        )
        run = Run(ref=ref, store=store, ledger=ledger, captures=captures, policy=DEFAULT_POLICY)
        await self._last_pinned(run)
        return run

    async def adopt(self, run: Run, body: Mapping[str, Any]) -> None:
        """Put the object's generation in force: its pinned plan, or a new one that is pinned first.

        An invalid generation leaves what was in force as it is; `run.problem` says why.
        """
        generation = int(body["metadata"]["generation"])
        if generation <= run.generation:
            return  # an older one is memory that is behind: the watch will catch up
        try:
            matrix = parse_matrix(dict(body))
            if self._known(matrix.spec.store.name) is not run.store:
                text = (
                    f"is {matrix.spec.store.name!r} now, but results are in another; set it back, or make a new matrix"
                )
                raise InvalidSpec([Problem("spec.store.name", text)])  # noqa: TRY301  one place makes a condition of it
            plan = await self._pinned(run, matrix, generation, body)
        except InvalidSpec as error:
            run.generation, run.problem = generation, str(error)
            return
        self._put_in_force(run, matrix, plan)
        run.generation, run.problem = generation, ""

    def _known(self, name: str) -> Store:
        if name not in self.stores:
            known = ", ".join(sorted(self.stores))
            raise InvalidSpec([Problem("spec.store.name", f"no store {name!r} is configured; there is: {known}")])
        return self.stores[name]

    async def _store_of(self, ref: MatrixRef, body: Mapping[str, Any] | None) -> str:
        """Name of the store that holds, or is to hold, this object's results."""
        if body is not None:
            spec = body.get("spec") or {}
            name = str((spec.get("store") or {}).get("name", "default"))
            self._known(name)
            return name
        for name, store in self.stores.items():  # gone: what it named is not known, but its plan lies where it was
            async for _ in store.list(f"{ref.prefix()}/{runs_prefix()}"):
                return name
        return "default" if "default" in self.stores else next(iter(self.stores))

    async def _pinned(self, run: Run, matrix: BatchMatrix, generation: int, body: Mapping[str, Any]) -> Plan:
        prefix = run.ref.prefix()
        key = f"{prefix}/{plan_key(generation)}"
        try:
            return load_plan(await run.store.get(key))
        except NotFound:
            pass
        plan = build_plan(
            matrix,
            run.ref,
            generation=generation,
            nodes=self.nodes.all(),
            previous=run.plan,
            order_seed=run.ref.uid,
            now=format_rfc3339(self.clock.now()),
            max_cells=self.max_cells,
            service_accounts=self.service_accounts,
        )
        await _put_once(run.store, f"{prefix}/{spec_key(generation)}", canonical_json(_lean(body)))
        try:
            await run.store.put_new(key, dump_plan(plan))
        except AlreadyExists:
            return load_plan(await run.store.get(key))
        return plan

    async def _last_pinned(self, run: Run) -> None:
        """After a restart, what was in force before: the newest generation with a plan."""
        prefix = f"{run.ref.prefix()}/{runs_prefix()}"
        newest = -1
        async for item in run.store.list(prefix):
            generation, _, name = item.key.removeprefix(prefix).partition("/")
            if name == "plan.json" and generation.isdigit():
                newest = max(newest, int(generation))
        if newest < 0:
            return
        plan = load_plan(await run.store.get(f"{run.ref.prefix()}/{plan_key(newest)}"))
        matrix = parse_matrix(_json(await run.store.get(f"{run.ref.prefix()}/{spec_key(newest)}")))
        self._put_in_force(run, matrix, plan)
        run.generation = newest

    def _put_in_force(self, run: Run, matrix: BatchMatrix, plan: Plan) -> None:
        run.matrix, run.plan = matrix, plan
        run.policy = policy_of(matrix)
        run.metrics = metric_definitions(matrix)
        run.board = Board(plan, order=launch_order(plan), rules=run.policy.retry, records=run.ledger.records.values())
        run.published = None


def _compare(ledger: Ledger, store: Store, ref: MatrixRef, body: Mapping[str, Any] | None) -> None:
    """Hold the ledger against what the object's status says was durable."""
    noted = ((body or {}).get("status") or {}).get("ledger") or {}
    shard, sha256 = int(noted.get("shard") or 0), str(noted.get("sha256") or "")
    where = f"{store.url}/{ref.prefix()}/ledger"
    if shard > ledger.sequence:
        raise BrokenLedger(
            f"{where} ends at shard {ledger.sequence}, but shard {shard} was written: bring the store back, "
            "or delete this matrix and make it anew to run everything again"
        )
    if shard == ledger.sequence and sha256 and sha256 != ledger.digest:
        raise BrokenLedger(f"{where}: shard {shard} is another than the one that was written; bring the store back")


def _lean(body: Mapping[str, Any]) -> dict[str, Any]:
    """What of an object is the user's own: enough to parse it again."""
    metadata = body["metadata"]
    return {
        "apiVersion": body["apiVersion"],
        "kind": body["kind"],
        "metadata": {key: metadata[key] for key in ("namespace", "name", "uid", "generation")},
        "spec": body["spec"],
    }


async def _put_once(store: Store, key: str, data: bytes) -> None:
    try:
        await store.put_new(key, data)
    except AlreadyExists:
        logger.debug("%s is there already", key)


def _json(data: bytes) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(data)
    return value
