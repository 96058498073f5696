"""Failed trials, those of one cell that failed alike together, with what is known of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from batchmatrix.base.text import counted
from batchmatrix.model.evidence import Outcome
from batchmatrix.model.record import Record
from batchmatrix.model.summary import Summary, TrialResult

__all__ = ["Failure", "Failures", "failures_of"]

GROUP_LIMIT = 100
TRIAL_LIMIT = 20
"""Trials of one group that are listed."""

EXCERPT_LIMIT = 8 * 1024
"""Characters of one excerpt: its end, where a failure shows."""

EXCERPTS_LIMIT = 512 * 1024
"""Characters of all excerpts together."""


@dataclass(frozen=True, slots=True)
class FailedTrial:
    """One trial."""

    trial: int
    attempt: int
    attempts: int
    exit_code: str
    node: str
    log: str
    log_state: str
    excerpt: str


@dataclass(slots=True)
class Failure:
    """Trials of one cell that ended alike."""

    cell: str
    outcome: str
    reason: str
    message: str
    """Cause and remedy."""
    blame: str
    expected: bool
    count: str = ""
    trials: list[FailedTrial] = field(default_factory=list)
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Failures:
    """All of them, what nobody expected first."""

    groups: list[Failure]
    trials: int
    left_out: int
    """Groups that the page has no room for."""


def failures_of(summary: Summary, excerpts: Mapping[tuple[str, int], str]) -> Failures:
    """Trials whose last attempt did not succeed; `excerpts` are texts of their logs by cell and trial."""
    met = {cell.name for cell in summary.cells if cell.met}
    groups: dict[tuple[str, str, str], list[TrialResult]] = {}
    for result in summary.trials:
        if result.record is not None and result.record.outcome is not Outcome.SUCCEEDED:
            record = result.record
            groups.setdefault((result.cell, record.outcome.value, record.message), []).append(result)
    ordered = sorted(groups.values(), key=lambda own: own[0].cell in met)
    room = EXCERPTS_LIMIT
    made = []
    for own in ordered[:GROUP_LIMIT]:
        failure = _failure(own, expected=own[0].cell in met)
        for result in own[:TRIAL_LIMIT]:
            excerpt = _end(excerpts.get((result.cell, result.trial), ""))
            if len(excerpt) > room:
                excerpt = ""
            room -= len(excerpt)
            if result.record is not None:
                failure.trials.append(_trial(result, result.record, excerpt))
        made.append(failure)
    return Failures(made, sum(map(len, ordered)), len(ordered) - len(made))


def _failure(own: list[TrialResult], *, expected: bool) -> Failure:
    record = own[0].record
    assert record is not None
    return Failure(
        cell=own[0].cell,
        outcome=record.outcome.value,
        reason=record.reason,
        message=record.message,
        blame=record.blame.value,
        expected=expected,
        count=counted(len(own), "trial"),
        left_out=max(0, len(own) - TRIAL_LIMIT),
    )


def _trial(result: TrialResult, record: Record, excerpt: str) -> FailedTrial:
    signal = f" (signal {record.signal})" if record.signal else ""
    return FailedTrial(
        trial=result.trial,
        attempt=record.id.attempt,
        attempts=result.attempts,
        exit_code="none" if record.exit_code is None else f"{record.exit_code}{signal}",
        node=record.node,
        log=record.log.key,
        log_state=record.log.state.value,
        excerpt=excerpt,
    )


def _end(text: str) -> str:
    """The last lines of `text`; that something was cut before them is said."""
    flat = text.replace("\r\n", "\n").strip("\n")
    if len(flat) <= EXCERPT_LIMIT:
        return flat
    return f"… {len(flat) - EXCERPT_LIMIT} characters before this are left out\n{flat[-EXCERPT_LIMIT:]}"
