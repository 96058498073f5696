"""A container's log as a runtime keeps it and a kubelet serves it, with everything that can go wrong on the way."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from batchmatrix.base.errors import NotFound, Unavailable
from batchmatrix.engine.pump import CaptureRequest
from batchmatrix.model.metric import MetricDefinition, ReadingRules
from batchmatrix.ports.logs import LogSource

__all__ = [
    "LOST",
    "START",
    "Cut",
    "FakeLogs",
    "Killed",
    "QuickClock",
    "broken",
    "capture_request",
    "pieces",
    "stamped",
    "until",
]

START = 1_800_000_000 * 10**9
"""Unix nanoseconds at which the fake container starts."""
PART = 16 << 10
"""Bytes after which a runtime writes a part of a line."""
LOST = b"unable to retrieve container logs for containerd://0123456789abcdef"


class QuickClock:
    """Sleeping gives way once and moves the time on."""

    def __init__(self) -> None:
        self.time = START / 1e9

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.time += seconds


class Killed(BaseException):
    """The process dies here: nothing after it runs."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What happens to one opened stream after `after` of its bytes: an error to raise, or None for a clean end."""

    after: int
    error: BaseException | None = None


def stamped(time: int, zone: str = "Z") -> bytes:
    """The time of a line as a kubelet writes it, with the space."""
    seconds, nanos = divmod(time, 10**9)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{nanos:09d}{zone} ".encode()


class FakeLogs(LogSource):
    """One pod's log. `cuts` are used up one for each stream; `sizes` gives the size of each block in turn."""

    def __init__(self, *, cuts: Iterable[Cut] = (), sizes: Callable[[], int] = lambda: 4096) -> None:
        self.cuts = deque(cuts)
        self.opens: list[tuple[bool, float | None]] = []
        self.text = b""
        """What is served in place of the log, with status 200."""
        self.gone = False
        self.served = 0
        self._sizes = sizes
        self._parts: list[tuple[int, bytes]] = []
        self._rotated = 0
        self._pending = b""
        self._time = START
        self._ended = False
        self._news = asyncio.Event()

    def write(self, raw: bytes, *, step: int = 1000, time: int | None = None) -> None:
        """The container writes; each line, and each 16 KiB of one, is `step` nanoseconds later than that before."""
        self._time = self._time if time is None else time
        data = self._pending + raw
        begin = 0
        while begin < len(data):
            newline = data.find(b"\n", begin, begin + PART)
            end = newline + 1 if newline >= 0 else begin + PART
            if end > len(data):
                break
            self._add(data[begin:end], step)
            begin = end
        self._pending = data[begin:]

    def end(self) -> None:
        """The container ends: what it wrote without a newline is kept as it is."""
        if self._pending:
            self._add(self._pending, 0)
            self._pending = b""
        self._ended = True
        self._news.set()

    def rotate(self, keep: int = 0) -> None:
        """All but the newest `keep` parts are in an older file from now on, which is not served."""
        self._rotated = max(self._rotated, len(self._parts) - keep)

    def _add(self, data: bytes, step: int) -> None:
        self._parts.append((self._time, data))
        self._time += step
        self._news.set()

    @contextlib.asynccontextmanager
    async def open(
        self, namespace: str, pod: str, *, follow: bool, since: float | None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        self.opens.append((follow, since))
        await asyncio.sleep(0)
        if self.gone:
            raise NotFound(f"pod {namespace}/{pod} is gone")
        cut = self.cuts.popleft() if self.cuts else Cut(1 << 62)
        stream = self._cut(self._stream(follow, since), cut)
        try:
            yield stream
        finally:
            await stream.aclose()

    async def _cut(self, stream: AsyncIterator[bytes], cut: Cut) -> AsyncGenerator[bytes]:
        left = cut.after
        async for data in stream:
            await asyncio.sleep(0)
            position = 0
            while position < len(data):
                size = max(1, min(self._sizes(), left, len(data) - position))
                if left <= 0:
                    break
                yield data[position : position + size]
                self.served += size
                position += size
                left -= size
            if left <= 0:
                if cut.error is not None:
                    raise cut.error
                return

    async def _stream(self, follow: bool, since: float | None) -> AsyncIterator[bytes]:
        if self.text:
            yield self.text
            return
        seconds = int(since) if since is not None else 0
        position = self._rotated
        at_start = True
        while True:
            while position < len(self._parts):
                batch = self._parts[position : position + 512]
                position += len(batch)
                out = []
                for time, data in batch:
                    # As the kubelet does it: parts are compared one by one, and a part left out counts for the
                    # question whether the next one begins a line.
                    if time >= seconds * 10**9:
                        out.append(stamped(time) + data if at_start else data)
                    at_start = data.endswith(b"\n")
                yield b"".join(out)
            if not follow or self._ended:
                return
            self._news.clear()
            await self._news.wait()


def capture_request(
    *,
    follow: bool = False,
    max_bytes: int = 1 << 30,
    definitions: tuple[MetricDefinition, ...] = (),
    end_marker: str = "",
) -> CaptureRequest:
    """A request for the one log of a FakeLogs."""
    return CaptureRequest(
        namespace="ns",
        pod="pod",
        prefix="ns/m/uid/logs/cell/0/pod-uid",
        follow=follow,
        max_bytes=max_bytes,
        rules=ReadingRules(definitions, end_marker),
    )


def broken() -> Unavailable:
    """A stream that breaks."""
    return Unavailable("the connection was reset")


def pieces(data: bytes, sizes: Iterable[int]) -> Iterator[bytes]:
    """`data` cut into blocks of these sizes, the rest in one."""
    position = 0
    for size in sizes:
        if position >= len(data):
            return
        yield data[position : position + size]
        position += size
    if position < len(data):
        yield data[position:]


async def until(condition: Callable[[], bool]) -> None:
    """Give way to other tasks until `condition` holds."""
    for _ in range(1_000_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("the condition never came to hold")
