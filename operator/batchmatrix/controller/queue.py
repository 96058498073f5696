"""Work by key: each key at most once in the queue, at most once in work, and never more often than an interval."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from batchmatrix.ports.clock import Clock

__all__ = ["WorkQueue"]

K = TypeVar("K", bound=Hashable)


class WorkQueue(Generic[K]):
    """A de-duplicating queue with delays, fair by turns.

    A key that is added while it is being worked on comes back once after that; a burst of additions therefore
    costs one pass, which is also what groups records into one ledger shard and changes into one status write.
    """

    def __init__(self, *, clock: Clock, interval: float) -> None:
        self._clock = clock
        self._interval = interval
        self._ready: OrderedDict[K, None] = OrderedDict()
        self._working: set[K] = set()
        self._again: set[K] = set()
        self._timers: dict[K, tuple[float, asyncio.TimerHandle]] = {}
        self._not_before: dict[K, float] = {}
        self._wake = asyncio.Event()

    def add(self, key: K, *, delay: float = 0.0) -> None:
        """Ask for a pass over `key` after `delay` seconds; an earlier one that was asked for stands for both."""
        now = self._clock.monotonic()
        due = max(now + delay, self._not_before.get(key, 0.0))
        if key in self._ready:
            return
        if key in self._working and due <= now + self._interval:
            self._again.add(key)
            return
        timer = self._timers.get(key)
        if timer is not None:
            if timer[0] <= due:
                return
            timer[1].cancel()
            del self._timers[key]
        if due <= now:
            self._ready[key] = None
            self._wake.set()
            return
        handle = asyncio.get_running_loop().call_later(due - now, self._fire, key)
        self._timers[key] = (due, handle)

    def __len__(self) -> int:
        """Keys that could be worked on now."""
        return len(self._ready)

    async def work(self, handle: Callable[[K], Awaitable[None]]) -> None:
        """Take keys for ever, one at a time; start several of these for parallel work on different keys."""
        while True:
            while not self._ready:
                self._wake.clear()
                await self._wake.wait()
            key, _ = self._ready.popitem(last=False)
            self._working.add(key)
            try:
                await handle(key)
            finally:
                self._working.discard(key)
                self._not_before[key] = self._clock.monotonic() + self._interval
                asyncio.get_running_loop().call_later(self._interval, self._rested, key)
                if key in self._again:
                    self._again.discard(key)
                    self.add(key)

    def _rested(self, key: K) -> None:
        """Nothing is kept of a key that does not come again."""
        if self._not_before.get(key, math.inf) <= self._clock.monotonic():
            del self._not_before[key]

    def _fire(self, key: K) -> None:
        del self._timers[key]
        if key in self._working:
            self._again.add(key)
            return
        self._ready[key] = None
        self._wake.set()
