"""Bring a matrix into work: replay its ledger, read or pin the plan of its generation."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from batchmatrix.base.clock import format_rfc3339, parse_rfc3339
from batchmatrix.base.errors import InvalidSpec, Problem, Unavailable
from batchmatrix.engine.board import Board
from batchmatrix.engine.captures import Captures
from batchmatrix.engine.catalogs import Lookup, resolve, written_out
from batchmatrix.engine.drift import drift_of
from batchmatrix.engine.followslots import FollowSlots
from batchmatrix.engine.holds import Holds
from batchmatrix.engine.logbudget import LogBudget
from batchmatrix.engine.operations import Operations
from batchmatrix.engine.pinning import Pinned, Pins, as_pinned
from batchmatrix.engine.policy import DEFAULT_POLICY, policy_of, reading_rules
from batchmatrix.engine.preflights import Preflights
from batchmatrix.engine.pump import Pump
from batchmatrix.engine.rereading import READS, Rereading
from batchmatrix.engine.run import Run
from batchmatrix.ledger.errors import BrokenLedger
from batchmatrix.ledger.writer import Ledger
from batchmatrix.model.cell import PREFLIGHT, MatrixRef, Plan
from batchmatrix.model.v1alpha1 import BatchMatrix, parse_matrix
from batchmatrix.plan.build import build_plan
from batchmatrix.plan.order import launch_order
from batchmatrix.plan.preflight import preflight_cell
from batchmatrix.ports.clock import Clock
from batchmatrix.ports.cluster import Nodes
from batchmatrix.ports.logs import LogSource
from batchmatrix.ports.meter import UNMETERED, Meter
from batchmatrix.ports.store import Store
from batchmatrix.publish.keys import runs_prefix

__all__ = ["Opener"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Opener:
    """What it takes to open a matrix."""

    stores: Mapping[str, Store]
    nodes: Nodes
    catalogs: Lookup
    source: LogSource
    clock: Clock
    slots: FollowSlots
    reads: Callable[[], asyncio.Semaphore]
    """Makes a bound on how many logs are read at one time; each store has its own, so that none waits for another."""
    writer: str
    max_cells: int
    log_bytes: int
    """Raw bytes that all logs of one matrix may take together."""
    service_accounts: frozenset[str]
    notify: Callable[[MatrixRef, float], None]
    meter: Meter = UNMETERED
    pumps: dict[str, Pump] = field(default_factory=dict)
    """By store, as far as used."""
    rereads: dict[str, asyncio.Semaphore] = field(default_factory=dict)
    """By store how many logs may be read anew at one time."""

    async def open(self, ref: MatrixRef, body: Mapping[str, Any] | None) -> Run:
        """Replay the ledger of this object; its plan comes with `adopt`, or from the store where it is gone.

        Raises InvalidSpec for a store that is not configured, BrokenLedger where the store holds less than the
        object's status says: to go on would run again what was run.
        """
        name = await self._store_of(ref, body)
        store = self.stores[name]
        ledger = await Ledger.open(store, ref.prefix(), writer=self.writer, clock=self.clock, meter=self.meter)
        _compare(ledger, store, ref, body)
        if name not in self.pumps:
            self.pumps[name] = Pump(source=self.source, store=store, clock=self.clock, reads=self.reads())
        captures = Captures(
            pump=self.pumps[name], slots=self.slots, clock=self.clock, notify=lambda: self.notify(ref, 0.0)
        )
        operations = Operations(ledger.operations.values())
        rereading = Rereading(
            ledger=ledger,
            store=store,
            clock=self.clock,
            reads=self.rereads.setdefault(name, asyncio.Semaphore(READS)),
            notify=lambda: self.notify(ref, 0.0),
        )
        run = Run(
            ref=ref,
            store=store,
            ledger=ledger,
            captures=captures,
            policy=DEFAULT_POLICY,
            rereading=rereading,
            log_budget=LogBudget(self.log_bytes, sum(record.log.bytes for record in ledger.records.values())),
            operations=operations,
        )
        # of texts of one form the first is the earliest
        trials = (record for record in ledger.records.values() if record.id.cell_hash != PREFLIGHT)
        created = min((record.created for record in trials if record.created), default="")
        if created:
            run.note_launch(parse_rfc3339(created))
        run.holds, run.preflights = Holds(ledger.records.values()), Preflights(ledger.records.values())
        run.taken = len(ledger.records)
        await self._last_pinned(run)
        return run

    async def adopt(self, run: Run, body: Mapping[str, Any]) -> None:
        """Put the object's generation in force: its pinned plan, or a new one that is pinned first.

        An invalid generation leaves what was in force as it is, but for `suspend`, which is obeyed whatever else is
        wrong; `run.problem` says why, and if that was over catalogs it is tried again once one of them has changed.
        """
        generation = int(body["metadata"]["generation"])
        if generation < run.generation:
            return  # memory that is behind: the watch will catch up
        _obey_suspend(run, body)
        if generation == run.generation and not run.problem:
            await self._hold_against_catalogs(run)
            return
        if generation == run.generation and not await self._may_be_mended(run):
            return
        looked_up: dict[str, str] = {}
        try:
            matrix = parse_matrix(dict(body))
            if self._known(matrix.spec.store.name) is not run.store:
                text = (
                    f"is {matrix.spec.store.name!r} now, but results are in another; set it back, or make a new matrix"
                )
                raise InvalidSpec([Problem("spec.store.name", text)])  # noqa: TRY301  one place makes a condition of it
            pinned = await self._pinned(run, matrix, generation, body, looked_up)
        except InvalidSpec as error:
            run.generation, run.problem, run.looked_up = generation, str(error), looked_up
            return
        self._put_in_force(run, pinned)
        run.generation, run.problem, run.looked_up = generation, "", {}
        await self._hold_against_catalogs(run)

    async def _may_be_mended(self, run: Run) -> bool:
        return await self.catalogs.may_be_mended(run.ref.namespace, run.looked_up, now=self.clock.monotonic())

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

    async def _pinned(
        self, run: Run, matrix: BatchMatrix, generation: int, body: Mapping[str, Any], looked_up: dict[str, str]
    ) -> Pinned:
        """What is pinned of this generation; what is not yet, is made and pinned. Raises InvalidSpec, Unavailable.

        `looked_up` gets the versions of the MatrixCatalogs that were read, by name.
        """
        pins = Pins(run.store, run.ref)
        pinned = await pins.load(generation)
        if pinned is not None:
            return pinned
        catalog = await pins.catalog(generation)
        if catalog is None:
            now = self.clock.monotonic()
            found = await self.catalogs.read(matrix, run.ref.namespace, earlier=run.catalog, now=now)
            looked_up.update(found.versions)
            catalog = as_pinned(resolve(matrix, found, earlier=run.catalog), generation)
        whole = written_out(matrix, catalog)
        plan = self._plan(run, whole, generation)  # nothing is pinned of a generation that cannot be run
        kept = await pins.put_catalog(generation, catalog)
        there = await pins.put_matrix(generation, whole if kept is catalog else written_out(matrix, kept), body)
        if there is not whole:  # another process was first
            plan = self._plan(run, there, generation)
        return Pinned(matrix=there, catalog=kept, plan=await pins.put_plan(plan))

    def _plan(self, run: Run, matrix: BatchMatrix, generation: int) -> Plan:
        return build_plan(
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

    async def _last_pinned(self, run: Run) -> None:
        """After a restart, what was in force before: the newest generation with a plan."""
        pins = Pins(run.store, run.ref)
        newest = await pins.newest()
        pinned = await pins.load(newest) if newest is not None else None
        if newest is not None and pinned is not None:
            self._put_in_force(run, pinned)
            run.generation = newest

    def _put_in_force(self, run: Run, pinned: Pinned) -> None:
        matrix, plan = pinned.matrix, pinned.plan
        run.matrix, run.catalog, run.plan = matrix, pinned.catalog, plan
        run.compared, run.drift = None, ""
        run.policy = policy_of(matrix)
        run.reading = reading_rules(matrix)
        run.preflight = preflight_cell(matrix.spec, plan)
        run.board = Board(
            plan,
            order=launch_order(plan),
            rules=run.policy.retry,
            records=run.ledger.records.values(),
            operations=run.operations,
        )
        run.rereading.begin(plan, run.reading)
        run.taken = len(run.ledger.records)
        run.published = None

    async def _hold_against_catalogs(self, run: Run) -> None:
        """Note which entries say something else by now; only when one of their catalogs has changed."""
        if run.catalog is None:
            return
        namespace, now = run.ref.namespace, self.clock.monotonic()
        if run.compared is None or self.catalogs.changed(namespace, run.compared, now=now):
            try:
                run.compared, run.drift = await drift_of(run.catalog, self.catalogs, namespace, now=now)
            except Unavailable as error:  # it is only shown: another pass will tell
                logger.debug("catalogs cannot be compared: %s", error)


def _obey_suspend(run: Run, body: Mapping[str, Any]) -> None:
    """Whoever suspends must be obeyed, even where what surrounds the operator has made the rest of the spec invalid."""
    spec = body.get("spec")
    suspend = spec.get("suspend", False) if isinstance(spec, Mapping) else None
    if isinstance(suspend, bool):
        run.policy = replace(run.policy, suspended=suspend)


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
