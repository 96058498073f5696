"""Whether two sides differ, and by how much: Welch's t test over trials.

One number per trial goes in. Steps inside a trial depend on each other and are never pooled: a test that takes them
for independent sees differences that are not there in most comparisons of a cell with itself. Welch's test assumes
no common spread, is sound from two trials a side on, and draws no random numbers, so that the same input gives the
same bytes. (Welch 1947, The generalization of Student's problem; De Winter 2013, Using the Student's t-test with
extremely small sample sizes; Kalibera and Jones, arXiv 2007.10899, on the unit of replication.)
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

__all__ = ["Welch", "tested", "welch"]

Rows = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Welch:
    """One entry per pair; nan in all but `difference` and `sd` where nothing can be said."""

    difference: Rows
    """Mean of the cell less mean of the baseline."""
    low: Rows
    """95 % interval of the difference."""
    high: Rows
    low90: Rows
    high90: Rows
    p: Rows
    """Two-sided, of no difference."""
    sd: Rows
    """Standard deviation between trials, pooled over the two sides."""


def welch(cell: Rows, base: Rows) -> Welch:
    """Compare rows: `cell` is (pairs, n), `base` (pairs, n0), both on the scale on which differences mean something.

    Without spread on both sides, or with fewer than two trials on one, only difference and sd are numbers.
    """
    difference = cell.mean(axis=1) - base.mean(axis=1)
    nothing = np.full(len(cell), np.nan)
    sd = _pooled(cell, base)
    if min(cell.shape[1], base.shape[1]) < 2:
        return Welch(difference, nothing, nothing, nothing, nothing, nothing, sd)
    result = tested(cell, base, "two-sided")
    wide, narrow = result.confidence_interval(0.95), result.confidence_interval(0.90)
    rows = (wide.low, wide.high, narrow.low, narrow.high, result.pvalue)
    spread = (np.ptp(cell, axis=1) > 0) | (np.ptp(base, axis=1) > 0)
    low, high, low90, high90, p = (np.where(spread, row, np.nan) for row in rows)
    return Welch(difference, low, high, low90, high90, p, sd)


def tested(cell: Rows, base: Rows, alternative: str) -> Any:
    """scipy's own result, one entry per row; its p means nothing where no side has any spread."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # about rows without spread, which the caller sorts out
        return stats.ttest_ind(cell, base, axis=1, equal_var=False, alternative=alternative)


def _pooled(cell: Rows, base: Rows) -> Rows:
    free = cell.shape[1] + base.shape[1] - 2
    if free < 1:
        return np.full(len(cell), np.nan)
    squares = sum(((side - side.mean(axis=1, keepdims=True)) ** 2).sum(axis=1) for side in (cell, base))
    pooled: Rows = np.sqrt(squares / free)
    return pooled
