"""What one trial says to those who judge: whether it failed, and the value of a metric."""

from __future__ import annotations

import math
from collections.abc import Iterable

from batchmatrix.model.evidence import Blame, Outcome
from batchmatrix.model.metric import MetricValue
from batchmatrix.model.record import Record
from batchmatrix.model.summary import TrialResult

__all__ = ["ended_by_itself", "failed_by_itself", "failure_rate", "number", "reading", "selected"]


def ended_by_itself(record: Record) -> bool:
    """Whether the workload alone decided how the attempt ended: what others ended has shown nothing."""
    return record.outcome is Outcome.SUCCEEDED or record.blame is Blame.WORKLOAD


def failed_by_itself(result: TrialResult) -> bool | None:
    """Whether a trial counts as failed in a failure rate; None where it counts in none.

    It failed if any attempt since its newest rerun did so by the workload's doing, a later success or not.
    """
    if result.stumbled:
        return True
    if result.record is None or not ended_by_itself(result.record):
        return None
    return result.record.outcome is not Outcome.SUCCEEDED


def selected(results: Iterable[TrialResult]) -> bool:
    """Whether only some trials of a cell were asked to run again: somebody chose among its results.

    What came of it does not matter. A rerun that was lost or cancelled has taken a result out all the same. A trial
    that never began had none.
    """
    begun = [each for each in results if each.record is not None or each.attempts or each.rerun]
    return len({each.rerun if each.record is None else each.record.rerun for each in begun}) > 1


def failure_rate(results: Iterable[TrialResult]) -> float | None:
    """Share of the trials that failed by the workload's doing, of those that nobody else ended; None without any."""
    shown = [failed for failed in map(failed_by_itself, results) if failed is not None]
    return sum(shown) / len(shown) if shown else None


def reading(record: Record, metric: str) -> MetricValue | None:
    """What the attempt's log gave for `metric`; None where that was not looked for."""
    return next((found for found in record.log.metrics if found.name == metric), None)


def number(found: MetricValue | None) -> float | None:
    """Its value, where it has one and that is finite."""
    if found is None or found.value is None or not math.isfinite(found.value):
        return None
    return found.value
