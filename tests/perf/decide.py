"""One look at a large matrix: what observe and decide cost, and what a restart pays to know where every trial stands.

CPU of this process alone; no cluster, no store. The shape is what counts: a pass must cost what is open, not what the
matrix holds, and the board must grow in step with its records.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import median
from typing import Any

from batchmatrix.base.clock import format_rfc3339
from batchmatrix.engine.actions import Start
from batchmatrix.engine.board import Board
from batchmatrix.engine.captures import Captures
from batchmatrix.engine.decide import Decision
from batchmatrix.engine.decide import decide as decide_once
from batchmatrix.engine.followslots import FollowSlots
from batchmatrix.engine.logbudget import LogBudget
from batchmatrix.engine.observe import observe
from batchmatrix.engine.policy import DEFAULT_POLICY
from batchmatrix.engine.rereading import Rereading
from batchmatrix.engine.run import Run
from batchmatrix.model.cell import Plan
from batchmatrix.model.launch import AttemptId
from batchmatrix.model.observed import JobState, NodeState, PodState
from batchmatrix.model.record import Record
from batchmatrix.plan.order import launch_order
from tests.perf.table import Table
from tests.support.engine import REF, RUNNING, a_cell, a_job, a_pod, a_record

__all__ = ["Timing", "decide", "table"]

TRIALS = 20_000
SMALL = 400
CELLS = 20
OPEN = 100
HELD = 2000
"""Finished Jobs that stay for 45 s after their record, at some 45 cells a second."""
HOLD = 45.0
LEAST = 15
MOST = 200
ENOUGH = 0.3
"""Seconds of CPU after which no more goes are needed."""
NOW = 1_800_000_000.0


@dataclass(frozen=True, slots=True)
class Timing:
    """CPU of one kind of work; the median of several goes."""

    what: str
    trials: int
    ms: float


class World:
    """A matrix of `trials` trials with `open_` attempts running, `held` finished Jobs still there, the rest to come."""

    def __init__(self, *, trials: int, open_: int, held: int) -> None:
        cells = tuple(a_cell(f"cell-{number}", trials=trials // CELLS) for number in range(CELLS))
        self.plan = Plan(REF, 1, cells, "rounds", "seed", "2026-01-01T00:00:00Z")
        self.order = launch_order(self.plan)
        ids = [AttemptId(cells[cell].hash, trial, 0) for cell, trial in self.order[: held + open_]]
        jobs = [replace(a_job(each), uid=f"job-{number}", created=NOW - 60) for number, each in enumerate(ids)]
        recorded = format_rfc3339(NOW - 10, digits=6)
        records = [a_record(each, pod_uid=f"pod-{number}", recorded=recorded) for number, each in enumerate(ids[:held])]
        pods = [_running(job, number) for number, job in enumerate(jobs)]
        done = [replace(job, phase="complete", finished=NOW - 11) for job in jobs[:held]]
        ended = [replace(pod, finalized=False, phase="Succeeded") for pod in pods[:held]]
        self._jobs = (*done, *jobs[held:])
        self._pods = (*ended, *pods[held:])
        self.policy = replace(DEFAULT_POLICY, parallelism=open_, timeout=86_400.0, keep_jobs="none")
        nothing: Any = _Nothing()
        self.run = Run(
            ref=REF,
            store=nothing,
            ledger=_Entries(records),  # type: ignore[arg-type]
            captures=Captures(pump=nothing, slots=FollowSlots(0), clock=nothing, notify=lambda: None),
            policy=self.policy,
            plan=self.plan,
            board=Board(self.plan, order=self.order, rules={}, records=records),
            launched={job.id: job for job in self._jobs},
            rereading=Rereading(
                ledger=_Entries(records),  # type: ignore[arg-type]
                store=nothing,
                clock=nothing,
                reads=asyncio.Semaphore(1),
                notify=lambda: None,
            ),
            log_budget=LogBudget(1 << 40),
        )

    def jobs(self, matrix_uid: str) -> Sequence[JobState]:
        """Fills ports.cluster.Children."""
        return self._jobs

    def pods(self, matrix_uid: str) -> Sequence[PodState]:
        """Fills ports.cluster.Children."""
        return self._pods

    def all(self) -> Sequence[NodeState]:
        """Fills ports.cluster.Nodes."""
        return ()

    def look(self) -> Decision:
        """One pass without its actions."""
        view = observe(self.run, children=self, nodes=self, now=NOW, hold=HOLD)
        return decide_once(view, NOW, follow_slots=0)


class _Entries:
    """What a pass reads of a ledger."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.records: Mapping[str, Record] = {record.key: record for record in records}
        self.attempts = {record.id: (record,) for record in records}
        self.intents: Mapping[AttemptId, Any] = {}


