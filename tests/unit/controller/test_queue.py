"""The work queue: one pass for a burst, no pass lost, never two at once over one key."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from batchmatrix.controller.queue import WorkQueue


class LoopClock:
    """The event loop's own time, which its timers go by."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Worked:
    """Passes over keys, each held open until `go`."""

    def __init__(self) -> None:
        self.passes: list[str] = []
        self.running: set[str] = set()
        self.overlaps = 0
        self.go = asyncio.Event()
        self.go.set()
        self.changed = asyncio.Condition()

    async def handle(self, key: str) -> None:
        if key in self.running:
            self.overlaps += 1
        self.running.add(key)
        async with self.changed:
            self.passes.append(key)
            self.changed.notify_all()
        await self.go.wait()
        self.running.discard(key)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(5), self.changed:
            await self.changed.wait_for(lambda: len(self.passes) >= count)


@asynccontextmanager
async def working(queue: WorkQueue[str], *, workers: int = 2) -> AsyncIterator[Worked]:
    worked = Worked()
    tasks = [asyncio.create_task(queue.work(worked.handle)) for _ in range(workers)]
    try:
        yield worked
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_burst_of_one_key_is_one_pass() -> None:
    queue: WorkQueue[str] = WorkQueue(clock=LoopClock(), interval=0.01)
    for _ in range(100):
        queue.add("a")
    async with working(queue) as worked:
        await worked.until(1)
        queue.add("b")
        await worked.until(2)
    assert worked.passes == ["a", "b"]


async def test_a_key_added_during_its_pass_comes_back_once_and_never_in_parallel() -> None:
    queue: WorkQueue[str] = WorkQueue(clock=LoopClock(), interval=0.01)
    async with working(queue, workers=3) as worked:
        worked.go.clear()
        queue.add("a")
        await worked.until(1)
        for _ in range(10):
            queue.add("a")
        queue.add("b")
        await worked.until(2)
        worked.go.set()
        await worked.until(3)
        queue.add("c")
        await worked.until(4)
    assert sorted(worked.passes) == ["a", "a", "b", "c"]
    assert worked.overlaps == 0


async def test_two_passes_over_a_key_are_an_interval_apart() -> None:
    queue: WorkQueue[str] = WorkQueue(clock=LoopClock(), interval=0.2)
    loop = asyncio.get_running_loop()
    async with working(queue) as worked:
        queue.add("a")
        await worked.until(1)
        first = loop.time()
        queue.add("a")
        await worked.until(2)
        assert loop.time() - first >= 0.19


async def test_the_earlier_of_two_delays_stands() -> None:
    queue: WorkQueue[str] = WorkQueue(clock=LoopClock(), interval=0.0)
    async with working(queue) as worked:
        queue.add("a", delay=60.0)
        queue.add("a", delay=0.02)
        await worked.until(1)
        queue.add("b", delay=0.02)
        queue.add("b", delay=60.0)
        await worked.until(2)
    assert worked.passes == ["a", "b"]


async def test_keys_take_turns() -> None:
    queue: WorkQueue[str] = WorkQueue(clock=LoopClock(), interval=0.0)
    for key in "abcabc":
        queue.add(key)
    async with working(queue, workers=1) as worked:
        await worked.until(3)
    assert worked.passes == ["a", "b", "c"]
