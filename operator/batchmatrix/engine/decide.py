"""What to do now, from the plan, what was recorded and what is observed. Pure: same view, same decision."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from operator import length_hint

from batchmatrix.base.clock import parse_rfc3339
from batchmatrix.engine.actions import Action, AskWhy, Capture, Delete, Finish, Intend, Release, Start
from batchmatrix.engine.attempt import Attempt, Phase, Step, step
from batchmatrix.engine.board import Board, Lane, TrialKey, lane_of
from batchmatrix.engine.holds import is_to_ask
from batchmatrix.engine.obstacles import ASKS
from batchmatrix.engine.policy import Policy
from batchmatrix.engine.preflights import Gate
from batchmatrix.engine.stops import Stop
from batchmatrix.model.cell import PREFLIGHT, Cell
from batchmatrix.model.evidence import Captured, Evidence, Intent, LogState, Outcome
from batchmatrix.model.launch import AttemptId
from batchmatrix.model.observed import JobState, PodState
from batchmatrix.model.record import Record

__all__ = ["SLACK", "Decision", "Recorded", "View", "decide"]

SLACK = 2
"""Attempts without a record may be this many times the parallelism: with the store down nothing piles up further."""

NO_SLOT = "trials wait until their logs can be followed: all places are taken (limits.followedLogs of the operator)"

SLOTS_LOOK = 5.0
"""Seconds between two looks for free places, where logs must be followed and none is left: nobody tells of one."""

BATCH = 1000
"""Most records that are made in one go without a Job, so that a pass stays short."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A Job, or a pod with our finalizer, that is still there although the record of its attempt is durable."""

    record: Record
    job: JobState | None
    pod: PodState | None


@dataclass(frozen=True, slots=True)
class View:
    """One look at a matrix."""

    board: Board | None
    """None where the matrix is gone, or has no valid plan: then nothing starts."""
    policy: Policy
    open: Sequence[Attempt]
    recorded: Sequence[Recorded]
    hold: float
    """Seconds that a Job outlives its durable record, so that a create sent late by another process finds its name."""
    held_until: float = -math.inf
    """Unix seconds before which nothing starts, because a rate limit was met."""
    gate: Gate | None = None
    """The preflight that has to pass before anything starts; None where there is none."""
    gone: bool = False
    """The BatchMatrix object is deleted."""
    halted: bool = False
    """Nothing may start until something is durable that forbids it."""
    stop: Stop | None = None
    """The rule of the spec that keeps anything new from starting."""
    stop_at: float | None = None
    """When one will, Unix seconds; None where that is not known or never."""
    places: Callable[[Cell], int | None] = lambda _cell: None
    """How many attempts of a cell's kind all nodes could hold by their devices; None where that is no limit."""
    unread: Collection[TrialKey] = ()
    """Trials that are read anew: what they come to decides whether they are retried."""


@dataclass(slots=True)
class Decision:
    """What to do, how the trials stand, and when to look again at the latest."""

    actions: list[Action] = field(default_factory=list)
    phases: Counter[Phase] = field(default_factory=Counter)
    preflight: Phase | None = None
    """Of the preflight that is under way; it is no trial and is not in `phases`."""
    barred: Record | None = None
    """The failed preflight that keeps from starting what else would start."""
    sent: int = 0
    """Attempts whose container is still to start, and that nobody keeps from it."""
    wake: float | None = None
    """Unix seconds; None where only an event can change anything."""
    waiting_for: str = ""
    """What the first attempt that waits is waiting for."""
    unfollowed: int = 0
    """Attempts under way, and those that start now, whose log has to be followed and is not yet."""
    stop: Stop | None = None
    """View.stop."""

    @property
    def idle(self) -> bool:
        """Whether nothing is under way that needs a record."""
        return not self.phases and self.preflight is None

    def wake_at(self, when: float | None) -> None:
        """Look again no later than that."""
        if when is not None and (self.wake is None or when < self.wake):
            self.wake = when


