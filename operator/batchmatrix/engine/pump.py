"""Keeps the log of one pod: from the source, line by line accounted for, into the store.

A log is complete when a read that began after the container's end brought nothing that was not had already. So every
log is read once more than it takes to have it, from its last line on: an API server that loses its kubelet in the
middle of an answer ends the answer as if nothing had happened, and a kubelet writes line by line. Only where a stream
was followed, and the container of a pod that was deleted or evicted is gone at once, the stream's own end has to do.

What cannot be seen from here: a kubelet serves the newest file of a log only, so what was rotated away before the
first read is missing without a trace; logs that can grow to that size are for following. And containerd takes a
carriage return before a newline away, so the bytes are those that the runtime kept.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from batchmatrix.base.errors import AlreadyExists, NotFound, Unavailable
from batchmatrix.base.text import one_line
from batchmatrix.capture.anchor import Resume
from batchmatrix.capture.timestamps import Splitter
from batchmatrix.engine.logbudget import Share
from batchmatrix.engine.logstore import backoff
from batchmatrix.engine.recording import CaptureResult, Recording
from batchmatrix.model.metric import NO_RULES, ReadingRules
from batchmatrix.ports.clock import Clock
from batchmatrix.ports.logs import LogSource
from batchmatrix.ports.store import Store

__all__ = ["CaptureRequest", "CaptureResult", "Pump"]

MISSES = 3
"""Streams in a row that end without the last line that is had, until it is taken as gone: one may have been cut off."""
ATTEMPTS = 6
"""Times (about 15 s) that a kubelet may say it has no log of a container that has ended; then that is believed."""
STEP = 64 << 10
"""Bytes between two chances for other tasks: some milliseconds of work."""
TICK = 1.0
"""Seconds after which a silent stream is looked at."""
GRACE = 5.0
"""Seconds of silence after the container's end until a stream that does not end by itself is left."""
SILENCE = 300.0
"""Seconds of silence after which a stream is opened anew: its connection may be dead without a sign."""

UNSEEN = "its node did not say that the container has ended, so it may have written more"


@dataclass(frozen=True, slots=True)
class CaptureRequest:
    """Which log, and where to."""

    namespace: str
    pod: str
    prefix: str
    """In the store, for this pod alone."""
    follow: bool
    """Read while the container runs; else wait for its end."""
    max_bytes: int
    """Raw bytes that are kept."""
    share: Share | None = None
    """What all logs of the matrix together leave for it; None for no such limit."""
    rules: ReadingRules = NO_RULES
    patience: float = 300.0
    """Seconds after the container's end in which a node that does not answer is asked again."""


class _Gap(Exception):
    """The stream did not hold the last line that is had; `certain` if younger lines came."""

    def __init__(self, *, certain: bool) -> None:
        super().__init__()
        self.certain = certain


class End(asyncio.Event):
    """Set once the container has ended."""

    finished: float | None = None
    """When it ended, Unix seconds by its node's clock; None where that is not known."""
    unseen: bool = False
    """Nobody saw it end: its node is silent and was waited for long enough. It may still write."""
    seal: bool = False
    """Asks a stream that follows to seal what it has, because the container is about to be ended with its log."""
    sealed: bool = False
    """It has done so."""
    waiting_for: str = ""
    """Why nothing of this log can be kept at the moment, in one line: the store does not answer."""


class _Dropped(Unavailable):
    """The kubelet says in the place of a log that it has none: the container is gone with its pod."""


