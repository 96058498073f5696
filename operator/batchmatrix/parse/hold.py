"""Lines by which a workload asks that nothing new is started for a while: `::hold until=<RFC 3339>`, `::hold for=10m`.

The mark must be the first thing on the line but for blanks, so that a shell's echo of a command asks for nothing.
"""

from __future__ import annotations

from batchmatrix.base.clock import parse_rfc3339
from batchmatrix.base.quantities import parse_duration
from batchmatrix.model.evidence import HoldRequest

__all__ = ["NEEDLE", "both", "read"]

NEEDLE = b"::hold"
"""A line without these bytes asks for nothing."""

_LONGEST = 64
"""Bytes of a time or duration that are looked at."""


def read(line: bytes) -> HoldRequest | None:
    """What this line asks for, or None for a line of another kind.

    One with the mark and no time that can be read asks for a hold without saying for how long: whoever wrote it met
    a limit, and to go on at once would be the worst answer.
    """
    body = line.strip()
    if not body.startswith(NEEDLE) or body[len(NEEDLE) : len(NEEDLE) + 1] not in (b"", b" ", b"\t"):
        return None
    word, _, value = body[len(NEEDLE) :].strip().partition(b"=")
    text = value[:_LONGEST].decode("ascii", "replace")
    try:
        if word == b"until":
            return HoldRequest(until=parse_rfc3339(text))
        if word == b"for":
            return HoldRequest(seconds=parse_duration(text))
    except (ValueError, OverflowError):
        pass
    return HoldRequest()


def both(one: HoldRequest | None, other: HoldRequest | None) -> HoldRequest | None:
    """What two lines ask for together: the longer of each."""
    if one is None or other is None:
        return one or other
    return HoldRequest(_later(one.until, other.until), _later(one.seconds, other.seconds))


def _later(one: float | None, other: float | None) -> float | None:
    return max((each for each in (one, other) if each is not None), default=None)
