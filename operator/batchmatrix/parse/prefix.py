"""Metric lines of our own form: `::metric {"name": "acc", "value": 0.91}`; other members are left to the writer."""

from __future__ import annotations

import json

from batchmatrix.parse.number import number_of

__all__ = ["NEEDLE", "read"]

NEEDLE = b"::metric"
"""A line without these bytes holds nothing of this form."""


def read(line: bytes) -> tuple[str, float | None] | None:
    """Name and value of the metric on this line, or None for a line of another kind.

    The mark must be the first thing on the line but for blanks, so that a shell's echo of a command is no metric.
    The value is None where it is not a finite number. Raises ValueError for a line with the mark that cannot be
    read at all.
    """
    body = line.lstrip()
    if not body.startswith(NEEDLE) or body[len(NEEDLE) : len(NEEDLE) + 1] not in (b" ", b"\t", b"{"):
        return None
    try:
        item = json.loads(body[len(NEEDLE) :].decode("utf-8", "replace"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(item, dict) or not isinstance(item.get("name"), str) or "value" not in item:
        raise ValueError("no name and value")
    return item["name"], number_of(item["value"])