class Pump:
    """One for each store; each `run` is on its own and may be cancelled at any time: what is sealed stays."""

    def __init__(
        self, *, source: LogSource, store: Store, clock: Clock, reads: asyncio.Semaphore | None = None
    ) -> None:
        """`reads` bounds how many logs are read to their end at one time; a wait for anything holds no place in it."""
        self._source = source
        self._store = store
        self._clock = clock
        self._reads = reads or asyncio.Semaphore(1)

    async def run(
        self,
        request: CaptureRequest,
        ended: End,
        caught_up: Callable[[], None] | None = None,
        waits: Callable[[str], None] = lambda _why: None,
    ) -> CaptureResult:
        """Keep the log and say what became of it; `ended` is set once the container has ended.

        `caught_up` is called once a stream that follows has come to the present. A run for the same pod goes on
        where an earlier one was broken off, or gives its result again. While the store is Unavailable it waits, and
        `waits` is told why, and an empty line once that is over.
        Raises InvalidSpec for rules that cannot be used, AlreadyExists where somebody else writes the same log,
        BatchMatrixError where the sealed part is damaged.
        """
        lost = None
        if not request.follow:
            # Nearly always nothing is there yet, so the listing is left to the case that a write meets something.
            with contextlib.suppress(AlreadyExists):
                result = await self._capture(self._recording(request, waits), request, ended, None)
                if result.captured.key:
                    return result
                lost = result
        recording = self._recording(request, waits)
        done = await recording.replay()
        if done is None and lost is not None and recording.empty:
            return lost
        return done or await self._capture(recording, request, ended, caught_up)

    def _recording(self, request: CaptureRequest, waits: Callable[[str], None]) -> Recording:
        return Recording(
            store=self._store,
            clock=self._clock,
            prefix=request.prefix,
            rules=request.rules,
            max_bytes=request.max_bytes,
            share=request.share,
            waits=waits,
        )

    async def _capture(
        self,
        recording: Recording,
        request: CaptureRequest,
        ended: End,
        caught_up: Callable[[], None] | None,
    ) -> CaptureResult:
        """Read until it is proved that nothing is missing, or clear that the rest will not be had."""
        tries = misses = barren = 0
        was_final = False
        closed: float | None = None  # when a stream that followed ended by itself, and nothing since tells otherwise
        until = 0.0
        while True:
            if not request.follow:
                await ended.wait()
            final, before = ended.is_set(), recording.seen
            first = recording.tail.anchor is None
            if final and not was_final:
                tries, was_final = 0, True
                until = self._clock.monotonic() + request.patience
            asked = 0.0
            try:
                if final:
                    await self._read(recording, request)
                else:
                    whole = await self._follow(recording, request, ended, caught_up)
                    closed = self._clock.now() if whole else None
                came = recording.seen - before
                barren = 0 if came else barren + 1
                # Nothing at all is believed the second time only: an answer that was cut off looks the same.
                if final and not came and (not first or barren > 1):
                    return await _whole(recording, ended)
                misses = 0
                if final and came:
                    continue
            except _Gap as gap:
                misses += 1
                if gap.certain or misses >= MISSES:
                    recording.note_gap("lines that were not read yet have been rotated away on the node")
                    continue
            except (NotFound, Unavailable) as error:
                if recording.seen > before:
                    tries = 0
                if recording.seen > before or not isinstance(error, _Dropped):
                    closed = None
                if final and closed is not None and ended.finished is not None and closed >= ended.finished:
                    return await _whole(recording, ended)
                hopeless = isinstance(error, NotFound) or (isinstance(error, _Dropped) and tries + 1 >= ATTEMPTS)
                if final and (hopeless or self._clock.monotonic() >= until):
                    return await recording.finish(proven=False, message=str(error))
                asked = (error.retry_after or 0.0) if isinstance(error, Unavailable) else 0.0
            tries = 0 if recording.seen > before else tries
            tries += 1
            await recording.seal_if_due()
            await self._pause(max(asked, backoff(tries)), ended)

    async def _pause(self, seconds: float, ended: End) -> None:
        """Wait that long, or until the container ends if it has not yet."""
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._clock.sleep(seconds))]
        if not ended.is_set():
            waits.append(asyncio.ensure_future(ended.wait()))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _stop(*waits)

    async def _read(self, recording: Recording, request: CaptureRequest) -> None:
        """All there is now. Raises _Gap, NotFound, Unavailable."""
        intake = _Intake(recording)
        async with (
            self._reads,
            self._source.open(request.namespace, request.pod, follow=False, since=intake.since) as blocks,
        ):
            async for data in blocks:
                await intake.take(data)
        intake.close()

    async def _follow(
        self,
        recording: Recording,
        request: CaptureRequest,
        ended: End,
        caught_up: Callable[[], None] | None,
    ) -> bool:
        """All there is and comes, until the stream ends (True) or falls silent. Raises _Gap, NotFound, Unavailable."""
        intake = _Intake(recording)
        opened = int(self._clock.now() * 1e9)
        tell = caught_up
        async with (
            self._source.open(request.namespace, request.pod, follow=True, since=intake.since) as blocks,
            contextlib.aclosing(_with_ticks(blocks, self._clock)) as ticking,
        ):
            silence = 0.0
            async for data in ticking:
                if data is None:
                    silence += TICK
                    if silence >= SILENCE or (ended.is_set() and silence >= GRACE):
                        return False
                else:
                    silence = 0.0
                    await intake.take(data)
                await recording.seal_if_due()
                if ended.seal and not ended.sealed:
                    await recording.seal()
                    ended.sealed = True
                    if tell is not None:
                        tell()
                if caught_up is not None and (data is None or intake.last >= opened):
                    caught_up()
                    caught_up = None
        intake.close()
        return True


