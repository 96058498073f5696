"""Who is asked whether cells differ: the product's own tests, and what others do, on the same trials."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from batchmatrix.summarise.comparison.equivalence import equivalence
from batchmatrix.summarise.comparison.holm import holm
from batchmatrix.summarise.comparison.welch import welch

__all__ = ["JUDGES", "LEVEL", "MARGIN", "Judge", "Judged", "plain", "pooled_steps", "product", "ratio"]

LEVEL = 0.05
MARGIN = float(np.log1p(0.05))
RATIO = 1.15

Flags = NDArray[np.bool_]
Draw = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judged:
    """For each repeat and cell."""

    differs: Flags
    """Shown to differ, be it by less than the margin."""
    equivalent: Flags


Judge = Callable[[Draw, Draw], Judged]
"""Of cells (repeats, cells, trials) and their one baseline (repeats, trials), as logarithms."""


def product(cells: Draw, base: Draw) -> Judged:
    """The tests that comparison.metrics puts together, whole families at once."""
    repeats, count, trials = cells.shape
    rows = cells.reshape(-1, trials)
    against = np.repeat(base, count, axis=0)
    p = welch(rows, against).p.reshape(repeats, count)
    same = equivalence(rows, against, np.full(len(rows), MARGIN)).reshape(repeats, count)
    return Judged(holm(p) <= LEVEL, holm(same) <= LEVEL)


def never(cells: Draw, base: Draw) -> Judged:
    """Always answers that there is no evidence, and so is never wrong."""
    nothing = np.zeros(cells.shape[:2], dtype=bool)
    return Judged(nothing, nothing)


def unadjusted(cells: Draw, base: Draw) -> Judged:
    """The product's tests without regard to how many cells are looked at."""
    judged = [product(cells[:, [cell]], base) for cell in range(cells.shape[1])]
    return Judged(
        np.concatenate([each.differs for each in judged], axis=1),
        np.concatenate([each.equivalent for each in judged], axis=1),
    )


def not_seen_is_same(cells: Draw, base: Draw) -> Judged:
    """Calls equivalent what was not seen to differ, as many do."""
    found = product(cells, base).differs
    return Judged(found, ~found)


JUDGES: Mapping[str, Judge] = {
    "product": product,
    "never": never,
    "unadjusted": unadjusted,
    "not-seen-is-same": not_seen_is_same,
}


def plain(cells: Draw, base: Draw) -> Flags:
    """scipy's own test and Holm's rule step by step: what the product may not lose against."""
    p = stats.ttest_ind(cells, base[:, None, :], axis=2, equal_var=False).pvalue
    order = p.argsort(axis=1)
    steps = np.take_along_axis(p, order, axis=1) <= LEVEL / np.arange(p.shape[1], 0, -1)
    found = np.empty_like(steps)
    np.put_along_axis(found, order, np.logical_and.accumulate(steps, axis=1), axis=1)
    return found


def ratio(cell: Draw, base: Draw) -> Flags:
    """The ratio of means alone; trials are (repeats, trials)."""
    return np.exp(cell).mean(axis=1) / np.exp(base).mean(axis=1) > RATIO


def pooled_steps(cell: Draw, base: Draw) -> Flags:
    """A t test that takes each step (repeats, trials, steps) for a repetition of its own."""
    flat, other = (side.reshape(len(side), -1) for side in (cell, base))
    return np.asarray(stats.ttest_ind(flat, other, axis=1, equal_var=False).pvalue <= LEVEL)
