"""How the value of a parameter reads in a variable."""

from __future__ import annotations

from batchmatrix.model.cell import Scalar

__all__ = ["scalar_text"]


def scalar_text(value: Scalar) -> str:
    """`true` and `false`, whole numbers and fractions in the shortest form that reads back, texts as they are."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)
