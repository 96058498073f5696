"""A log that was kept under some rules and is read again under others gives what the others would have given."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from hypothesis import event, given, settings
from hypothesis import strategies as st

from batchmatrix.capture.timestamps import Block
from batchmatrix.engine.logstore import PatientStore
from batchmatrix.engine.recording import CaptureResult, Recording
from batchmatrix.engine.storedlog import StoredReading, missing_of, read_stored
from batchmatrix.model.evidence import LogState
from batchmatrix.model.metric import METRIC_STRATEGIES, MetricDefinition, ReadingRules
from tests.support.logs import START, QuickClock
from tests.support.stores import MemoryStore

KEY = "ns/m/uid/logs/cell/0/pod-uid"

FRAGMENTS = st.sampled_from(
    [
        b"\n",
        b"\n",
        b"a=1",
        b"a=2 ",
        b"7",
        b"ERR 3",
        b"ERR nan\n",
        b"::metric ",
        b'{"name":"a","value":5}\n',
        b"\r\n",
        b" ",
    ]
)
RULES = st.builds(
    ReadingRules,
    metrics=st.lists(
        st.builds(
            MetricDefinition,
            name=st.just("m"),
            source=st.sampled_from(["prefix", "keyvalue", "regex", "token"]),
            token=st.just("ERR"),
            key=st.just("a"),
            pattern=st.sampled_from([r"ERR (\S+)", "^$", "a=1$"]),
            strategy=st.sampled_from(METRIC_STRATEGIES),
            warmup=st.integers(0, 2),
            required=st.booleans(),
            unit=st.sampled_from(["", "ms"]),
        ),
        max_size=4,
    ).map(lambda found: tuple(replace(one, name=f"m{number}") for number, one in enumerate(found))),
    end_marker=st.sampled_from(["", "ERR", "7a", "1\na", "a=2 7"]),
)


@dataclass(frozen=True)
class Step:
    """The next thing that happens to a log on its way."""

    kind: Literal["write", "gap", "seal", "restart"]
    raw: bytes = b""


STEPS = st.lists(
    st.one_of(
        st.lists(FRAGMENTS, min_size=1, max_size=6).map(lambda parts: Step("write", b"".join(parts))),
        st.sampled_from([Step("gap"), Step("seal"), Step("restart")]),
    ),
    max_size=14,
)


async def keep(
    steps: Sequence[Step], rules: ReadingRules, store: MemoryStore, *, limit: int, proven: bool
) -> CaptureResult:
    """The log as the pump hands it on. A restart loses what was not sealed, so it is sealed first here."""

    def recording() -> Recording:
        return Recording(store=store, clock=QuickClock(), prefix=KEY, rules=rules, max_bytes=limit)

    log, inside = recording(), False
    for number, step in enumerate(steps):
        match step.kind:
            case "write":
                lines = step.raw.count(b"\n", 0, len(step.raw) - 1) + (not inside)
                await log.take(Block(step.raw, [START + number] * lines))
                inside = not step.raw.endswith(b"\n")
            case "gap":
                log.note_gap("rotated away")
                inside = False
            case "seal":
                await log.seal()
            case "restart" if log.seen <= limit:
                await log.seal()
                log = recording()
                assert await log.replay() is None
            case _:
                pass
    return await log.finish(proven=proven, message="gone")


def reading_of(result: CaptureResult) -> StoredReading:
    """What a first reading found, as one that comes later says it."""
    log = result.captured
    return StoredReading(log.metrics, result.missing_marker, log.long_lines, log.malformed)


def read(
    steps: Sequence[Step],
    rules: ReadingRules,
    others: ReadingRules,
    limit: int,
    proven: bool,
) -> tuple[CaptureResult, CaptureResult, StoredReading]:
    """Read by the rules in one go; read by others, and then again by the rules."""

    async def run() -> tuple[CaptureResult, CaptureResult, StoredReading]:
        once = await keep(steps, rules, MemoryStore(), limit=limit, proven=proven)
        store = MemoryStore()
        before = await keep(steps, others, store, limit=limit, proven=proven)
        if before.captured.state is LogState.LOST:
            return once, before, reading_of(once)
        return once, before, await read_stored(PatientStore(store, QuickClock()), KEY, rules)

    return asyncio.run(run())


@settings(max_examples=150, deadline=None)
@given(STEPS, RULES, RULES, st.booleans())
def test_reading_again_is_reading_in_one_go(
    steps: list[Step], rules: ReadingRules, others: ReadingRules, proven: bool
) -> None:
    once, before, again = read(steps, rules, others, 1 << 30, proven)
    event(before.captured.state)
    assert again == reading_of(once)
    assert missing_of(rules.metrics, once.captured.metrics) == once.missing_metrics


@settings(max_examples=150, deadline=None)
@given(STEPS, RULES, RULES, st.integers(1, 40), st.booleans())
def test_of_a_log_that_was_cut_no_wrong_number_is_read(
    steps: list[Step], rules: ReadingRules, others: ReadingRules, limit: int, proven: bool
) -> None:
    once, _, again = read(steps, rules, others, limit, proven)
    for whole, metric in zip(once.captured.metrics, again.metrics, strict=True):
        assert metric.value in (None, whole.value)
    assert again.missing_marker or not once.missing_marker, "a marker is never found that was not there"
    same = replace(rules, metrics=tuple(replace(one, unit="s", required=False) for one in rules.metrics))
    once, _, again = read(steps, rules, same, limit, proven)
    assert again == reading_of(once), "what was read of the whole stays"
