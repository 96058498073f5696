"""The captures under way for one matrix: a task for each pod whose log is being kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from batchmatrix.engine.attempt import CaptureView
from batchmatrix.engine.pump import CaptureRequest, CaptureResult, Pump

__all__ = ["Captures", "FollowSlots"]


class FollowSlots:
    """How many logs the whole operator may follow at one time."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0

    @property
    def free(self) -> int:
        """How many more may be followed."""
        return max(0, self.limit - self.used)


@dataclass(slots=True)
class _Capture:
    task: asyncio.Task[CaptureResult]
    ended: asyncio.Event
    live: asyncio.Event


class Captures:
    """By pod uid. `notify` is called whenever a view has changed."""

    def __init__(self, *, pump: Pump, slots: FollowSlots, reads: asyncio.Semaphore, notify: Callable[[], None]) -> None:
        self._pump = pump
        self._slots = slots
        self._reads = reads
        self._notify = notify
        self._captures: dict[str, _Capture] = {}
        self.failed: BaseException | None = None
        """A failure that trying again cannot mend; the engine raises it in its next pass."""

    def begin(self, pod_uid: str, request: CaptureRequest) -> None:
        """Start keeping a log; a second call for the same pod changes nothing."""
        if pod_uid in self._captures:
            return
        ended, live = asyncio.Event(), asyncio.Event()
        if request.follow:
            self._slots.used += 1
        else:
            ended.set()
        task = asyncio.create_task(self._run(request, ended, live), name=f"capture {pod_uid}")
        self._captures[pod_uid] = _Capture(task, ended, live)
        task.add_done_callback(lambda done: self._done(pod_uid, done, followed=request.follow))

    def view(self, pod_uid: str) -> CaptureView | None:
        """How far it is; None where none was begun."""
        capture = self._captures.get(pod_uid)
        if capture is None:
            return None
        if not capture.task.done():
            return CaptureView(live=capture.live.is_set())
        result = capture.task.result()
        return CaptureView(live=True, captured=result.captured, missing_metrics=result.missing_metrics)

    def mark_ended(self, pod_uids: Iterable[str]) -> None:
        """Tell the captures of these pods that their containers have ended: what is there now is all there will be."""
        for uid in pod_uids:
            capture = self._captures.get(uid)
            if capture is not None:
                capture.ended.set()

    def drop(self, pod_uid: str) -> None:
        """Forget a capture whose record is durable."""
        self._captures.pop(pod_uid, None)

    async def close(self) -> None:
        """Stop all of them; what is sealed stays and is gone on from by the next process."""
        tasks = [capture.task for capture in self._captures.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._captures.clear()

    async def _run(self, request: CaptureRequest, ended: asyncio.Event, live: asyncio.Event) -> CaptureResult:
        def caught_up() -> None:
            live.set()
            self._notify()

        if not request.follow:
            async with self._reads:
                return await self._pump.run(request, ended, caught_up)
        return await self._pump.run(request, ended, caught_up)

    def _done(self, pod_uid: str, task: asyncio.Task[CaptureResult], *, followed: bool) -> None:
        if followed:
            self._slots.used -= 1
        if task.cancelled() or task.exception() is not None:
            self._captures.pop(pod_uid, None)
            if not task.cancelled():
                self.failed = task.exception()
        self._notify()
