"""One look at a matrix: Jobs and pods from memory, laid beside what the ledger knows."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

from batchmatrix.base.clock import parse_rfc3339
from batchmatrix.engine.attempt import UNWANTED, Attempt
from batchmatrix.engine.decide import Recorded, View
from batchmatrix.engine.preflights import Gate
from batchmatrix.engine.run import Run
from batchmatrix.engine.stops import Stop, left_of_deadline, stop_of
from batchmatrix.engine.tokens import ANNOTATIONS
from batchmatrix.model.cell import PREFLIGHT, Cell
from batchmatrix.model.evidence import Intent, Outcome
from batchmatrix.model.launch import AttemptId
from batchmatrix.model.observed import JobState, NodeState, PodState
from batchmatrix.model.record import IntentEntry
from batchmatrix.plan.fit import places, why_unfit
from batchmatrix.ports.cluster import Children, Nodes

__all__ = ["UNSEEN_LIMIT", "observe", "unshown"]

UNSEEN_LIMIT = 60.0
"""Seconds after which a Job that was created and never seen by the watch counts as gone."""


def unshown(run: Run, children: Children) -> dict[str, PodState]:
    """Pods that memory does not show any more and that are not done with, by uid, as last known: the server is asked.

    They have no record yet, or have one, and the finalizer is not off.
    """
    shown, records = {pod.uid for pod in children.pods(run.ref.uid)}, run.ledger.records
    opened = {uid: pod for uid, pod in run.seen.items() if uid not in records}
    held = {
        uid: pod for uid, pod in run.vanished.there.items() if uid in records and pod.finalized and uid not in run.sent
    }
    return {uid: pod for uid, pod in {**held, **opened}.items() if uid not in shown}


def observe(run: Run, *, children: Children, nodes: Nodes, now: float, hold: float) -> View:
    """The view that decide works on; also brings the run's memory of what was seen up to date."""
    jobs = {job.uid: job for job in children.jobs(run.ref.uid)}
    pods = {pod.uid: pod for pod in children.pods(run.ref.uid) if _is_ours(run, pod, jobs)}
    pods |= run.vanished.as_known(unshown(run, children))
    for job in (*jobs.values(), *run.launched.values()):
        if job.id.cell_hash != PREFLIGHT:
            run.note_launch(job.created)
    left = _left(run, now)
    stop = stop_of(run.board, run.policy, left) if run.board is not None else None
    look = _Look(run, _Fitting(run, nodes, now), now=now, stop=stop)
    present, vanished = _by_job(pods.values()), _by_job(pod for uid, pod in run.seen.items() if uid not in pods)
    for uid, job in jobs.items():
        look.at(job, present.pop(uid, ()), vanished.pop(uid, ()))
    for uid in present.keys() | vanished.keys():
        look.at(None, present.get(uid, ()), vanished.get(uid, ()))
    look.at_launches(jobs.keys(), now)
    run.seen = {attempt.pod.uid: attempt.pod for attempt in look.opened if attempt.pod is not None}
    run.captures.mark_ended(
        (attempt.pod.uid, attempt.pod.container.finished, attempt.over)
        for attempt in look.opened
        if attempt.pod is not None and attempt.given_up
    )
    run.forget_sent(pods.keys() | jobs.keys())
    return View(
        run.board,
        run.policy,
        open=look.opened,
        recorded=look.recorded,
        hold=hold,
        held_until=run.holds.until,
        gate=_gate(run),
        gone=run.deleted,
        halted=run.halted,
        stop=stop,
        stop_at=now + left if left is not None and left > 0 and not run.policy.suspended else None,
        places=_places(run, nodes),
        unread=run.rereading.trials,
    )


def _gate(run: Run) -> Gate | None:
    if run.preflight is None or run.plan is None:
        return None
    asked = [
        parse_rfc3339(each.time)
        for each in run.ledger.operations.values()
        if each.action == "rerun" and not each.message
    ]
    return run.preflights.gate(
        run.preflight, run.plan.generation, rules=run.policy.retry, asked=max(asked, default=None)
    )


def _left(run: Run, now: float) -> float | None:
    """What is left of the deadline; a rerun is a new beginning, or it could not run after the old one's end."""
    start, rerun = run.first_launch, run.operations.rerun_time
    if start is not None and rerun is not None:
        start = max(start, rerun)
    pauses = [*run.operations.suspensions, *run.holds.spans]
    return left_of_deadline(run.policy, first_launch=start, pauses=pauses, now=now)


def _is_ours(run: Run, pod: PodState, jobs: Collection[str]) -> bool:
    """Labels alone are nothing: anybody may write them. Our finalizer is on a pod until its record is durable."""
    if pod.namespace != run.ref.namespace:
        return False
    return pod.finalized or pod.job_uid in jobs or pod.uid in run.seen


def _places(run: Run, nodes: Nodes) -> Callable[[Cell], int | None]:
    """No limit where nodes may come, or where they may not be seen."""
    seen = None if run.policy.wait_for_nodes else nodes.all()
    if seen is None:
        return lambda _cell: None
    return lambda cell: places(cell.work, seen)


def _by_job(pods: Iterable[PodState]) -> dict[str, list[PodState]]:
    groups: dict[str, list[PodState]] = defaultdict(list)
    for pod in pods:
        groups[pod.job_uid].append(pod)
    return groups


