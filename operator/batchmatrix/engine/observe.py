"""One look at a matrix: Jobs and pods from memory, laid beside what the ledger knows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

from batchmatrix.base.clock import parse_rfc3339
from batchmatrix.engine.attempt import Attempt
from batchmatrix.engine.decide import Recorded, View
from batchmatrix.engine.run import Run
from batchmatrix.model.cell import Cell
from batchmatrix.model.evidence import Intent
from batchmatrix.model.launch import AttemptId
from batchmatrix.model.observed import JobState, NodeState, PodState
from batchmatrix.model.record import IntentEntry
from batchmatrix.plan.fit import why_unfit
from batchmatrix.ports.cluster import Children, Nodes

__all__ = ["UNSEEN_LIMIT", "observe"]

UNSEEN_LIMIT = 60.0
"""Seconds after which a Job that was created and never seen by the watch counts as gone."""


def observe(run: Run, *, children: Children, nodes: Nodes, now: float, hold: float, gone: bool) -> View:
    """The view that decide works on; also brings the run's memory of what was seen up to date."""
    jobs = {job.uid: job for job in children.jobs(run.ref.uid)}
    pods_by_job: dict[str, list[PodState]] = defaultdict(list)
    for pod in children.pods(run.ref.uid):
        pods_by_job[pod.job_uid].append(pod)
    _remember_launches(run, jobs)
    opened: list[Attempt] = []
    recorded: list[Recorded] = []
    present: set[str] = set()
    fitting = _Fitting(run, nodes, now)

    for job in jobs.values():
        pods = pods_by_job.pop(job.uid, [])
        present.update(pod.uid for pod in pods)
        vanished = [pod for pod in run.seen.values() if pod.job_uid == job.uid and pod.uid not in present]
        _sort(run, job, pods, vanished, opened, recorded, fitting, gone)
    for pods in pods_by_job.values():
        present.update(pod.uid for pod in pods)
        _sort(run, None, pods, [], opened, recorded, fitting, gone)
    handled = present | {attempt.pod.uid for attempt in opened if attempt.pod is not None}
    for pod in [pod for uid, pod in run.seen.items() if uid not in handled]:
        _sort(run, None, [], [pod], opened, recorded, fitting, gone)
    for job in run.launched.values():
        if not run.ledger.attempts.get(job.id) and not any(attempt.id == job.id for attempt in opened):
            unseen = now - job.created < UNSEEN_LIMIT and job.uid not in run.sighted
            opened.append(_attempt(run, job.id, job if unseen else None, None, fitting, gone))

    run.seen = {attempt.pod.uid: attempt.pod for attempt in opened if attempt.pod is not None}
    run.captures.mark_ended(
        attempt.pod.uid
        for attempt in opened
        if attempt.pod is not None
        and (attempt.gone or attempt.pod.finished or attempt.pod.container.state == "terminated")
    )
    run.forget_sent(present | jobs.keys())
    return View(
        board=run.board,
        policy=run.policy,
        open=opened,
        recorded=recorded,
        hold=hold,
        gone=gone,
    )


def _sort(
    run: Run,
    job: JobState | None,
    pods: list[PodState],
    vanished: list[PodState],
    opened: list[Attempt],
    recorded: list[Recorded],
    fitting: Callable[[Cell | None, PodState], tuple[float | None, str]],
    gone: bool,
) -> None:
    """Attempts of one Job: those that need a record, and what can be tidied of those that have one."""
    before = len(opened)
    for pod in pods:
        record = run.ledger.records.get(pod.uid)
        if record is None:
            opened.append(_attempt(run, pod.id, job, pod, fitting, gone))
        else:
            finalized = pod.finalized and pod.uid not in run.sent
            recorded.append(Recorded(record, None, replace(pod, finalized=finalized)))
    for pod in vanished:
        if pod.uid not in run.ledger.records:
            opened.append(replace(_attempt(run, pod.id, job, pod, fitting, gone), gone=True))
    if job is None or len(opened) > before:
        return
    records = run.ledger.attempts.get(job.id)
    if not records:
        opened.append(_attempt(run, job.id, job, None, fitting, gone))
    elif job.uid not in run.sent:
        recorded.append(Recorded(records[-1], job, None))


def _attempt(
    run: Run,
    attempt: AttemptId,
    job: JobState | None,
    pod: PodState | None,
    fitting: Callable[[Cell | None, PodState], tuple[float | None, str]],
    gone: bool,
) -> Attempt:
    key = (attempt.cell_hash, attempt.trial)
    board = run.board
    wanted = not gone and board is not None and board.wants(key)
    if board is not None:
        board.start(key, attempt.attempt)
    intents = run.ledger.intents.get(attempt)
    unfit: float | None = None
    problem = ""
    if pod is not None and not pod.node:
        unfit, problem = fitting(board.cells.get(attempt.cell_hash) if board is not None else None, pod)
    return Attempt(
        id=attempt,
        job=job,
        pod=pod,
        wanted=wanted,
        intent=_newest(intents) if intents else None,
        capture=run.captures.view(pod.uid) if pod is not None else None,
        unfit_since=unfit,
        problem=problem,
    )


def _newest(intents: Sequence[IntentEntry]) -> Intent:
    entry = intents[-1]
    return Intent(entry.action, parse_rfc3339(entry.time), entry.message)


class _Fitting:
    """Since when no node could hold a cell's pod, asked only for pods that have no node, once per cell and pass."""

    def __init__(self, run: Run, nodes: Nodes, now: float) -> None:
        self._run = run
        self._now = now
        self._nodes = nodes
        self._all: tuple[NodeState, ...] | None = None
        self._looked = False
        self._answers: dict[str, str | None] = {}

    def __call__(self, cell: Cell | None, pod: PodState) -> tuple[float | None, str]:
        if cell is None or not pod.unschedulable:
            return None, ""
        if not self._looked:
            nodes = self._nodes.all()
            self._all = tuple(nodes) if nodes is not None else None
            self._looked = True
        if self._all is None:
            return None, ""
        if cell.hash not in self._answers:
            self._answers[cell.hash] = why_unfit(cell.work, self._all)
        problem = self._answers[cell.hash]
        if problem is None:
            self._run.unfit.pop(pod.uid, None)
            return None, ""
        return self._run.unfit.setdefault(pod.uid, self._now), problem


def _remember_launches(run: Run, jobs: dict[str, JobState]) -> None:
    """A create that was answered counts as there until the watch shows it, so that nothing is sent twice."""
    for attempt, job in list(run.launched.items()):
        if job.uid in jobs:
            run.sighted.add(job.uid)
        if run.ledger.attempts.get(attempt) and job.uid not in jobs:
            del run.launched[attempt]
            run.sighted.discard(job.uid)
