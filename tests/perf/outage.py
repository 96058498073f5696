"""Memory while the store is down: many logs come in, and none of them can be put down.

Each run is a process of its own, so that its memory is its own: python -m tests.perf.outage LOGS MEGABYTES FOLDER.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop

from batchmatrix.adapters.folder import FolderStore
from batchmatrix.adapters.telemetry.clock import SystemClock
from batchmatrix.base.errors import Unavailable
from batchmatrix.capture.chunks import CHUNK_BYTES
from batchmatrix.engine.pump import CaptureRequest, End, Pump
from tests.perf.logs import Stream
from tests.perf.rig import measured, usage
from tests.perf.table import Table

__all__ = ["Outage", "outage", "table"]

MEGABYTES = 20
"""Of each log, more than twice a chunk."""
COUNTS = (1, 50, 200)
STUCK_SECONDS = 5.0
"""How long nothing gets on before the store comes back."""
LONGEST = 300.0


@dataclass(frozen=True, slots=True)
class Outage:
    """One outage from begin to end."""

    logs: int
    bytes: int
    """Of all logs together."""
    stuck_bytes: int
    """Most resident bytes until everything had stood still for a while, above those at the start."""
    peak_bytes: int
    """The same until all had been drained."""


class Down(FolderStore):
    """A folder that takes nothing until it is up."""

    up: bool
    waited_for: set[str]
    """Logs of which nothing has been refused yet."""
    all_refused: asyncio.Event

    async def put_new(self, key: str, data: bytes) -> None:
        """As a folder does it, once it is up. Raises Unavailable until then."""
        if not self.up:
            self.waited_for.discard(key.split("/")[1])
            if not self.waited_for:
                self.all_refused.set()
            raise Unavailable(f"cannot write {key}: it did not answer")
        await super().put_new(key, data)


def outage(say: Callable[[str], None]) -> list[Outage]:
    """One outage for each number of logs. Raises RuntimeError where a log is not whole afterwards."""
    found: list[Outage] = []
    for count in COUNTS:
        say(f"outage: {count} logs of {MEGABYTES} MB")
        with tempfile.TemporaryDirectory(prefix="batchmatrix-bench-") as folder:
            words = (str(count), str(MEGABYTES), folder)
            facts = measured("tests.perf.outage", *words, what=f"outage, {count} logs", longest=LONGEST)
        found.append(Outage(**facts))
    return found


def table(runs: Sequence[Outage]) -> Table:
    """The runs, and what one log more costs, in chunks."""
    found = Table(
        f"outage: logs of {MEGABYTES} MB while the store is down",
        ("logs", "MB in all", "down: MiB", "a log: MiB", "drained: most MiB"),
    )
    for run in runs:
        stuck = run.stuck_bytes / 2**20
        row = (f"{stuck:.1f}", f"{stuck / run.logs:.2f}", f"{run.peak_bytes / 2**20:.1f}")
        found.add(str(run.logs), f"{run.bytes / 1e6:.0f}", *row)
    few, many = runs[0], runs[-1]
    each = (many.stuck_bytes - few.stuck_bytes) / (many.logs - few.logs)
    found.ratio("one log more / the bytes of a chunk", each / CHUNK_BYTES)
    found.note("floor: a chunk of a log as it came, which is what a sealed part of it covers")
    return found


async def _run(count: int, stream: Stream, folder: Path) -> Outage:
    before = usage().resident
    store = await Down.open(folder)
    assert isinstance(store, Down)
    store.up, store.waited_for, store.all_refused = False, {str(number) for number in range(count)}, asyncio.Event()
    ended = End()
    try:
        pump = Pump(source=stream, store=store, clock=SystemClock())
        requests = [
            CaptureRequest("bench", f"pod-{number}", f"bench/{number}/log", follow=True, max_bytes=2 * stream.bytes)
            for number in range(count)
        ]
        pumps = [asyncio.create_task(pump.run(request, ended)) for request in requests]
        await store.all_refused.wait()
        await asyncio.sleep(STUCK_SECONDS)
        stuck = usage().peak - before
        ended.set()
        store.up = True
        results = [result.captured for result in await asyncio.gather(*pumps)]
    finally:
        await store.close()
    if any(captured.bytes != stream.bytes or captured.state != "complete" for captured in results):
        raise RuntimeError("a log is not whole")
    if len({captured.sha256 for captured in results}) != 1:
        raise RuntimeError("the same log has several digests")
    return Outage(count, count * stream.bytes, stuck, usage().peak - before)


def _main(count: int, megabytes: int, folder: Path) -> None:
    stream = Stream(megabytes * 10**6)
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    found = uvloop.run(_run(count, stream, folder))
    sys.stdout.write(json.dumps({name: getattr(found, name) for name in Outage.__slots__}))


if __name__ == "__main__":
    _main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
