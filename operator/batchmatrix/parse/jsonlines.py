"""One JSON object per line; metrics are its members, also those of objects inside it by dotted keys."""

from __future__ import annotations

import json
from typing import Any

from batchmatrix.parse.number import number_of

__all__ = ["NEEDLE", "lookup", "read"]

NEEDLE = b"{"
"""A line without this byte holds nothing of this form."""


def read(line: bytes) -> dict[str, Any] | None:
    """The object on this line, or None where the line is anything else (which is no error: logs are mixed)."""
    if not line.lstrip().startswith(NEEDLE):
        return None
    try:
        item = json.loads(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return item if isinstance(item, dict) else None


def lookup(item: dict[str, Any], key: str) -> tuple[float | None] | None:
    """The value under `key` as a 1-tuple, (None,) where it is not a finite number; None where there is no such key.

    A member whose name is the whole key goes before one that is found by going down at the dots.
    """
    if key in item:
        return (number_of(item[key]),)
    node: Any = item
    for part in key.split("."):
        if not isinstance(node, dict) or part not in node:
            return None
        node = node[part]
    return (number_of(node),)
