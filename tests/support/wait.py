"""Waiting on a condition with a deadline; the failure says what was seen last."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import NoReturn, TypeVar

__all__ = ["Pending", "wait_for", "wait_for_async"]

T = TypeVar("T")

INTERVAL = 0.1
"""Seconds between two looks at the beginning."""
SLOWEST = 0.5
SHARE = 0.1
"""Of the time that was waited: looking costs the servers as much as what is waited for."""
SHOWN = 2000
"""Characters of the last state that a failure shows."""


class Pending:
    """What a condition returns while it does not hold yet: false, and carries what was seen."""

    def __init__(self, seen: object) -> None:
        self.seen = seen

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        if isinstance(self.seen, str):
            return self.seen
        try:
            return json.dumps(self.seen, indent=1, default=str)
        except (TypeError, ValueError):
            return repr(self.seen)


def wait_for(
    condition: Callable[[], T | Pending | None], *, timeout: float, what: str, interval: float | None = None
) -> T:
    """Call `condition` until it returns something true and return that; fail after `timeout` seconds.

    It is called every `interval` seconds, or less and less often; what may hold for a moment only needs the first.
    A condition that raises AssertionError does not hold yet: its text is what was seen. Any other error ends
    the wait at once.
    """
    start = time.monotonic()
    while True:
        last = _look(condition)
        if not isinstance(last, Pending):
            return last
        waited = time.monotonic() - start
        if waited >= timeout:
            _give_up(timeout, what, last)
        time.sleep(_pause(waited) if interval is None else interval)


async def wait_for_async(
    condition: Callable[[], T | Pending | None], *, timeout: float, what: str, interval: float | None = None
) -> T:
    """`wait_for` for a test whose event loop has other work: a blocking `condition` runs in a thread."""
    start = time.monotonic()
    while True:
        last = await asyncio.to_thread(lambda: _look(condition))
        if not isinstance(last, Pending):
            return last
        waited = time.monotonic() - start
        if waited >= timeout:
            _give_up(timeout, what, last)
        await asyncio.sleep(_pause(waited) if interval is None else interval)


def _pause(waited: float) -> float:
    return max(INTERVAL, min(SLOWEST, SHARE * waited))


def _look(condition: Callable[[], T | Pending | None]) -> T | Pending:
    try:
        found = condition()
    except AssertionError as problem:
        return Pending(str(problem))
    if isinstance(found, Pending):
        return found
    return found if found else Pending(repr(found))


def _give_up(timeout: float, what: str, last: Pending) -> NoReturn:
    raise AssertionError(f"waited {timeout:g} s for {what}; seen last: {str(last)[-SHOWN:]}")
