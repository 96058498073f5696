"""The captures under way for one matrix: a task for each pod whose log is being kept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from batchmatrix.base.text import one_line
from batchmatrix.engine.attempt import CaptureView
from batchmatrix.engine.followslots import FollowSlots
from batchmatrix.engine.logstore import backoff
from batchmatrix.engine.pump import CaptureRequest, CaptureResult, End, Pump
from batchmatrix.model.evidence import Captured, LogState
from batchmatrix.ports.clock import Clock

__all__ = ["Captures"]

logger = logging.getLogger(__name__)


TRIES = 3
"""Times that a capture which fails for a reason of its own is begun again, before its log is given up."""


@dataclass(slots=True)
class _Capture:
    task: asyncio.Task[CaptureResult]
    ended: End
    live: asyncio.Event


class Captures:
    """By pod uid. `notify` is called whenever a view has changed."""

    def __init__(self, *, pump: Pump, slots: FollowSlots, clock: Clock, notify: Callable[[], None]) -> None:
        self._pump = pump
        self._slots = slots
        self._clock = clock
        self._notify = notify
        self._captures: dict[str, _Capture] = {}

    def begin(self, pod_uid: str, request: CaptureRequest, *, unseen: bool = False) -> None:
        """Start keeping a log; a second call for the same pod changes nothing.

        `unseen`: of one that is not followed, that its container's end is taken as given and not known.
        """
        if pod_uid in self._captures:
            return
        ended, live = End(), asyncio.Event()
        if request.follow:
            self._slots.used += 1
        else:
            ended.unseen = unseen
            ended.set()
        task = asyncio.create_task(self._run(request, ended, live), name=f"capture {pod_uid}")
        self._captures[pod_uid] = _Capture(task, ended, live)
        task.add_done_callback(lambda done: self._done(pod_uid, done, followed=request.follow))

    def view(self, pod_uid: str) -> CaptureView | None:
        """How far it is; None where none was begun."""
        capture = self._captures.get(pod_uid)
        if capture is None:
            return None
        if not capture.task.done() or capture.task.cancelled():
            return CaptureView(live=capture.live.is_set(), sealed=capture.ended.sealed)
        result = capture.task.result()
        return CaptureView(
            live=True,
            captured=result.captured,
            missing_metrics=result.missing_metrics,
            missing_marker=result.missing_marker,
        )

    @property
    def waiting_for(self) -> str:
        """Why a log of these cannot be kept at the moment, in one line; empty where none waits for the store."""
        waiting = (each.ended.waiting_for for each in self._captures.values() if not each.task.done())
        return next((f"logs cannot be kept: {why}" for why in waiting if why), "")

    def mark_ended(self, pods: Iterable[tuple[str, float | None, bool]]) -> None:
        """Tell the captures of these pods that no more will come.

        Each as uid, Unix time of the container's end if known, and whether somebody saw it end.
        """
        for uid, finished, seen in pods:
            capture = self._captures.get(uid)
            if capture is not None and not capture.ended.is_set():
                capture.ended.finished = finished
                capture.ended.unseen = not seen
                capture.ended.set()

    def seal(self, pod_uid: str) -> None:
        """Have what is known of a running log sealed at once; the view says when it is."""
        capture = self._captures.get(pod_uid)
        if capture is not None:
            capture.ended.seal = True

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

    async def _run(self, request: CaptureRequest, ended: End, live: asyncio.Event) -> CaptureResult:
        def caught_up() -> None:
            live.set()
            self._notify()

        def waits(why: str) -> None:
            if why != ended.waiting_for:
                ended.waiting_for = why
                self._notify()

        trouble = ""
        for number in range(1, TRIES + 1):
            try:
                return await self._pump.run(request, ended, caught_up, waits)
            except Exception as error:  # one log that cannot be kept must not hold up the others
                logger.exception("log of pod %s/%s", request.namespace, request.pod)
                trouble = f"its log cannot be kept: {one_line(str(error)) or type(error).__name__}"
            # A late write of the process before us is met once: the next try takes it up and goes on behind it.
            await self._clock.sleep(backoff(number))
        missing = tuple(metric.name for metric in request.rules.metrics if metric.required)
        return CaptureResult(Captured(LogState.LOST, message=trouble), missing, request.rules.end_marker)

    def _done(self, pod_uid: str, task: asyncio.Task[CaptureResult], *, followed: bool) -> None:
        if followed:
            self._slots.used -= 1
        if task.cancelled():
            self._captures.pop(pod_uid, None)
        self._notify()
