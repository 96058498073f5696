from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable

import pytest

from batchmatrix.base.errors import AlreadyExists, BatchMatrixError, NotFound, Unavailable
from batchmatrix.capture import chunks
from batchmatrix.capture.chunks import open_chunk
from batchmatrix.engine.logstore import read_log
from batchmatrix.engine.pump import CaptureRequest, CaptureResult, End, Pump
from batchmatrix.model.evidence import HoldRequest, LogState
from batchmatrix.model.metric import MetricDefinition
from tests.support.logs import LOST, START, Cut, FakeLogs, Killed, QuickClock, broken, capture_request, stamped, until
from tests.support.stores import Fault, MemoryStore

KEY = "ns/m/uid/logs/cell/0/pod-uid/00000001.log.zst"
LOSS = MetricDefinition(name="loss", source="keyvalue", strategy="latest", required=True)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def logs() -> FakeLogs:
    return FakeLogs()


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 100)


async def pump(
    logs: FakeLogs,
    store: MemoryStore,
    request: CaptureRequest | None = None,
    *,
    ended: End | None = None,
    caught_up: Callable[[], None] | None = None,
) -> CaptureResult:
    if ended is None:
        ended = End()
        ended.set()
    clock = QuickClock()
    work = Pump(source=logs, store=store, clock=clock).run(request or capture_request(), ended, caught_up)
    return await asyncio.wait_for(work, 20)


async def stored(store: MemoryStore) -> bytes:
    return b"".join([piece async for piece in read_log(store, "ns/m/uid/logs/cell/0/pod-uid")])


async def assert_kept(store: MemoryStore, result: CaptureResult, raw: bytes) -> None:
    captured = result.captured
    assert await stored(store) == raw
    assert captured.state is LogState.COMPLETE
    assert captured.sha256 == hashlib.sha256(raw).hexdigest()
    assert captured.bytes == len(raw)
    assert captured.lines == raw.count(b"\n") + (1 if raw and not raw.endswith(b"\n") else 0)


def lines(count: int, begin: int = 0) -> bytes:
    return b"".join(b"line %06d\n" % number for number in range(begin, begin + count))


class TestShortRuns:
    async def test_two_reads_and_one_write(self, logs: FakeLogs, store: MemoryStore) -> None:
        logs.write(lines(200))
        logs.end()
        result = await pump(logs, store)
        await assert_kept(store, result, lines(200))
        (whole, proof) = logs.opens
        assert whole == (False, None)
        assert proof[1] is not None
        assert [call for call in store.calls if call[0] != "list" or call[1] == KEY][:1] == [("put_new", KEY)]
        assert list(store.objects) == [KEY]

    async def test_reading_waits_for_the_end(self, logs: FakeLogs, store: MemoryStore) -> None:
        ended = End()
        task = asyncio.create_task(pump(logs, store, ended=ended))
        for _ in range(50):
            await asyncio.sleep(0)
        assert logs.opens == []
        logs.write(b"a\n")
        logs.end()
        ended.set()
        await assert_kept(store, await task, b"a\n")

    async def test_an_empty_log_is_asked_for_twice(self, logs: FakeLogs, store: MemoryStore) -> None:
        logs.end()
        await assert_kept(store, await pump(logs, store), b"")
        assert len(logs.opens) == 2

    async def test_an_answer_cut_to_nothing_is_not_an_empty_log(self, logs: FakeLogs, store: MemoryStore) -> None:
        logs.write(b"a\n")
        logs.end()
        logs.cuts.append(Cut(0))
        await assert_kept(store, await pump(logs, store), b"a\n")

    async def test_an_answer_cut_at_the_end_of_a_line_is_not_the_whole_log(
        self, logs: FakeLogs, store: MemoryStore
    ) -> None:
        logs.write(b"one\ntwo\nthree\n")
        logs.end()
        logs.cuts.append(Cut(len(stamped(0)) + len(b"one\n")))
        await assert_kept(store, await pump(logs, store), b"one\ntwo\nthree\n")

    @pytest.mark.parametrize("raw", [b"no newline", b"a\nb", b"\n\n\n", b"\x00\xff\r\n\x1b[0m", b"x" * 200_000])
    async def test_any_bytes(self, raw: bytes, logs: FakeLogs, store: MemoryStore) -> None:
        logs.write(raw)
        logs.end()
        await assert_kept(store, await pump(logs, store), raw)

    async def test_a_long_log_is_proved_by_a_second_read(self, logs: FakeLogs, store: MemoryStore) -> None:
        raw = lines(12_000)
        logs.write(raw)
        logs.end()
        # An API server that loses its kubelet ends the answer as if it were whole.
        logs.cuts.append(Cut(400_000))
        await assert_kept(store, await pump(logs, store), raw)
        assert [since is None for _, since in logs.opens] == [True, False, False]

    async def test_metrics(self, logs: FakeLogs, store: MemoryStore) -> None:
        logs.write(b"loss=3\nloss=2.5\n")
        logs.end()
        result = await pump(logs, store, capture_request(definitions=(LOSS,)))
        assert result.captured.metrics[0].value == 2.5
        assert result.missing_metrics == ()

    async def test_a_required_metric_that_is_missing(self, logs: FakeLogs, store: MemoryStore) -> None:
        logs.write(b"nothing\n")
        logs.end()
        assert (await pump(logs, store, capture_request(definitions=(LOSS,)))).missing_metrics == ("loss",)


