"""Whether two sides are the same but for a margin: two one-sided Welch tests.

Not to see a difference is no sign that there is none. Equivalence is shown when the difference is shown to be under
the margin and over minus the margin; the p is the larger of the two, and the interval that belongs to a level of
5 % is the one of 90 %. (Schuirmann 1987, A comparison of the two one-sided tests procedure and the power approach;
Altman and Bland 1995, Absence of evidence is not evidence of absence; Lakens, Improving Your Statistical
Inferences, chapter 9.)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from batchmatrix.summarise.comparison.welch import tested

__all__ = ["equivalence"]

Rows = NDArray[np.float64]


def equivalence(cell: Rows, base: Rows, margin: Rows) -> Rows:
    """p of each pair: `cell` is (pairs, n), `base` (pairs, n0), `margin` (pairs,) on the same scale.

    nan where both sides have no spread, or one has fewer than two trials.
    """
    if min(cell.shape[1], base.shape[1]) < 2:
        return np.full(len(cell), np.nan)
    shift = margin[:, None]
    below = tested(cell - shift, base, "less").pvalue
    above = tested(cell + shift, base, "greater").pvalue
    spread = (np.ptp(cell, axis=1) > 0) | (np.ptp(base, axis=1) > 0)
    return np.where(spread, np.maximum(below, above), np.nan)
