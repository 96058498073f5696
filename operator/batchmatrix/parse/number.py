"""What counts as a number in a log: one rule for all formats."""

from __future__ import annotations

import math
import re

__all__ = ["number_of", "number_of_text"]

_NUMBER = re.compile(rb"\s*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*")


def number_of_text(text: bytes) -> float | None:
    """The finite decimal number that is the whole of `text` (blanks around it are fine), else None.

    Stricter than float(): no `1_000`, `nan`, `inf`, and nothing is cut off: `95%` and `1,234` are no numbers.
    """
    if _NUMBER.fullmatch(text) is None:
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def number_of(value: object) -> float | None:
    """The finite number that a JSON value stands for: a number or a numeric string, never a boolean; else None."""
    if isinstance(value, str):
        return number_of_text(value.encode("utf-8", "replace"))
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