def decide(view: View, now: float, *, follow_slots: int) -> Decision:
    """All that can be done at this moment; calling it again after it was done gives what comes next.

    `follow_slots` is how many more logs may be followed.
    """
    decision = Decision(stop=view.stop)
    decision.wake_at(view.stop_at)
    must_follow = view.policy.log_mode == "follow"
    slots = iter(range(follow_slots))
    asks = iter(range(1, ASKS + 1))

    def may_follow() -> bool:
        return next(slots, None) is not None

    for attempt in view.open:
        following = step(attempt, view.policy, now, may_follow=may_follow)
        decision.actions += (each for each in following.actions if not isinstance(each, AskWhy) or next(asks, None))
        if must_follow and _is_to_follow(attempt, following):
            decision.unfollowed += 1
        if attempt.id.cell_hash == PREFLIGHT:
            decision.preflight = following.phase
        else:
            decision.phases[following.phase] += 1
            decision.sent += _will_start(attempt, following)
        decision.wake_at(following.wake)
        decision.waiting_for = decision.waiting_for or following.waiting_for
    for recorded in view.recorded:
        _tidy(recorded, view, now, decision)
    if view.board is not None and not (view.gone or view.halted or view.policy.suspended or view.stop):
        # What fits no node is not recorded while suspended either: whoever suspends may be about to mend just that.
        held = now < view.held_until or _is_to_be_held(view, view.board)
        left = length_hint(slots) - decision.unfollowed if must_follow else None
        _admit(view.board, view, now, decision, held=held, follow_slots=left)
        if now < view.held_until and view.board.waiting:
            decision.wake_at(view.held_until)
    return decision


def _is_to_follow(attempt: Attempt, following: Step) -> bool:
    """Whether its log is still to be followed, and a place for that has to be kept."""
    under_way = following.phase in (Phase.PENDING, Phase.QUEUED, Phase.RUNNING)
    return under_way and attempt.capture is None and not any(isinstance(each, Capture) for each in following.actions)


def _is_to_be_held(view: View, board: Board) -> bool:
    """Whether a rate limit was met and the record that says so is under way."""
    cells = board.cells
    return any(
        is_to_ask(attempt, cells[attempt.id.cell_hash].allowed_exit_codes)
        for attempt in view.open
        if attempt.id.cell_hash in cells
    )


def _will_start(attempt: Attempt, following: Step) -> bool:
    pod = attempt.pod
    given_up = attempt.intent is not None or (pod is not None and pod.deleting_since is not None)
    to_come = following.phase in (Phase.PENDING, Phase.QUEUED) and attempt.wanted and not given_up
    return to_come and not any(isinstance(action, Intend) for action in following.actions)


def _admit(board: Board, view: View, now: float, decision: Decision, *, held: bool, follow_slots: int | None) -> None:
    """Start what the parallelism leaves room for; what can be placed on no node is recorded at once.

    `follow_slots` is how many of them can be followed, where each has to be.
    """
    active = sum(decision.phases[phase] for phase in (Phase.PENDING, Phase.QUEUED, Phase.RUNNING))
    if view.policy.fail_fast or view.policy.max_failed is not None:
        active += decision.phases[Phase.ENDING]  # its result may be the one after which nothing starts
    room = min(view.policy.parallelism - active, view.policy.parallelism * SLACK - len(view.open))
    if held:
        room = 0
    short = follow_slots is not None and follow_slots < room
    if follow_slots is not None:
        room = min(room, follow_slots)
    unplaced = BATCH
    lanes = _Lanes(board, view)
    busy = {(attempt.id.cell_hash, attempt.id.trial) for attempt in view.open}
    busy |= {(each.record.id.cell_hash, each.record.id.trial) for each in view.recorded if _may_go_on(each)}
    for candidate in board.candidates():
        cell = candidate.cell
        if (cell.hash, candidate.trial) in busy:
            continue  # an earlier attempt may still have a pod: never two at once of one trial
        if (cell.hash, candidate.trial) in view.unread:
            continue
        if cell.problem is not None:
            if unplaced == 0:
                break
            unplaced -= 1
            decision.actions.append(
                Finish(
                    AttemptId(cell.hash, candidate.trial, candidate.attempt),
                    Evidence(None, None, Captured(LogState.NONE), Intent("unschedulable", 0.0, cell.problem)),
                )
            )
        elif room <= 0 or lanes.all_full:
            if short and not lanes.all_full:
                decision.wake_at(now + SLOTS_LOOK)
                decision.waiting_for = decision.waiting_for or NO_SLOT
            break  # what fits no node came first
        elif view.gate is not None and not view.gate.passed:
            _check_first(view.gate, view, decision)
            break
        elif lanes.take(cell):
            room -= 1
            decision.unfollowed += follow_slots is not None
            decision.actions.append(Start(cell, candidate.trial, candidate.attempt, candidate.mutation))


