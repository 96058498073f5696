"""The API server's time, in place of this machine's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime

__all__ = ["ServerClock", "boot_clock"]

SLACK = 1.0
"""Seconds by which servers behind one address may differ until the clock is put back."""


def boot_clock() -> float:
    """Seconds that go on while the process is stopped and, where the system can tell, while the machine sleeps.

    CLOCK_BOOTTIME on Linux: CLOCK_MONOTONIC stands still in a suspended machine, while others wait a lease out.
    """
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


class ServerClock:
    """Fills ports.clock.Clock from the Date of the API server's answers.

    Deadlines are counted from times that the server wrote: when a pod was created, or was to be deleted. A machine
    whose clock is wrong, or is set while trials run, would end them too early, or never. This one is behind the
    server's, by less than a second at first and by little soon, and not ahead: nothing begins or ends before its time.
    """

    def __init__(self, *, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = boot_clock) -> None:
        """`wall` (Unix seconds) counts until the server has answered; `monotonic` goes on while the machine sleeps."""
        self._wall = wall
        self._monotonic = monotonic
        self._offset: float | None = None
        """Unix seconds less monotonic ones."""
        self._last = ""

    def now(self) -> float:
        """Unix seconds."""
        return self._wall() if self._offset is None else self._monotonic() + self._offset

    def monotonic(self) -> float:
        """Seconds since boot, time asleep included."""
        return self._monotonic()

    async def sleep(self, seconds: float) -> None:
        """asyncio's sleep."""
        await asyncio.sleep(seconds)

    def heard(self, date: str, *, sent: float) -> None:
        """An answer came with this Date (RFC 9110, whole seconds); one that cannot be read is passed over.

        `sent` is when it was asked for, by `monotonic`: the server wrote the Date between then and now.
        """
        if date == self._last:
            return
        self._last = date
        try:
            told = parsedate_to_datetime(date).timestamp()
        except (TypeError, ValueError, OverflowError):
            return
        least, most = told - self._monotonic(), told + 1.0 - sent
        if self._offset is None or not least <= self._offset <= most + SLACK:
            self._offset = least
