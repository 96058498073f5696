"""Whatever a container writes, and wherever streams break and processes die, the store holds its very bytes."""

from __future__ import annotations

import asyncio
import hashlib
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from batchmatrix.base.errors import Unavailable
from batchmatrix.capture import chunks
from batchmatrix.capture.chunks import open_chunk
from batchmatrix.capture.timestamps import Splitter
from batchmatrix.engine.logstore import read_log
from batchmatrix.engine.pump import CaptureResult, End, Pump
from batchmatrix.model.evidence import LogState
from tests.support.logs import START, Cut, FakeLogs, Killed, QuickClock, capture_request, pieces, stamped
from tests.support.stores import MemoryStore

LINE = st.one_of(
    st.sampled_from([b"", b"same", b"\r", b"\x00", stamped(START), b"x" * 40_000]),
    st.binary(max_size=60).map(lambda raw: raw.replace(b"\n", b"\r")),
)
WRITES = st.lists(st.tuples(LINE, st.sampled_from([0, 1, 10**6, 4 * 10**8, 10**9, 3 * 10**9])), max_size=30)
CUTS = st.lists(
    st.builds(Cut, st.integers(0, 3000) | st.integers(0, 100_000), st.sampled_from([Killed(), Unavailable("broken")])),
    max_size=8,
)


@given(st.binary(max_size=200), st.lists(st.integers(1, 40), max_size=20), st.booleans())
def test_the_splitter_takes_any_bytes_cut_anywhere(wire: bytes, sizes: list[int], resumed: bool) -> None:
    whole, cut = Splitter(resumed=resumed), Splitter(resumed=resumed)
    block = whole.feed(wire)
    blocks = [cut.feed(piece) for piece in pieces(wire, sizes)]
    whole.close()
    cut.close()
    assert b"".join(one.raw for one in blocks) == block.raw
    assert [stamp for one in blocks for stamp in one.stamps] == list(block.stamps)
    assert cut.foreign == whole.foreign


async def keep(logs: FakeLogs, store: MemoryStore, *, follow: bool) -> CaptureResult:
    ended = End()
    ended.set()
    while True:
        try:
            return await Pump(source=logs, store=store, clock=QuickClock()).run(capture_request(follow=follow), ended)
        except Killed:
            continue


@settings(max_examples=200, deadline=None)
@given(
    writes=WRITES,
    newline=st.booleans(),
    cuts=CUTS,
    follow=st.booleans(),
    size=st.integers(1, 500),
    chunk=st.integers(1, 400),
)
def test_the_store_holds_what_was_written(
    writes: list[tuple[bytes, int]], newline: bool, cuts: list[Cut], follow: bool, size: int, chunk: int
) -> None:
    raw, times, time = b"", [], START
    logs = FakeLogs(cuts=cuts, sizes=lambda: size)
    for number, (line, step) in enumerate(writes):
        line += b"\n" if newline or number < len(writes) - 1 else b""
        if line:
            times.append(time)
        logs.write(line, time=time, step=0)
        raw += line
        time += step
    logs.end()
    if len(raw) > 2000:  # the same shape at a scale that does not take a write for every few bytes
        size, chunk = size * 50, chunk * 50
    store = MemoryStore()

    async def run() -> tuple[CaptureResult, bytes]:
        result = await keep(logs, store, follow=follow)
        return result, b"".join([piece async for piece in read_log(store, result.captured.key)])

    with mock.patch.object(chunks, "CHUNK_BYTES", chunk):
        result, kept = asyncio.run(run())
    assert kept == raw
    assert result.captured.state is LogState.COMPLETE, result
    assert result.captured.sha256 == hashlib.sha256(raw).hexdigest()
    assert (result.captured.bytes, result.captured.lines) == (len(raw), len(times))
    stamps = [stamp for key in sorted(store.objects) for stamp in open_chunk(key, store.objects[key]).stamps]
    assert stamps == times