def _may_go_on(recorded: Recorded) -> bool:
    """Whether a Job can still make a pod: it was cancelled before it had one, or was suspended under the one it had.

    What is given up with its node is not waited for.
    """
    job = recorded.job
    active = job is not None and job.phase == "active" and not job.deleting
    return active and recorded.record.outcome is not Outcome.NODE_LOST


def _check_first(gate: Gate, view: View, decision: Decision) -> None:
    """Something could start but for the preflight: run that, one at a time."""
    decision.barred = gate.failed
    if gate.failed is None and not any(attempt.id.cell_hash == PREFLIGHT for attempt in view.open):
        decision.actions.append(Start(gate.cell, gate.generation, gate.attempt, gate.mutation))


class _Lanes:
    """Room by lane: what the devices there can hold.

    A pod that waits for a device is overtaken by younger ones while the scheduler lets it rest, which would undo the
    order that the plan gives; so it is not made before a device should be free.
    """

    def __init__(self, board: Board, view: View) -> None:
        self._places = view.places
        self._lanes = {lane for lane, left in board.left.items() if left > 0}
        self._full: set[Lane] = set()
        self._room: dict[Lane, int | None] = {}
        self._open = Counter(
            lane_of(cell)
            for attempt in view.open
            if (cell := board.cells.get(attempt.id.cell_hash)) is not None and not attempt.over
        )

    @property
    def all_full(self) -> bool:
        """Whether nothing of any kind can start: then the rest of the plan need not be looked through."""
        return bool(self._lanes) and self._lanes <= self._full

    def take(self, cell: Cell) -> bool:
        """Take a place for this cell, if there is one."""
        lane = lane_of(cell)
        if lane not in self._room:
            devices = self._places(cell)
            self._room[lane] = None if devices is None else max(0, devices - self._open[lane])
        room = self._room[lane]
        if room is None:
            return True
        if room == 0:
            self._full.add(lane)
            return False
        self._room[lane] = room - 1
        return True


def _tidy(recorded: Recorded, view: View, now: float, decision: Decision) -> None:
    """The pod is let go at once, the Job when the spec's retention and the hold are over."""
    pod, job, record = recorded.pod, recorded.job, recorded.record
    if pod is not None:
        decision.actions.append(Release(pod))
    if job is None or job.deleting or view.gone:
        return
    since = _seconds(record.recorded)
    due = since + view.hold
    if _kept(record, job, view):
        due = max(due, (job.finished or since) + view.policy.jobs_ttl)
    if now >= due:
        decision.actions.append(Delete(job))
    else:
        decision.wake_at(due)


@lru_cache(maxsize=1 << 16)
def _seconds(recorded: str) -> float:
    """Jobs that are kept are looked at in every pass, and parsing a time costs more than all the rest of it."""
    return parse_rfc3339(recorded)


def _kept(record: Record, job: JobState, view: View) -> bool:
    if job.phase == "active":
        return False  # given up on (node lost, cancelled before it had a pod): it must not hold a place
    keep = view.policy.keep_jobs
    return keep == "all" or (keep == "failed" and record.outcome is not Outcome.SUCCEEDED)
