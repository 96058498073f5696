"""Plain statistics over the trials of a cell, exact in their sums and safe against overflow."""

from __future__ import annotations

import math
from collections.abc import Sequence

from batchmatrix.model.summary import MetricSummary

__all__ = ["describe"]


def describe(name: str, unit: str, values: Sequence[float]) -> MetricSummary:
    """n, mean, sample standard deviation (n - 1), minimum and maximum of finite `values`, in any order.

    Without values all but n are None; the deviation needs two, and is None too where a float cannot hold it.
    """
    if not values:
        return MetricSummary(name, unit, 0, None, None, None, None)
    low, high = min(values), max(values)
    # Scaling by a power of two is exact, and keeps sums and squares away from the ends of the range.
    exponent = math.frexp(max(abs(low), abs(high)))[1]
    scaled = [math.ldexp(value, -exponent) for value in values]
    centre = math.fsum(scaled) / len(scaled)
    mean = min(max(math.ldexp(centre, exponent), low), high)
    return MetricSummary(name, unit, len(values), mean, _deviation(scaled, centre, exponent), low, high)


def _deviation(scaled: Sequence[float], centre: float, exponent: int) -> float | None:
    if len(scaled) < 2:
        return None
    if min(scaled) == max(scaled):
        return 0.0
    variance = math.fsum((value - centre) ** 2 for value in scaled) / (len(scaled) - 1)
    try:
        return math.ldexp(math.sqrt(variance), exponent)
    except OverflowError:
        return None