class _Nothing:
    """Stands where a pass has no business: every use fails."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"a pass used {name} of something that it must not touch")


def _running(job: JobState, number: int) -> PodState:
    container = replace(RUNNING, started=NOW - 20)
    return replace(a_pod(job, container=container), uid=f"pod-{number}", created=NOW - 50, scheduled=NOW - 50)


def decide(say: Callable[[str], None]) -> list[Timing]:
    """All timings. Raises RuntimeError where a pass does not see what there is."""
    say("decide: passes and boards")
    found = []
    for trials, held in ((SMALL, 0), (TRIALS, 0), (TRIALS, HELD)):
        world = World(trials=trials, open_=OPEN, held=held)
        first = world.look()
        if sum(first.phases.values()) != OPEN or any(isinstance(action, Start) for action in first.actions):
            raise RuntimeError(f"a pass over {OPEN} open attempts saw {dict(first.phases)}")
        found.append(Timing(_name("pass", held), trials, _cpu(world.look)))
    for trials in (TRIALS // 10, TRIALS):
        world = World(trials=trials, open_=0, held=trials)
        records = list(world.run.ledger.records.values())
        found.append(Timing("floor: dict of the records", trials, _cpu(partial(_index, records))))
        found.append(Timing("board from the records", trials, _cpu(partial(_board, world, records))))
    return found


def _name(what: str, held: int) -> str:
    return f"{what}, {OPEN} open" + (f", {held} finished Jobs there" if held else "")


def _index(records: Sequence[Record]) -> dict[tuple[str, int], list[Record]]:
    found: dict[tuple[str, int], list[Record]] = {}
    for record in records:
        found.setdefault((record.id.cell_hash, record.id.trial), []).append(record)
    return found


def _board(world: World, records: Sequence[Record]) -> None:
    board = Board(world.plan, order=world.order, rules={}, records=records)
    if board.done != len(records):
        raise RuntimeError(f"{len(records)} records made {board.done} results")


def _cpu(work: Callable[[], object]) -> float:
    """Milliseconds of CPU, the median of LEAST to MOST goes."""
    goes: list[float] = []
    while len(goes) < LEAST or (len(goes) < MOST and sum(goes) < ENOUGH):
        begin = time.process_time()
        work()
        goes.append(time.process_time() - begin)
    return 1e3 * median(goes)


def table(timings: Sequence[Timing]) -> Table:
    """The timings, and how they grow."""
    found = Table("decide: CPU without any I/O", ("", "trials", "ms"))
    for each in timings:
        found.add(each.what, str(each.trials), f"{each.ms:.2f}")
    by = {(each.what, each.trials): each.ms for each in timings}
    plain, held = _name("pass", 0), _name("pass", HELD)
    board, floor = "board from the records", "floor: dict of the records"
    found.ratio(f"pass, {TRIALS} trials / {SMALL} trials", by[plain, TRIALS] / by[plain, SMALL])
    found.ratio(f"pass, {HELD} finished Jobs there / none", by[held, TRIALS] / by[plain, TRIALS])
    found.ratio("board / floor", by[board, TRIALS] / by[floor, TRIALS])
    found.ratio("board, 10 times the records / once", by[board, TRIALS] / by[board, TRIALS // 10])
    return found
