"""The grid: the ordered product of the axes, bounded before it is made."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.model.cell import Scalar
from batchmatrix.model.v1alpha1 import Axis

__all__ = ["expand"]


def expand(axes: Sequence[Axis], *, max_cells: int) -> Iterator[dict[str, Scalar]]:
    """Every combination as axis name to value, the last axis fastest.

    Raises InvalidSpec where there would be more than `max_cells`, before the first one is made.
    """
    size = math.prod(len(axis.values) for axis in axes)
    if size > max_cells:
        factors = " x ".join(str(len(axis.values)) for axis in axes)
        text = f"{factors} values make {size} cells; this operator takes at most {max_cells}: remove values or axes"
        raise InvalidSpec([Problem("spec.axes", text)])
    names = [axis.name for axis in axes]
    return (dict(zip(names, values, strict=True)) for values in itertools.product(*(axis.values for axis in axes)))
