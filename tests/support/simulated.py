"""An event loop whose time is simulated: nothing waits, no thread runs, and the same tasks run in the same order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.support.world import SteppedClock

__all__ = ["SimulatedClock", "SimulatedLoop"]

HOT = 100_000
"""Turns without an end at one instant: a task goes round and round."""


class SimulatedClock(SteppedClock):
    """The true time. It moves only when SimulatedLoop.settle has nothing left to do at this instant."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Timers go by the clock, so `asyncio.timeout` and all other waiting is simulated too."""

    def __init__(self, clock: SteppedClock) -> None:
        self._simulated = clock
        super().__init__()
        self._clock_resolution = 1e-5  # of Unix seconds as floats

    def time(self) -> float:
        return self._simulated.time

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        """Do it here and now: threads would make no two runs alike."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    async def settle(self) -> None:
        """Let all other tasks do what they can at this instant. Raises AssertionError where that has no end."""
        for _ in range(HOT):
            await asyncio.sleep(0)
            if not self._ready:
                return
        raise AssertionError("something is done over and over again at one instant")

    def next_timer(self) -> float:
        """When the first timer is due; infinite without one."""
        return min((handle.when() for handle in self._scheduled if not handle.cancelled()), default=float("inf"))