class _Look:
    """Sorts Jobs and pods into attempts that need a record and what can be tidied of those that have one."""

    def __init__(self, run: Run, fitting: _Fitting, *, now: float, stop: Stop | None) -> None:
        self.opened: list[Attempt] = []
        self.recorded: list[Recorded] = []
        self._run = run
        self._fitting = fitting
        self._now = now
        self._stop = stop

    def at(self, job: JobState | None, pods: Sequence[PodState], vanished: Sequence[PodState]) -> None:
        """One Job with all its pods, or the pods of a Job that is not there any more."""
        run, before = self._run, len(self.opened)
        if job is not None:
            self._note_suspension(job)
        for pod in pods:
            record = run.ledger.records.get(pod.uid)
            if record is None:
                self.opened.append(self._attempt(pod.id, job, pod))
            elif pod.finalized and pod.uid not in run.sent:
                self.recorded.append(Recorded(record, None, pod))
        for pod in vanished:
            if pod.uid not in run.ledger.records:
                self.opened.append(replace(self._attempt(pod.id, job, pod), gone=True))
        if job is None or len(self.opened) > before:
            return
        records = run.ledger.attempts.get(job.id)
        if not records or self._will_have_another_pod(job, records[-1].outcome):
            self.opened.append(self._attempt(job.id, job, None))
        elif job.uid not in run.sent:
            self.recorded.append(Recorded(records[-1], job, None))

    def _will_have_another_pod(self, job: JobState, last: Outcome) -> bool:
        """A Job that was suspended under its pod is not over: it makes a second pod when it is resumed.

        One whose pod the scheduler preempted looks the same for a moment, until its end is seen.
        """
        if job.phase != "active" or job.deleting or last is not Outcome.PREEMPTED:
            return False
        self._run.resumed.setdefault(job.uid, self._now)
        return True

    def _note_suspension(self, job: JobState) -> None:
        resumed = self._run.resumed
        if job.suspended:
            resumed[job.uid] = math.inf
        elif resumed.get(job.uid) == math.inf:
            resumed[job.uid] = self._now

    def at_launches(self, jobs: Iterable[str], now: float) -> None:
        """A create that was answered counts as there until the watch shows it, so that nothing is sent twice."""
        run, shown = self._run, set(jobs)
        known = {attempt.id for attempt in self.opened}
        for attempt, job in list(run.launched.items()):
            if job.uid in shown:
                run.sighted.add(job.uid)
            elif run.ledger.attempts.get(attempt):
                del run.launched[attempt]
                run.sighted.discard(job.uid)
            elif attempt not in known:
                unseen = job.uid not in run.sighted and now - job.created < UNSEEN_LIMIT
                self.opened.append(self._attempt(attempt, job if unseen else None, None))

    def _attempt(self, attempt: AttemptId, job: JobState | None, pod: PodState | None) -> Attempt:
        run, board = self._run, self._run.board
        cell = board.cells.get(attempt.cell_hash) if board is not None else None
        key = (attempt.cell_hash, attempt.trial)
        if board is not None:
            board.start(key, attempt.attempt)
        unfit: float | None = None
        problem = ""
        if board is not None and pod is not None and pod.unschedulable and not pod.node:
            unfit, problem = self._fitting(cell, pod)
        unwanted = self._unwanted(attempt, pod)
        return Attempt(
            id=attempt,
            job=job,
            pod=pod,
            wanted=not unwanted,
            unwanted=unwanted,
            intent=_newest(run.ledger.intents.get(attempt, ())),
            capture=run.captures.view(pod.uid) if pod is not None else None,
            unfit_since=unfit,
            problem=problem,
            resumed=run.resumed.get(job.uid) if job is not None else None,
            obstacle=run.obstacles.get(job.uid) if job is not None else None,
            timeout=cell.timeout if cell is not None else None,
            matrix_deleted=run.deleted,
        )

    def _wants_preflight(self, attempt: AttemptId) -> bool:
        """That of an earlier generation is of no use any more; while suspended what runs is left alone."""
        if attempt.cell_hash != PREFLIGHT:
            return False
        run = self._run
        return run.policy.suspended or (run.plan is not None and attempt.trial == run.plan.generation)

    def _unwanted(self, attempt: AttemptId, pod: PodState | None) -> str:
        """Why it is to end, in one line; empty where it may go on."""
        run = self._run
        cancel, check = run.operations.cancel, attempt.cell_hash == PREFLIGHT
        cancelled = run.operations.all_cancelled if check else run.operations.cancels(attempt)
        if cancel is not None and cancelled:
            return f"cancelled by annotation {ANNOTATIONS['cancel']} (token {cancel.token})"
        wanted = run.board is None or run.board.wants((attempt.cell_hash, attempt.trial))
        if run.deleted or not (wanted or self._wants_preflight(attempt)):
            return UNWANTED
        begun = pod is not None and (pod.container.started is not None or pod.container.state == "terminated")
        return f"{self._stop.cause} before its container had started" if self._stop is not None and not begun else ""


def _newest(intents: Sequence[IntentEntry]) -> Intent | None:
    if not intents:
        return None
    entry = intents[-1]
    return Intent(entry.action, parse_rfc3339(entry.time), entry.message)


class _Fitting:
    """Since when no node could hold a cell's pod; asked only for pods that have no node, once per cell and pass."""

    def __init__(self, run: Run, nodes: Nodes, now: float) -> None:
        self._run = run
        self._now = now
        self._nodes = nodes
        self._all: Sequence[NodeState] | None = None
        self._looked = False
        self._answers: dict[str, str | None] = {}

    def __call__(self, cell: Cell | None, pod: PodState) -> tuple[float | None, str]:
        if not self._looked:
            self._all = self._nodes.all()
            self._looked = True
        if self._all is None or cell is None:
            return None, ""
        if cell.hash not in self._answers:
            self._answers[cell.hash] = why_unfit(cell.work, self._all)
        problem = self._answers[cell.hash]
        if problem is None:
            self._run.unfit.pop(pod.uid, None)
            return None, ""
        return self._run.unfit.setdefault(pod.uid, self._now), problem
