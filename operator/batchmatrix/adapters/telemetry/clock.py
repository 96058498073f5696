"""The system's clocks."""

from __future__ import annotations

import asyncio
import time

__all__ = ["SystemClock"]


class SystemClock:
    """Fills ports.clock.Clock."""

    def now(self) -> float:
        """Unix seconds of the system's wall clock."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since boot, time asleep included, so that a lease does not live through a suspend."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    async def sleep(self, seconds: float) -> None:
        """asyncio's sleep."""
        await asyncio.sleep(seconds)
