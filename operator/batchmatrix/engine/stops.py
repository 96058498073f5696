"""Rules of a spec that stop a matrix early: failFast, maxFailed, deadline. Pure, worked out anew in each pass."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from batchmatrix.base.text import counted
from batchmatrix.engine.board import Board
from batchmatrix.engine.policy import Policy

__all__ = ["Pauses", "Stop", "left_of_deadline", "stop_of"]

Pauses = Sequence[tuple[float, float | None]]
"""Unix seconds from and to; None for one that goes on. They may overlap."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Nothing new starts any more, and what has not begun is taken back; what runs finishes."""

    cause: str
    """In a few words, with the rule that says so."""
    reason: str = ""
    """Of the conditions; empty where the verdict gives it."""


def stop_of(board: Board, policy: Policy, left: float | None) -> Stop | None:
    """The rule that stops the matrix now, if one does; `left` is what is left of its deadline, in seconds."""
    cells, trials = len(board.failed), board.failed.total()
    if policy.fail_fast and trials:
        return Stop(f"stopped after {counted(trials, 'failed trial')} (failFast)")
    if policy.max_failed is not None and cells > policy.max_failed:
        return Stop(f"stopped after {counted(cells, 'failed cell')} (maxFailed {policy.max_failed})")
    if left is not None and left <= 0:
        return Stop(f"stopped at its deadline ({policy.deadline_text})", "DeadlineExceeded")
    return None


def left_of_deadline(policy: Policy, *, first_launch: float | None, pauses: Pauses, now: float) -> float | None:
    """Seconds of the deadline that are left, negative once it is over; None without a deadline or before a launch.

    Its clock runs from `first_launch` (Unix seconds) and stands still in `pauses`.
    """
    if policy.deadline is None or first_launch is None:
        return None
    return policy.deadline - max(0.0, now - first_launch - _covered(pauses, first_launch, now))


def _covered(pauses: Pauses, start: float, end: float) -> float:
    """Seconds between `start` and `end` that lie in at least one pause."""
    total, reached = 0.0, start
    for since, until in sorted(_clipped(pauses, end)):
        since = max(since, reached)
        if until > since:
            total += until - since
            reached = until
    return total


def _clipped(pauses: Pauses, end: float) -> Iterable[tuple[float, float]]:
    return ((since, end if until is None else min(until, end)) for since, until in pauses)