async def _whole(recording: Recording, ended: End) -> CaptureResult:
    """Nothing more came: that is all of it, if the container is known to have ended."""
    return await recording.finish(proven=not ended.unseen, message=UNSEEN)


class _Intake:
    """One stream into the recording, from where that was left off."""

    def __init__(self, recording: Recording) -> None:
        anchor = recording.tail.anchor
        self._recording = recording
        self._resume = Resume(anchor, later=recording.lost_anchor) if anchor is not None else None
        self._searching = anchor is not None and not recording.lost_anchor
        self._splitter = Splitter(resumed=anchor is not None)
        self.since = anchor.since if anchor is not None else None
        self.last = 0
        """Time of the newest line so far, Unix nanoseconds."""

    async def take(self, data: bytes) -> None:
        """The next bytes of the stream. Raises _Gap."""
        for begin in range(0, len(data), STEP):
            block = self._splitter.feed(data[begin : begin + STEP])
            if block.stamps:
                self.last = block.stamps[-1]
            if self._resume is not None:
                block = self._resume.feed(block)
                if self._resume.gone:
                    raise _Gap(certain=True)
            await self._recording.take(block)
            await asyncio.sleep(0)

    def close(self) -> None:
        """The stream has ended by itself. Raises Unavailable for an error text in it, _Gap."""
        self._splitter.close()
        if self._splitter.foreign:
            raise _Dropped(f"the kubelet answers: {one_line(self._splitter.foreign)}")
        if self._searching and self._resume is not None and not self._resume.found:
            raise _Gap(certain=False)


async def _with_ticks(blocks: AsyncIterator[bytes], clock: Clock) -> AsyncGenerator[bytes | None]:
    """The blocks, and None each time nothing came for a tick."""
    coming: asyncio.Future[bytes | None] | None = None
    tick: asyncio.Future[Any] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(_next(blocks))
            await asyncio.sleep(0)
            if not coming.done():
                tick = asyncio.ensure_future(clock.sleep(TICK))
                await asyncio.wait([coming, tick], return_when=asyncio.FIRST_COMPLETED)
                await _stop(tick)
            if not coming.done():
                yield None
                continue
            data = coming.result()
            coming = None
            if data is None:
                return
            yield data
    finally:
        await _stop(coming, tick)


async def _next(blocks: AsyncIterator[bytes]) -> bytes | None:
    return await anext(blocks, None)


async def _stop(*futures: asyncio.Future[Any] | None) -> None:
    """Cancel what is still under way and wait for it to be over; what failed meanwhile has been overtaken."""
    for future in futures:
        if future is None:
            continue
        if not future.done():
            future.cancel()
            await asyncio.wait([future])
        if not future.cancelled():
            future.exception()
