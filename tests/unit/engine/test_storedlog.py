"""What only a stored log can say when it is read again, and what it cannot."""

from __future__ import annotations

import pytest

from batchmatrix.base.errors import BatchMatrixError, NotFound
from batchmatrix.capture.timestamps import Block
from batchmatrix.engine.logstore import PatientStore
from batchmatrix.engine.recording import Recording
from batchmatrix.engine.storedlog import missing_of, read_stored
from batchmatrix.model.metric import MetricDefinition, MetricValue, ReadingRules
from tests.support.logs import START, QuickClock
from tests.support.stores import MemoryStore

KEY = "ns/m/uid/logs/cell/0/pod-uid"
FIRST = MetricDefinition(name="first", source="keyvalue", key="a", strategy="first", required=True)
LAST = MetricDefinition(name="last", source="keyvalue", key="a", required=True)


async def kept(raw: bytes, *metrics: MetricDefinition, limit: int = 1 << 20, marker: str = "") -> PatientStore:
    store = MemoryStore()
    log = Recording(store=store, clock=QuickClock(), prefix=KEY, rules=ReadingRules(metrics, marker), max_bytes=limit)
    await log.take(Block(raw, [START] * raw.count(b"\n")))
    await log.finish(proven=True)
    return PatientStore(store, QuickClock())


async def values(store: PatientStore, *metrics: MetricDefinition) -> list[float | None]:
    return [metric.value for metric in (await read_stored(store, KEY, ReadingRules(metrics))).metrics]


async def missing(store: PatientStore, marker: str) -> str:
    return (await read_stored(store, KEY, ReadingRules((), marker))).missing_marker


async def test_a_metric_that_nobody_asked_for_back_then_is_read() -> None:
    assert await values(await kept(b"a=1\na=2\n"), FIRST, LAST) == [1.0, 2.0]


async def test_a_number_that_the_limit_cut_in_two_is_no_number() -> None:
    store = await kept(b"a=17\na=2\n", limit=3)
    assert await values(store, FIRST) == [None]


async def test_a_log_that_was_cut_tells_nothing_new_of_its_end() -> None:
    store = await kept(b"a=17\na=2\n", FIRST, limit=7)
    first, last = (await read_stored(store, KEY, ReadingRules((FIRST, LAST)))).metrics
    assert (first.value, last.value) == (17.0, None)
    assert last.message == "its log was cut at 7 bytes before this was asked for"
    assert missing_of([FIRST, LAST], [first, last]) == ("last",)


async def test_what_was_read_of_the_whole_log_stays_with_another_unit() -> None:
    store = await kept(b"a=17\na=2\n", LAST, limit=7)
    again = MetricDefinition(name="last", source="keyvalue", key="a", unit="ms")
    found = await read_stored(store, KEY, ReadingRules((again,)))
    assert found.metrics == (MetricValue("last", "latest", 2.0, 2, unit="ms"),)


async def test_an_end_marker_behind_the_cut_is_known_to_who_looked_for_it_then() -> None:
    store = await kept(b"a=17\nDONE\n", limit=7, marker="DONE")
    assert await missing(store, "DONE") == ""
    assert await missing(store, "a=1") == ""
    assert await missing(store, "NE") == "NE"
    assert (await read_stored(store, KEY, ReadingRules((LAST,), "DONE"))).missing_marker == ""


async def test_by_the_rules_of_back_then_the_last_chunk_says_it_all() -> None:
    objects = MemoryStore()
    for number in range(3):
        log = Recording(store=objects, clock=QuickClock(), prefix=KEY, rules=ReadingRules((LAST,)), max_bytes=99)
        assert await log.replay() is None
        await log.take(Block(b"a=%d\n" % number, [START]))
        await log.seal()
    await log.finish(proven=True)
    objects.calls.clear()
    assert await values(PatientStore(objects, QuickClock()), LAST) == [2.0]
    assert [call for call, _ in objects.calls] == ["list", "get"]


async def test_a_log_that_is_gone_or_damaged_is_said() -> None:
    store = MemoryStore()
    with pytest.raises(NotFound, match="no log under"):
        await read_stored(PatientStore(store, QuickClock()), KEY, ReadingRules((LAST,)))
    store.objects[f"{KEY}/00000001.log.zst"] = b"something else"
    with pytest.raises(BatchMatrixError, match="is not a log chunk or is damaged"):
        await read_stored(PatientStore(store, QuickClock()), KEY, ReadingRules((LAST,)))
