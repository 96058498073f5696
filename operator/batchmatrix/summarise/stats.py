"""Plain statistics over the trials of a cell, exact in their sums and safe against overflow."""

from __future__ import annotations

import math
from collections.abc import Sequence

from batchmatrix.model.summary import MetricSummary

__all__ = ["REACH", "describe", "mean", "outliers", "quantile"]

REACH = 1.5
"""Interquartile ranges from the quartiles to the fences, beyond which a value is an outlier (Tukey 1977)."""


def describe(name: str, unit: str, values: Sequence[float]) -> MetricSummary:
    """n, mean, sample standard deviation (n - 1), extremes, quantiles and outliers of finite `values`, in any order.

    Without values all but the counts are None; the deviation needs two, and is None too where a float cannot hold it.
    An interval of the mean is not among it: what that needs takes a second to import (summarise.judging).
    """
    if not values:
        return MetricSummary(name, unit, 0, None, None, None, None)
    ordered = sorted(values)
    centre, scaled, exponent = _centre(values)
    return MetricSummary(
        name=name,
        unit=unit,
        n=len(values),
        mean=min(max(math.ldexp(centre, exponent), ordered[0]), ordered[-1]),
        std=_deviation(scaled, centre, exponent),
        min=ordered[0],
        max=ordered[-1],
        p50=quantile(ordered, 0.5),
        p90=quantile(ordered, 0.9),
        p99=quantile(ordered, 0.99),
        outliers=len(outliers(ordered)),
    )


def mean(values: Sequence[float]) -> float | None:
    """Of finite `values`, never outside of them; None without any."""
    if not values:
        return None
    centre, _, exponent = _centre(values)
    return min(max(math.ldexp(centre, exponent), min(values)), max(values))


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which `share` of the ascending `ordered` (not empty) lies, by linear interpolation.

    Type 7 of Hyndman and Fan (1996), in the order of steps that numpy takes, so that the digits are the same.
    """
    position = share * (len(ordered) - 1)
    at = math.floor(position)
    part = position - at
    one, other = ordered[at], ordered[min(at + 1, len(ordered) - 1)]
    step = other - one
    if not math.isfinite(step):
        return one * (1 - part) + other * part
    return other - step * (1 - part) if part >= 0.5 else one + step * part


def outliers(ordered: Sequence[float]) -> list[float]:
    """Those of the ascending `ordered` that lie more than 1.5 interquartile ranges outside of the quartiles."""
    if not ordered:
        return []
    first, third = quantile(ordered, 0.25), quantile(ordered, 0.75)
    reach = REACH * (third - first)
    return [value for value in ordered if value < first - reach or value > third + reach]


def _centre(values: Sequence[float]) -> tuple[float, Sequence[float], int]:
    """The mean, and all values, each to be multiplied by two to the power of the number behind them.

    Such a scaling is exact, and keeps sums and squares away from the ends of the range.
    """
    exponent = math.frexp(max(map(abs, values)))[1]
    scaled = [math.ldexp(value, -exponent) for value in values]
    return math.fsum(scaled) / len(scaled), scaled, exponent


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