class TestBreaks:
    @pytest.mark.parametrize("error", [broken(), None])
    async def test_every_cut_is_mended(self, error: Unavailable | None, store: MemoryStore) -> None:
        raw = b"first\n\nsecond line\nthird"
        for after in range(150):
            logs = FakeLogs(cuts=[Cut(after, error), Cut(after // 2, error)])
            logs.write(raw, step=10**9)
            logs.end()
            store.objects.clear()
            if error is None:  # only a stream that follows is not believed when it ends
                result = await pump(logs, store, capture_request(follow=True), ended=_later(logs))
            else:
                result = await pump(logs, store)
            await assert_kept(store, result, raw)

    async def test_error_text_is_no_log(self, logs: FakeLogs, store: MemoryStore) -> None:
        logs.text = LOST
        result = await pump(logs, store)
        assert result.captured.state is LogState.LOST
        assert "unable to retrieve container logs" in result.captured.message
        assert (result.captured.bytes, result.captured.sha256, result.captured.key) == (0, "", "")
        assert store.objects == {}
        assert len(logs.opens) == 6

    async def test_pod_gone_before_a_byte_was_had(self, logs: FakeLogs, store: MemoryStore) -> None:
        logs.gone = True
        result = await pump(logs, store, capture_request(definitions=(LOSS,)))
        assert result.captured.state is LogState.LOST
        assert result.missing_metrics == ("loss",)

    async def test_pod_gone_in_the_middle(self, logs: FakeLogs, store: MemoryStore) -> None:
        logs.write(b"loss=1\nloss=22")
        logs.end()
        logs.cuts.append(Cut(75, NotFound("pod is gone")))
        result = await pump(logs, store, capture_request(definitions=(LOSS,)))
        assert result.captured.state is LogState.TRUNCATED
        assert await stored(store) == b"loss=1\nloss=2"
        assert result.captured.bytes == 13
        assert result.captured.metrics[0].value == 1.0, "a number that was cut is no number"
        assert "gone" in result.captured.message

    async def test_rotation_is_a_gap_and_what_is_younger_is_kept(self, logs: FakeLogs, store: MemoryStore) -> None:
        logs.write(lines(10), step=10**9)
        logs.cuts.append(Cut(200, broken()))
        ended = End()
        task = asyncio.create_task(pump(logs, store, capture_request(follow=True), ended=ended))
        await until(lambda: bool(logs.served >= 200))
        logs.write(lines(10, 10), step=10**9)
        logs.rotate(keep=5)
        logs.end()
        ended.set()
        result = await task
        assert result.captured.state is LogState.TRUNCATED
        assert "rotated" in result.captured.message
        kept = await stored(store)
        assert kept.startswith(lines(4))
        assert kept.endswith(lines(5, 15))
        assert b"line 000010" not in kept

    async def test_rotation_to_nothing_is_not_complete(self, logs: FakeLogs, store: MemoryStore) -> None:
        logs.write(lines(10))
        logs.end()
        logs.cuts.append(Cut(200, broken()))
        task = asyncio.create_task(pump(logs, store))
        await until(lambda: bool(logs.served >= 200))
        logs.rotate()
        assert (await task).captured.state is LogState.TRUNCATED

    async def test_a_clean_end_short_of_the_anchor_is_no_gap(self, logs: FakeLogs, store: MemoryStore) -> None:
        logs.write(lines(10))
        logs.end()
        logs.cuts.extend([Cut(200, broken()), Cut(0), Cut(60)])
        await assert_kept(store, await pump(logs, store), lines(10))


def _later(logs: FakeLogs) -> End:
    """An event that is set once two streams have been opened."""
    event = End()

    async def watch() -> None:
        await until(lambda: len(logs.opens) >= 2)
        event.set()

    event.task = asyncio.create_task(watch())  # type: ignore[attr-defined]
    return event


class TestFollowing:
    async def test_to_the_end_and_proved(self, logs: FakeLogs, store: MemoryStore) -> None:
        ended = End()
        live: list[bool] = []
        task = asyncio.create_task(
            pump(logs, store, capture_request(follow=True), ended=ended, caught_up=lambda: live.append(True))
        )
        for number in range(20):
            logs.write(lines(1, number))
            for _ in range(10):
                await asyncio.sleep(0)
        assert live == [True]
        logs.end()
        ended.set()
        await assert_kept(store, await task, lines(20))
        assert logs.opens[0] == (True, None)
        assert logs.opens[-1] == (False, START // 10**9 - 1)

    @pytest.mark.parametrize(
        ("finished", "proven"), [pytest.param(0.0, True, id="then"), pytest.param(None, False, id="nobody knows when")]
    )
    async def test_to_the_end_of_a_container_that_is_dropped_with_its_pod(
        self, logs: FakeLogs, store: MemoryStore, finished: float | None, proven: bool
    ) -> None:
        """A server that loses its kubelet ends a stream just so: only one that outlasted the container is whole."""
        ended = End()
        task = asyncio.create_task(pump(logs, store, capture_request(follow=True), ended=ended))
        logs.write(lines(3))
        logs.end()
        await until(lambda: len(logs.opens) == 2)  # the first stream has come to its end
        logs.text = LOST
        ended.finished = finished
        ended.set()
        result = await task
        if proven:
            await assert_kept(store, result, lines(3))
        else:
            assert result.captured.state is LogState.TRUNCATED

    async def test_a_stream_that_broke_before_the_container_was_dropped_proves_nothing(
        self, logs: FakeLogs, store: MemoryStore
    ) -> None:
        ended = End()
        logs.cuts.append(Cut(90, Unavailable("connection reset")))
        task = asyncio.create_task(pump(logs, store, capture_request(follow=True), ended=ended))
        logs.write(lines(9))
        await until(lambda: logs.served >= 90)
        logs.text = LOST
        logs.end()
        ended.set()
        assert (await task).captured.state is LogState.TRUNCATED

    async def test_what_is_pending_is_sealed_in_time(self, logs: FakeLogs, store: MemoryStore) -> None:
        ended = End()
        task = asyncio.create_task(pump(logs, store, capture_request(follow=True), ended=ended))
        logs.write(b"progress 1\rprogress 2\r" + b"." * 20_000)
        await until(lambda: bool(store.objects))
        logs.write(b"done\n")
        logs.end()
        ended.set()
        await assert_kept(store, await task, b"progress 1\rprogress 2\r" + b"." * 20_000 + b"done\n")
        assert len(store.objects) == 2

    async def test_a_stream_that_never_ends_is_left(self, logs: FakeLogs, store: MemoryStore) -> None:
        ended = End()
        logs.write(b"a\n")
        ended.set()  # the container has ended, but the fake's stream does not: a dead connection
        task = asyncio.create_task(pump(logs, store, capture_request(follow=True), ended=ended))
        await assert_kept(store, await task, b"a\n")

    @pytest.mark.usefixtures("small_chunks")
    async def test_reading_stops_while_the_store_does_not_answer(self, store: MemoryStore) -> None:
        logs = FakeLogs(sizes=lambda: 64)
        logs.write(lines(5000))
        logs.end()
        store.fault = lambda name, _key: Fault.BEFORE if name == "put_new" else None
        task = asyncio.create_task(pump(logs, store))
        for _ in range(2000):
            await asyncio.sleep(0)
        assert logs.served < 1000
        store.fault = None
        await assert_kept(store, await task, lines(5000))


class TestStore:
    @pytest.mark.usefixtures("small_chunks")
    @pytest.mark.parametrize("fault", list(Fault))
    async def test_every_put_fails_once(self, fault: Fault, logs: FakeLogs, store: MemoryStore) -> None:
        logs.write(lines(50))
        logs.end()
        failed: set[tuple[str, str]] = set()

        def once(name: str, key: str) -> Fault | None:
            if (name, key) in failed or (fault is Fault.REPEATED and name != "put_new"):
                return None
            failed.add((name, key))
            return fault

        store.fault = once
        result = await pump(logs, store, capture_request(follow=True))
        store.fault = None
        assert failed
        await assert_kept(store, result, lines(50))

    async def test_another_writer(self, logs: FakeLogs, store: MemoryStore) -> None:
        logs.write(lines(10))
        ended = End()
        task = asyncio.create_task(pump(logs, store, capture_request(follow=True), ended=ended))
        await until(lambda: logs.served > 0)
        store.objects[KEY] = chunks.ChunkWriter(1, 0).seal(None)
        logs.end()
        ended.set()
        with pytest.raises(AlreadyExists, match="somebody else"):
            await task

    async def test_a_damaged_chunk_is_said(self, logs: FakeLogs, store: MemoryStore) -> None:
        store.objects[KEY] = b"garbage"
        with pytest.raises(BatchMatrixError, match=r"00000001\.log\.zst"):
            await pump(logs, store, capture_request(follow=True))

    async def test_a_missing_chunk_is_said(self, logs: FakeLogs, store: MemoryStore) -> None:
        store.objects[KEY.replace("1.log", "2.log")] = chunks.ChunkWriter(2, 0).seal(None)
        with pytest.raises(BatchMatrixError, match="missing"):
            await stored(store)

    async def test_no_log(self, store: MemoryStore) -> None:
        with pytest.raises(NotFound):
            await stored(store)


async def test_what_hold_lines_ask_for_is_kept_with_the_log(logs: FakeLogs, store: MemoryStore) -> None:
    logs.write(b"429\n::hold for=90s\n")
    logs.end()
    first = await pump(logs, store, capture_request())
    assert first.captured.hold == HoldRequest(seconds=90.0)
    assert await pump(logs, store, capture_request()) == first


class TestLimit:
    async def test_cut_at_the_limit_and_the_rest_read_for_metrics(self, logs: FakeLogs, store: MemoryStore) -> None:
        raw = b"loss=1\n" * 1000 + b"loss=0.5\n"
        logs.write(raw)
        logs.end()
        result = await pump(logs, store, capture_request(max_bytes=101, definitions=(LOSS,)))
        captured = result.captured
        assert await stored(store) == raw[:101]
        assert (captured.state, captured.capped, captured.bytes) == (LogState.TRUNCATED, True, 101)
        assert captured.sha256 == hashlib.sha256(raw[:101]).hexdigest()
        assert captured.lines == 15
        assert captured.metrics[0].value == 0.5
        assert captured.message == "longer than logs.maxBytes: cut after 101 of 7009 bytes"

    @pytest.mark.parametrize("killed", [False, True])
    async def test_the_end_marker_counts_beyond_the_limit(
        self, logs: FakeLogs, store: MemoryStore, killed: bool
    ) -> None:
        raw = b"step\n" * 1000 + b"DONE\n"
        logs.write(raw)
        logs.end()
        request = capture_request(max_bytes=101, end_marker="DONE")
        if killed:
            logs.cuts.append(Cut(30_000, Killed()))
            with pytest.raises(Killed):
                await pump(logs, store, request)
        result = await pump(logs, store, request)
        assert (result.captured.capped, result.missing_marker) == (True, "")
        assert await pump(logs, store, request) == result

    async def test_an_end_marker_that_did_not_come_is_remembered(self, logs: FakeLogs, store: MemoryStore) -> None:
        logs.write(b"step\nDON\n")
        logs.end()
        request = capture_request(end_marker="DONE")
        assert (await pump(logs, store, request)).missing_marker == "DONE"
        assert (await pump(logs, store, request)).missing_marker == "DONE"  # from the manifest

    async def test_exactly_the_limit_is_complete(self, logs: FakeLogs, store: MemoryStore) -> None:
        logs.write(b"loss=1\n")
        logs.end()
        await assert_kept(store, await pump(logs, store, capture_request(max_bytes=7)), b"loss=1\n")

    async def test_killed_beyond_the_limit(self, logs: FakeLogs, store: MemoryStore) -> None:
        raw = b"loss=1\n" * 1000 + b"loss=0.5\n"
        logs.write(raw)
        logs.end()
        logs.cuts.append(Cut(30_000, Killed()))
        request = capture_request(max_bytes=101, definitions=(LOSS,))
        with pytest.raises(Killed):
            await pump(logs, store, request)
        assert open_chunk(KEY, store.objects[KEY]).header.capped
        captured = (await pump(logs, store, request)).captured
        assert await stored(store) == raw[:101]
        assert captured.capped
        assert captured.metrics[0].value == 0.5
        assert captured.metrics[0].count == 1001


@pytest.mark.usefixtures("small_chunks")
class TestRestart:
    @pytest.mark.parametrize("follow", [True, False])
    async def test_killed_after_any_byte(self, follow: bool) -> None:
        raw = b"loss=7\n" + b"y" * 333 + b"\n\nloss=6" + b"\x00\xff" * 20 + b"\nend"
        for after in range(0, 700, 7):
            store, logs = (
                MemoryStore(),
                FakeLogs(cuts=[Cut(after, Killed()), Cut(after + 50, Killed())], sizes=lambda: 30),
            )
            logs.write(raw)
            logs.end()
            request = capture_request(follow=follow, definitions=(LOSS,))
            result = None
            while result is None:
                try:
                    result = await pump(logs, store, request)
                except Killed:
                    continue
            await assert_kept(store, result, raw)
            assert (result.captured.metrics[0].value, result.captured.metrics[0].count) == (6.0, 2)

    async def test_what_was_rotated_since_it_was_sealed_is_still_there(self, store: MemoryStore) -> None:
        logs = FakeLogs(cuts=[Cut(1500, Killed())], sizes=lambda: 50)
        logs.write(lines(40))
        logs.end()
        with pytest.raises(Killed):
            await pump(logs, store, capture_request(follow=True))
        sealed = len(await stored(store))
        assert sealed > 100
        logs.rotate(keep=40 - sealed // 12 + 1)
        await assert_kept(store, await pump(logs, store), lines(40))

    async def test_a_finished_log_is_not_read_again(self, logs: FakeLogs, store: MemoryStore) -> None:
        logs.write(lines(40))
        logs.end()
        request = capture_request(follow=True, definitions=(LOSS,))
        first = await pump(logs, store, request)
        logs.gone = True
        objects = dict(store.objects)
        assert await pump(logs, store, request) == first
        assert await pump(logs, store, capture_request(definitions=(LOSS,))) == first
        assert store.objects == objects

    async def test_a_whole_log_says_by_which_rules_it_was_read(self, logs: FakeLogs, store: MemoryStore) -> None:
        logs.write(b"loss=3\n" * 40)
        logs.end()
        first = await pump(logs, store, capture_request(follow=True, definitions=(LOSS,)))
        logs.gone = True
        assert await pump(logs, store, capture_request(follow=True)) == first

    async def test_a_part_is_read_again_by_the_rules_of_now(self, logs: FakeLogs, store: MemoryStore) -> None:
        logs.write(b"loss=3\n" * 40)
        logs.cuts.append(Cut(1500, Killed()))
        with pytest.raises(Killed):
            await pump(logs, store, capture_request(follow=True))
        logs.end()
        result = await pump(logs, store, capture_request(follow=True, definitions=(LOSS,)))
        assert result.captured.metrics[0].count == 40
        assert result.captured.metrics[0].value == 3.0

    async def test_a_sealed_part_is_not_lost_with_the_pod(self, logs: FakeLogs, store: MemoryStore) -> None:
        logs.write(lines(40))
        logs.end()
        logs.cuts.append(Cut(1500, Killed()))
        with pytest.raises(Killed):
            await pump(logs, store, capture_request(follow=True))
        logs.gone = True
        result = await pump(logs, store)
        assert result.captured.state is LogState.TRUNCATED
        assert lines(40).startswith(await stored(store))
        assert result.captured.bytes > 0


async def test_the_index_holds_the_time_of_every_line(logs: FakeLogs, store: MemoryStore) -> None:
    logs.write(lines(1000), step=12345)
    logs.end()
    await pump(logs, store)
    chunk = open_chunk(KEY, store.objects[KEY])
    assert list(chunk.stamps) == [START + 12345 * number for number in range(1000)]
    assert chunk.header.manifest["state"] == "complete"
