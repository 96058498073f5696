"""When a running container's log begins to be followed."""

from __future__ import annotations

__all__ = ["FOLLOW_AFTER", "LOG_MODES", "follow_from"]

LOG_MODES = ("auto", "follow", "end")

FOLLOW_AFTER = 30.0
"""Seconds a container runs before mode `auto` follows it. Most logs of shorter runs fit into one read at the end, and
a kubelet that rotates every 10 MiB has rarely thrown anything away by then."""


def follow_from(mode: str, started: float) -> float | None:
    """Unix time from which the log of a container that started at `started` is followed; None for never.

    How many are followed at once is bounded elsewhere: a log that finds no free place is read at its end.
    """
    if mode == "end":
        return None
    return started if mode == "follow" else started + FOLLOW_AFTER
