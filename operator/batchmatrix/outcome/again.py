"""The outcome of an attempt judged once more from its record, after a change of how results are read.

Only where nothing but reading decided it: an attempt that ended by itself, whose exit code, log and metrics were looked
at. What was stopped, killed, or never began, ended as it did whatever is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from batchmatrix.base.text import one_line
from batchmatrix.model.evidence import Captured, Evidence, Verdict
from batchmatrix.model.observed import ContainerState, PodState
from batchmatrix.model.record import Record
from batchmatrix.outcome.cases import Case
from batchmatrix.outcome.table import exit_words, is_allowed, judge

__all__ = ["agrees", "by_reading", "judge_again"]

_BY_READING = frozenset(
    {
        Case.SUCCEEDED,
        Case.SUCCEEDED_CAPPED,
        Case.EXIT,
        Case.HOLD_ASKED,
        Case.RATE_LIMITED,
        Case.CODES_UNKNOWN,
        Case.LOG_GAP,
        Case.LOG_LOST,
        Case.NO_MARKER,
        Case.NO_MARKER_CAPPED,
        Case.NO_METRIC,
        Case.NO_METRIC_CAPPED,
    }
)
_REFUSED = frozenset({Case.HOLD_ASKED.value, Case.RATE_LIMITED.value})
"""Reasons beside EXIT that are for exit codes which are not allowed."""
_REASONS = frozenset(case.value for case in _BY_READING)


def by_reading(written: Record) -> bool:
    """Whether reading alone decided the outcome of a record, which has to be as it was written.

    One from before there were reasons does not say, and keeps what it has.
    """
    return written.reason in _REASONS


def agrees(record: Record, written: Record, allowed: Sequence[int]) -> bool:
    """Whether a record, as it was `written` and as it stands, is judged by these exit codes. Costs next to nothing."""
    if not by_reading(written):
        return True
    if record.reason == Case.CODES_UNKNOWN.value:
        return False
    fits = is_allowed(record.exit_code, record.signal, allowed)
    if record.reason == Case.EXIT.value:
        return not fits and _tells(record.message, written, allowed)
    return fits is not (record.reason in _REFUSED)


def judge_again(
    written: Record, captured: Captured, allowed: Sequence[int], *, missing_metrics: Sequence[str], missing_marker: str
) -> Verdict:
    """The outcome under these exit codes, with what its log gives now; `written` is a record of `by_reading`."""
    evidence = Evidence(
        None,
        _pod_of(written),
        captured,
        missing_metrics=tuple(missing_metrics),
        missing_marker=missing_marker,
        allowed_exit_codes=tuple(allowed),
        reread=True,
    )
    verdict = judge(evidence)
    message = verdict.message
    if verdict.reason == written.reason == Case.EXIT.value and _tells(written.message, written, allowed):
        message = written.message  # it holds what the container said at its end, which is nowhere else
    if (verdict.outcome, verdict.blame) != (written.outcome, written.blame):
        note = f"read anew by later rules, it was {written.outcome.value} before"
        message = one_line("; ".join(part for part in (message, note) if part), limit=600)
    return replace(verdict, message=message)


def _tells(message: str, record: Record, allowed: Sequence[int]) -> bool:
    words = exit_words(record.exit_code, record.signal, allowed)
    return message.startswith(words) and message[len(words) : len(words) + 1] in ("", ":", ";")


def _pod_of(record: Record) -> PodState:
    """What judge looks at of a pod that ended by itself."""
    failed = bool(record.pod_reason) or record.exit_code != 0
    return PodState(
        uid=record.pod_uid,
        name=record.pod,
        namespace=record.namespace,
        job_uid="",
        job_name=record.job,
        matrix_uid=record.matrix_uid,
        matrix_name=record.matrix,
        cell=record.cell,
        id=record.id,
        generation=record.generation,
        created=0.0,
        phase="Failed" if failed else "Succeeded",
        reason="" if record.pod_reason == "no reason" else record.pod_reason,
        message="",
        node=record.node,
        scheduled=None,
        unschedulable="",
        deleting_since=None,
        grace_seconds=0.0,
        disrupted=None,
        disruption_reason="",
        ready_to_start=None,
        container=ContainerState("terminated", exit_code=record.exit_code, signal=record.signal),
        finalized=False,
    )
