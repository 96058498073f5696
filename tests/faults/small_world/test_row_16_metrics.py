"""Row 16: a metric that is missing, no number, NaN or there twice: that trial alone, and the matrix goes on."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from batchmatrix.model.evidence import Blame, LogState, Outcome
from batchmatrix.model.observed import JobState
from batchmatrix.model.record import Record
from tests.support.process import Process
from tests.support.world import Program, SmallWorld, records

Start = Callable[[SmallWorld], Process]

SOURCES = {
    "json": (b'{"loss": %s}\n', {"from": "json"}),
    "keyvalue": (b"step=1 loss=%s\n", {"from": "keyvalue"}),
    "prefix": (b'::metric {"name": "loss", "value": %s}\n', {"from": "prefix"}),
    "regex": (b"the loss is %s\n", {"from": "regex", "pattern": "loss is (\\S+)"}),
}
"""How a line of each form is written, and the metric that reads it."""

BAD = {
    "missing": [],
    "words": [b"fast"],
    "empty": [b""],
    "nan": [b"NaN"],
    "nan-quoted": [b'"nan"'],
    "infinite": [b"Infinity"],
    "minus-infinite": [b"-inf"],
    "too-big": [b"1e999"],
    "list": [b"[1, 2]"],
    "object": [b'{"loss": "x"}'],
    "bytes": [b"\xff\xfe\x00"],
    "brackets": [b"[" * 20_000],
    "digits": [b"9" * 5_000],
    "long": [b"1" + b" " * 70_000],
    "hex": [b"0x10"],
    "underscores": [b"1_000"],
    "script": [b"<script>alert(1)</script>"],
}
"""Values of which none is a number that can be compared."""

GOOD = {"one": [b"2.5"], "twice": [b"1.5", b"2.5"], "among": [b"NaN", b"2.5", b"oops"]}
"""Values of which the last number is 2.5."""


def log_of(source: str, values: list[bytes]) -> bytes:
    line, _ = SOURCES[source]
    return b"begin\n" + b"".join(line.replace(b"%s", value) for value in values) + b"end\n"


@pytest.mark.parametrize("source", sorted(SOURCES))
async def test_each_bad_value_costs_its_own_trial_alone(start: Start, source: str) -> None:
    world = SmallWorld()
    cells = [{"name": name, "parameters": {"size": name}} for name in (*BAD, *GOOD)]
    metric = {"name": "loss", "strategy": "latest", "required": True, **SOURCES[source][1]}
    world.submit(axes=[], parallelism=50, cells=cells, metrics=[metric])

    def program(job: JobState) -> Program:
        return Program(log=log_of(source, {**BAD, **GOOD}[job.cell]))

    world.program = program
    process = start(world)
    assert await process.run(300, until=lambda: world.condition("Finished") == "True"), world.status()
    found = {record.cell: record for record in await records(world)}
    assert len(found) == len(BAD) + len(GOOD)
    for name in GOOD:
        assert found[name].outcome is Outcome.SUCCEEDED, found[name]
        assert loss(found[name]) == 2.5
    for name in BAD:
        record = found[name]
        assert (record.outcome, record.blame) == (Outcome.INCOMPLETE, Blame.WORKLOAD), record
        assert loss(record) is None
        assert "loss" in record.message
        assert record.log.state is LogState.COMPLETE  # the log is kept, whatever is in it
    assert found["among"].log.metrics[0].invalid > 0 or source in ("regex", "keyvalue")
    assert process.trouble == []
    summary = json.loads(world.config_maps["demo-summary"]["summary.json"])
    assert summary["verdict"] == "fail"


def loss(record: Record) -> float | None:
    (metric,) = record.log.metrics
    return metric.value
