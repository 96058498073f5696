"""What a comparison could have shown: the smallest difference with an 80 % chance, and the trials that more would take.

Both hold for Welch's test itself, with the degrees of freedom that its two standard deviations give it: at three
trials a side the textbook's formula, which knows the common spread, promises 80 % where Welch's test has 69 %, and
54 % at the level of ten cells. So chances are averaged over the standard deviations that may come out, at equal true
spread on both sides and normal values. From 30 trials a side on the two agree within a point, and the formula does.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy import optimize, special, stats

from batchmatrix.model.v1alpha1.grid import TRIALS_LIMIT

__all__ = ["POWER", "smallest_difference", "trials_needed"]

POWER = 0.8

_FORMULA = 30
_GRID = 120
"""Equally likely values of each side's variance that stand for all of them."""


@lru_cache(maxsize=4096)
def smallest_difference(n: int, n0: int, level: float) -> float | None:
    """In standard deviations between trials; None where a side has fewer than two trials, or no number will do."""
    if min(n, n0) < 2:
        return None
    found = _formula(n, n0, level) if min(n, n0) >= _FORMULA else _averaged(n, n0, level)
    return found if math.isfinite(found) else None


def trials_needed(difference: float, level: float, *, least: int) -> int | None:
    """Trials on each side, at least `least`, for an 80 % chance to show so many standard deviations.

    None beyond TRIALS_LIMIT trials, or for no difference at all.
    """
    low, high = max(2, least), TRIALS_LIMIT

    def enough(n: int) -> bool:
        smallest = smallest_difference(n, n, level)
        return smallest is not None and smallest <= difference

    if not difference > 0 or not enough(high):
        return None
    while low < high:
        middle = math.isqrt(low * high)  # halves the search in orders of magnitude, and stays in the cache
        if enough(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _formula(n: int, n0: int, level: float) -> float:
    free = n + n0 - 2
    shift = special.nctdtrinc(free, 1 - POWER, stats.t.isf(level / 2, free))
    return float(shift) * math.sqrt(1 / n + 1 / n0)


def _averaged(n: int, n0: int, level: float) -> float:
    share = (np.arange(_GRID) + 0.5) / _GRID
    own = (stats.chi2.ppf(share, n - 1) / (n - 1) / n)[:, None]
    other = (stats.chi2.ppf(share, n0 - 1) / (n0 - 1) / n0)[None, :]
    free = (own + other) ** 2 / (own**2 / (n - 1) + other**2 / (n0 - 1))
    needed = stats.t.isf(level / 2, free) * np.sqrt(own + other)
    spread = math.sqrt(1 / n + 1 / n0)

    def lacking(difference: float) -> float:
        return float(special.ndtr((difference - needed) / spread).mean()) - POWER

    high = 4 * spread
    while lacking(high) < 0:
        high *= 2
        if high > 1e9:
            return math.inf
    return float(optimize.brentq(lacking, 0.0, high, xtol=1e-9))
