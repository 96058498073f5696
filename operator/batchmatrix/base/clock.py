"""Points in time as Unix seconds (float, UTC), and their RFC 3339 texts at the edges."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["format_rfc3339", "parse_rfc3339"]


def parse_rfc3339(text: str) -> float:
    """Unix seconds of an RFC 3339 time such as Kubernetes writes; a fraction finer than 1 us is cut.

    Raises ValueError where `text` is no such time.
    """
    head, dot, tail = text.partition(".")
    if dot:
        digits = len(tail) - len(tail.lstrip("0123456789"))
        text = f"{head}.{tail[:digits][:6].ljust(6, '0')}{tail[digits:]}"
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"no time zone in {text!r}")
    return moment.timestamp()


def format_rfc3339(seconds: float, *, digits: int = 0) -> str:
    """`seconds` since the epoch as RFC 3339 in UTC with `digits` (0, 3 or 6) decimals, cut and not rounded."""
    moment = datetime.fromtimestamp(seconds, UTC)
    spec = {0: "seconds", 3: "milliseconds", 6: "microseconds"}[digits]
    return moment.replace(tzinfo=None).isoformat(timespec=spec) + "Z"
