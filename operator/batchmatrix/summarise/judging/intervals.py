"""95 % intervals of means and of differences, the trial being the unit.

Student's t on the values, or on their logarithms where the metric is on a log scale; two sides are compared by Welch's
test, which does not take their variances to be the same (Welch 1947). Two trials are enough for either (De Winter
2013), as the width says how little they show. The bootstrap is not: with three trials its intervals miss the true
value four times too often.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from batchmatrix.summarise.stats import describe

__all__ = ["CONFIDENCE", "Interval", "difference", "mean_interval"]

CONFIDENCE = 0.95

GEOMETRIC, ARITHMETIC = "geometric mean", "mean"


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and the bounds around it."""

    estimate: float
    low: float
    high: float
    kind: str = ""
    """Of which mean it is."""


def mean_interval(values: Sequence[float], scale: str) -> Interval | None:
    """Student's interval of the mean of finite `values`; None for fewer than two, or beyond what a float can hold.

    With `scale` log it is that of the geometric mean, where all values are positive. Values that are all the same have
    an interval without width.
    """
    if len(values) < 2:
        return None
    geometric = scale == "log" and min(values) > 0
    scaled = [math.log(value) for value in values] if geometric else values
    made = describe("", "", scaled)
    assert made.mean is not None
    if made.std is None:
        return None
    if made.std == 0 or min(values) == max(values):
        one = values[0]
        return Interval(one, one, one, GEOMETRIC if geometric else ARITHMETIC)
    half = _t(len(values) - 1) * made.std / math.sqrt(len(values))
    bounds = (made.mean, made.mean - half, made.mean + half)
    try:
        estimate, low, high = map(math.exp, bounds) if geometric else bounds
    except OverflowError:
        return None
    if not all(map(math.isfinite, (estimate, low, high))):
        return None
    return Interval(estimate, low, high, GEOMETRIC if geometric else ARITHMETIC)


def difference(values: Sequence[float], base: Sequence[float]) -> Interval | None:
    """The difference of the means of two sides; None where a side has fewer than two values, or neither any spread."""
    return _welch(values, base) if min(len(values), len(base)) >= 2 else None


def _welch(values: Sequence[float], base: Sequence[float]) -> Interval | None:
    """With Satterthwaite's degrees of freedom, as scipy.stats.ttest_ind has it, which takes a millisecond for each."""
    one, other = describe("", "", values), describe("", "", base)
    if one.mean is None or other.mean is None or one.std is None or other.std is None:
        return None
    errors = one.std / math.sqrt(one.n), other.std / math.sqrt(other.n)
    error = math.hypot(*errors)
    if error == 0 or not math.isfinite(error):
        return None
    shares = [(each / error) ** 2 for each in errors]
    freedom = 1 / (shares[0] ** 2 / (one.n - 1) + shares[1] ** 2 / (other.n - 1))
    estimate, half = one.mean - other.mean, _t(freedom) * error
    made = Interval(estimate, estimate - half, estimate + half)
    return made if all(map(math.isfinite, (made.estimate, made.low, made.high))) else None


@lru_cache(maxsize=1024)
def _t(freedom: float) -> float:
    """Student's quantile that leaves half of what CONFIDENCE does not cover above it."""
    from scipy.special import stdtrit  # half a second to load, and many runs have no two values to give an interval

    return float(stdtrit(freedom, (1 + CONFIDENCE) / 2))
