"""Names of cells: readable where they can be, always unique and valid as a label value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

from batchmatrix.base.ids import digest, slug
from batchmatrix.base.text import scalar_text
from batchmatrix.model.cell import Scalar
from batchmatrix.model.v1alpha1 import RESERVED_AXES
from batchmatrix.plan.combination import Combination

__all__ = ["NAME_LIMIT", "cell_names"]

NAME_LIMIT = 63
"""Characters of a label value."""

_SUFFIX = 8
_SHORT = 3


def _part(axis: str, value: Scalar) -> str:
    """One axis in a name: names of the catalog and words speak for themselves, numbers need a letter or two."""
    text = slug(value if isinstance(value, str) else scalar_text(value).replace("-", "m").replace(".", "p"))
    if axis in RESERVED_AXES or (isinstance(value, str) and not text[:1].isdigit()):
        return text
    if isinstance(value, bool):
        return f"{slug(axis)}-{text}"
    letters = "".join(word[0] for word in slug(axis).split("-") if word)
    return f"{slug(axis) if len(axis) <= _SHORT else letters}{text}"


def cell_names(combinations: Sequence[Combination]) -> list[str]:
    """A name for each cell, in their order, such as `h100-fp32-t4`; its own where it was given one.

    A name that is empty, too long or would be given twice ends in 8 hexadecimal digits of the cell's values, so a
    cell keeps its name as long as its values and the need for the digits stay.
    """
    if combinations and combinations[0].name is not None:
        return [str(one.name) for one in combinations]  # of explicit cells every one has a name, each its own
    cells = [one.values for one in combinations]
    part = lru_cache(maxsize=None, typed=True)(_part)  # there are few values and many cells
    readable = ["-".join(filter(None, (part(axis, value) for axis, value in cell.items()))) for cell in cells]
    count = Counter(readable)
    digits = _SUFFIX
    while True:
        names = [
            name if 0 < len(name) <= NAME_LIMIT and count[name] == 1 else _suffixed(name, cell, digits)
            for cell, name in zip(cells, readable, strict=True)
        ]
        if len(set(names)) == len(names):
            return names
        digits *= 2  # thousands of unreadable names may agree in eight digits


def _suffixed(name: str, cell: Mapping[str, Scalar], digits: int) -> str:
    identity = digest([[axis, scalar_text(value), type(value).__name__] for axis, value in cell.items()])[:digits]
    head = name[: max(0, NAME_LIMIT - digits - 1)].rstrip("-")
    return f"{head}-{identity}" if head else identity[:NAME_LIMIT]
