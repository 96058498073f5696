"""Many cells are looked at together: Holm's rule.

It bounds the chance of one false alarm or more over a whole family of comparisons, however these depend on each
other, so also where all of them share one baseline. (Holm 1979, A simple sequentially rejective multiple test
procedure, Scandinavian Journal of Statistics 6.)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["holm"]


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Adjusted p of each comparison; families lie along the last axis, any number of them along the others.

    nan stands for a comparison that was planned and came to nothing: it counts in the family as a p of 1, and stays
    nan. Reject where the result is at or under the level.
    """
    raw = np.asarray(p, dtype=float)
    filled = np.where(np.isnan(raw), 1.0, raw)
    order = np.argsort(filled, axis=-1, kind="stable")
    steps = np.arange(raw.shape[-1], 0, -1)
    stepped = np.maximum.accumulate(np.take_along_axis(filled, order, -1) * steps, axis=-1)
    adjusted = np.empty_like(filled)
    np.put_along_axis(adjusted, order, np.minimum(stepped, 1.0), axis=-1)
    return np.where(np.isnan(raw), np.nan, adjusted)
