"""From the values of two sides to numbers whose differences mean something, and back to changes that people read.

log: y = log(value), so that a difference is a ratio of geometric means, whatever the unit. linear: differences in the
metric's unit, with a margin that is a share of the baseline's mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from batchmatrix.summarise.comparison.reasons import Reason

__all__ = ["Sides", "sides"]

_ROUNDING = 1e-12
"""Spread, as a share of the values, up to which it is that of floating point and no measurement."""


@dataclass(frozen=True, slots=True)
class Sides:
    """Two samples on the scale of their comparison."""

    cell: tuple[float, ...]
    base: tuple[float, ...]
    margin: float
    """On that scale."""
    log: bool
    flat: bool
    """No side has any spread but that of floating point, so nothing says how far trials scatter."""
    exponent: int = 0
    """Power of two by which linear values were divided, so that their squares stay in range."""

    def change(self, difference: float | None) -> float | None:
        """A difference on this scale as a change against the baseline: a share (log), or in the unit (linear)."""
        if difference is None or math.isnan(difference):
            return None
        try:
            return math.expm1(difference) if self.log else math.ldexp(difference, self.exponent)
        except OverflowError:
            return None

    def spread(self, sd: float) -> float | None:
        """A standard deviation: on the log scale as it is (about a share), else in the unit."""
        return sd if self.log else self.change(sd)


def sides(cell: Sequence[float], base: Sequence[float], *, log: bool, margin: float) -> Sides | Reason:
    """Both sides on their scale, `margin` as a share; or why that cannot be. Values are finite."""
    if not cell or not base:
        return Reason.TOO_FEW_TRIALS
    flat = _constant(cell) and _constant(base)
    if log:
        if min(*cell, *base) <= 0:
            return Reason.NOT_POSITIVE
        own, other = (tuple(map(math.log, side)) for side in (cell, base))
        return Sides(own, other, math.log1p(margin), log=True, flat=flat)
    exponent = math.frexp(max(map(abs, (*cell, *base))))[1]
    own, other = (tuple(math.ldexp(value, -exponent) for value in side) for side in (cell, base))
    mean = math.fsum(other) / len(other)
    return Sides(own, other, margin * abs(mean), log=False, flat=flat, exponent=exponent)


def _constant(values: Sequence[float]) -> bool:
    low, high = min(values), max(values)
    return high / 2 - low / 2 <= _ROUNDING * max(abs(low), abs(high)) / 2
