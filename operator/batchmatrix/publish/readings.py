"""What trials have measured, by cell and metric, as plots need it."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from batchmatrix.model.evidence import Outcome
from batchmatrix.model.summary import Summary

__all__ = ["Reading", "failed_values", "readings_of", "relative"]


@dataclass(frozen=True, slots=True)
class Reading:
    """One finite value of one metric from one trial's last attempt."""

    cell: str
    trial: int
    value: float
    started: str
    """RFC 3339; empty where not known."""
    good: bool
    """Its trial succeeded at once; a value of another one counts in the mean of its cell, and in no comparison."""


def readings_of(summary: Summary) -> dict[str, list[Reading]]:
    """By metric, in the order of the trials."""
    made: dict[str, list[Reading]] = {}
    for result in summary.trials:
        record = result.record
        for metric in record.log.metrics if record is not None else ():
            if record is not None and metric.value is not None and math.isfinite(metric.value):
                good = record.outcome is Outcome.SUCCEEDED and not result.stumbled
                reading = Reading(result.cell, result.trial, metric.value, record.started, good)
                made.setdefault(metric.name, []).append(reading)
    return made


def failed_values(summary: Summary) -> dict[tuple[str, str], int]:
    """By cell and metric, how many values in its mean are of trials that did not succeed at once, where there are."""
    counts = Counter((one.cell, metric) for metric, own in readings_of(summary).items() for one in own if not one.good)
    return dict(counts)


def relative(readings: list[Reading], *, log: bool) -> list[tuple[Reading, float]]:
    """Each good reading with its change against the mean of its own cell, in the order in which trials started.

    A share of the geometric mean where `log`, else a difference. Cells with less than two good readings say nothing
    about a drift and are left out, and so is what has no logarithm or no time.
    """
    by_cell: dict[str, list[Reading]] = {}
    for reading in readings:
        if reading.good and reading.started and (reading.value > 0 or not log):
            by_cell.setdefault(reading.cell, []).append(reading)
    made: list[tuple[Reading, float]] = []
    for own in by_cell.values():
        if len(own) < 2:
            continue
        drawn = [math.log(one.value) if log else one.value / len(own) for one in own]
        centre = math.fsum(drawn) / len(drawn) if log else math.fsum(drawn)
        made += [
            (one, math.expm1(min(math.log(one.value) - centre, 700.0)) if log else one.value - centre) for one in own
        ]
    kept = [(one, change) for one, change in made if math.isfinite(change)]
    return sorted(kept, key=lambda pair: (pair[0].started, pair[0].cell, pair[0].trial))
