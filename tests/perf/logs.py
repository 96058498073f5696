"""Keeping logs: the pump into a folder against a loop that only hashes and compresses the same bytes.

Each run is a process of its own, so that its memory is its own: python -m tests.perf.logs KIND MEGABYTES FOLDER.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import uvloop
import zstandard

from batchmatrix.adapters.folder import FolderStore
from batchmatrix.adapters.telemetry.clock import SystemClock
from batchmatrix.engine.pump import CaptureRequest, End, Pump
from batchmatrix.model.metric import MetricDefinition, ReadingRules
from tests.perf.rig import measured, usage
from tests.perf.table import Table

__all__ = ["Run", "logs", "table"]

KINDS = ("floor", "pump", "pump, 2 metrics")
BLOCK = 64 << 10
"""Bytes in which the stream comes."""
FRAME = 256 << 10
LEVEL = 3
LINES = 1000
"""Lines of one second of the log."""
TEMPLATES = 16
BASE = "2026-01-01T00:00:00"
METRICS = (
    MetricDefinition("step_time_ms", "keyvalue", strategy="mean", warmup=10),
    MetricDefinition("loss", "keyvalue"),
)
LONGEST = 120.0


@dataclass(frozen=True, slots=True)
class Run:
    """One pass over the log."""

    kind: str
    bytes: int
    lines: int
    seconds: float
    cpu_seconds: float
    growth_bytes: int
    """Most resident bytes during the run, above those at its start."""
    sha256: str

    @property
    def rate(self) -> float:
        """10^6 bytes of log a second."""
        return self.bytes / 1e6 / self.seconds


class Stream:
    """A log of a training run, 1000 lines a second of about 100 bytes, `size` bytes and the rest of a second long."""

    def __init__(self, size: int) -> None:
        chance = random.Random(1)
        self._raw: list[bytes] = []
        self._stamped: list[bytes] = []
        for _ in range(TEMPLATES):
            lines = [_line(chance, number) for number in range(LINES)]
            self._raw.append("".join(lines).encode())
            stamped = (f"{BASE}.{1 + 999_000 * number:09}Z {line}" for number, line in enumerate(lines))
            self._stamped.append("".join(stamped).encode())
        self._begin = 1_767_225_600  # BASE
        self._seconds = -(-size // min(len(raw) for raw in self._raw))
        self.bytes = sum(len(self._raw[second % TEMPLATES]) for second in range(self._seconds))
        self.lines = self._seconds * LINES

    def raw(self) -> Iterator[bytes]:
        """What the container wrote."""
        for second in range(self._seconds):
            yield self._raw[second % TEMPLATES]

    @contextlib.asynccontextmanager
    async def open(
        self, namespace: str, pod: str, *, follow: bool, since: float | None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Fills ports.logs.LogSource."""
        first = 0 if since is None else max(0, int(since) - self._begin)
        yield self._blocks(first)

    async def _blocks(self, first: int) -> AsyncIterator[bytes]:
        for second in range(first, self._seconds):
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self._begin + second)).encode()
            data = self._stamped[second % TEMPLATES].replace(BASE.encode(), stamp)
            for begin in range(0, len(data), BLOCK):
                yield data[begin : begin + BLOCK]


def _line(chance: random.Random, number: int) -> str:
    loss, milliseconds, rate = chance.random() * 3, chance.gauss(100, 5), chance.random() * 1e-4
    rest = f"lr={rate:.3e} tokens={chance.randrange(10**6)} rank=0 gpu=cuda:0"
    return f"step={number} step_time_ms={milliseconds:.3f} loss={loss:.5f} {rest}\n"


def logs(megabytes: int, say: Callable[[str], None]) -> list[Run]:
    """Each kind twice, there and back. Raises RuntimeError where a run fails or kept other bytes than it got."""
    runs = [_process(kind, megabytes, say) for kind in (*KINDS, *reversed(KINDS))]
    if len({run.sha256 for run in runs}) != 1:
        raise RuntimeError("what was kept is not what came: the digests of the runs differ")
    return runs


def _process(kind: str, megabytes: int, say: Callable[[str], None]) -> Run:
    say(f"logs: {kind}, {megabytes} MB")
    with tempfile.TemporaryDirectory(prefix="batchmatrix-bench-") as folder:
        words = (kind, str(megabytes), folder)
        return Run(**measured("tests.perf.logs", *words, what=f"logs, {kind}", longest=LONGEST))


def table(runs: Sequence[Run]) -> Table:
    """The runs, and the ratios of their means to the floor's."""
    found = Table(
        f"logs: {runs[0].bytes / 1e6:.0f} MB in {runs[0].lines} lines",
        ("", "MB/s", "CPU s", "memory growth MiB"),
    )
    for run in runs:
        found.add(run.kind, f"{run.rate:.1f}", f"{run.cpu_seconds:.2f}", f"{run.growth_bytes / 2**20:.1f}")
    by = {kind: [run for run in runs if run.kind == kind] for kind in KINDS}
    floor, floor_cpu = mean(run.rate for run in by["floor"]), mean(run.cpu_seconds for run in by["floor"])
    for kind in KINDS[1:]:
        found.ratio(f"rate, {kind} / floor", mean(run.rate for run in by[kind]) / floor)
        found.ratio(f"CPU, {kind} / floor", mean(run.cpu_seconds for run in by[kind]) / floor_cpu)
    found.note("floor: SHA-256 and zstd of the same bytes, nothing parsed, nothing kept")
    return found


def _floor(stream: Stream) -> str:
    digest, compressor, held = hashlib.sha256(), zstandard.ZstdCompressor(level=LEVEL, write_checksum=True), bytearray()
    for block in stream.raw():
        digest.update(block)
        held += block
        while len(held) >= FRAME:
            compressor.compress(bytes(held[:FRAME]))
            del held[:FRAME]
    compressor.compress(bytes(held))
    return digest.hexdigest()


async def _pump(stream: Stream, folder: Path, metrics: tuple[MetricDefinition, ...]) -> str:
    store = await FolderStore.open(folder)
    try:
        ended = End()
        ended.set()
        pump = Pump(source=stream, store=store, clock=SystemClock())
        request = CaptureRequest(
            "bench", "pod", "bench/log", follow=False, max_bytes=2 * stream.bytes, rules=ReadingRules(metrics)
        )
        captured = (await pump.run(request, ended)).captured
    finally:
        await store.close()
    if captured.bytes != stream.bytes or captured.lines != stream.lines or captured.state != "complete":
        raise RuntimeError(f"{captured.bytes} bytes in {captured.lines} lines were kept as {captured.state}")
    return captured.sha256


def _main(kind: str, megabytes: int, folder: Path) -> None:
    stream = Stream(megabytes * 10**6)
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    before, begin = usage(), time.monotonic()
    if kind == "floor":
        digest = _floor(stream)
    else:
        digest = uvloop.run(_pump(stream, folder, METRICS if "metrics" in kind else ()))
    seconds, after = time.monotonic() - begin, usage()
    facts = {
        "kind": kind,
        "bytes": stream.bytes,
        "lines": stream.lines,
        "seconds": seconds,
        "cpu_seconds": after.cpu - before.cpu,
        "growth_bytes": after.peak - before.resident,
        "sha256": digest,
    }
    sys.stdout.write(json.dumps(facts))


if __name__ == "__main__":
    _main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
