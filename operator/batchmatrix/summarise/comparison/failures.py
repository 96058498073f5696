"""How often trials fail, on two sides: Boschloo's exact test, and Wilson's interval for each side.

Two-sided p is twice the one-sided one, as in what a plan promises about the smallest p within reach. The test is at
least as powerful as Fisher's for any two numbers of trials. (Boschloo 1970, Raised conditional level of significance
for the 2x2-table when testing the equality of two probabilities; Wilson 1927, Probable inference, the law of
succession, and statistical inference.)
"""

from __future__ import annotations

import math
from functools import lru_cache

from scipy import stats

__all__ = ["boschloo", "least_failures", "least_trials", "wilson"]

_DIGITS = 12
"""Significant digits of a p: what is beyond them is left from the search for the worst rate, and would decide where a
p and the level are the same number."""


@lru_cache(maxsize=4096)
def boschloo(failed: int, of: int, failed0: int, of0: int) -> float:
    """Two-sided p that both sides fail equally often; 1 where nobody or everybody failed, or a side has no trials."""
    if not of or not of0:
        return 1.0
    # The columns have to be the groups: the totals that the design fixed are those of the columns.
    table = [[failed, failed0], [of - failed, of0 - failed0]]
    p = float(stats.boschloo_exact(table).pvalue)
    return min(1.0, float(f"{p:.{_DIGITS}g}")) if math.isfinite(p) else 1.0


@lru_cache(maxsize=4096)
def wilson(failed: int, of: int) -> tuple[float, float]:
    """95 % interval of a failure rate, `of` at least 1. 0 of 5 reaches up to 0.43."""
    interval = stats.binomtest(failed, of).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


@lru_cache(maxsize=256)
def least_failures(of: int, of0: int, level: float) -> int | None:
    """Fewest failures of `of` trials that differ from none of `of0` at `level`; None where not even all do."""
    if boschloo(of, of, 0, of0) > level:
        return None
    low, high = 1, of
    while low < high:
        middle = (low + high) // 2
        if boschloo(middle, of, 0, of0) <= level:
            high = middle
        else:
            low = middle + 1
    return low


def least_trials(level: float) -> int:
    """Fewest trials on each side with which all against none is at `level`: the p of that is 2 / 4^n."""
    return max(1, math.ceil(math.log(2 / level, 4) - 1e-9))
