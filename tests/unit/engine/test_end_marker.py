"""The end marker of a workload: an allowed exit code without it proves nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from batchmatrix.model.evidence import Blame, Outcome
from tests.support.process import Process
from tests.support.world import Program, SmallWorld, records

Start = Callable[[SmallWorld], Process]

APP = {"image": "app:1", "command": ["run"]}
NAMED = {"catalog": {"workloads": {"train": {**APP, "endMarker": "DONE"}}}}


@pytest.mark.parametrize(
    "spec",
    [
        {"workload": {**APP, "endMarker": "DONE"}},
        {"workload": {"ref": "train"}, **NAMED},
        {"workload": {"ref": "train", "endMarker": "OVER"}, **NAMED},
    ],
    ids=["own", "named", "in-place-of-the-named"],
)
async def test_without_the_end_marker_an_allowed_exit_code_is_incomplete(start: Start, spec: dict[str, object]) -> None:
    world = SmallWorld()
    marker = b"OVER" if "OVER" in str(spec) else b"DONE"
    logs = {0: b"step 1\n" + marker + b"\n", 1: b"step 1\n"}
    world.program = lambda job: Program(log=logs[job.id.trial])
    world.submit(trials=2, **spec)
    assert await start(world).run(60, until=lambda: world.condition("Finished") == "True")
    good, bad = sorted(await records(world), key=lambda record: record.id.trial)
    assert (good.outcome, good.reason) == (Outcome.SUCCEEDED, "Succeeded")
    assert (bad.outcome, bad.reason, bad.blame) == (Outcome.INCOMPLETE, "NoEndMarker", Blame.WORKLOAD)
    assert marker.decode() in bad.message
    assert world.status()["verdict"] == "fail"


async def test_the_end_marker_counts_beyond_what_is_kept_of_a_log(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program(log=b"step\n" * 1000 + b"DONE\n")
    world.submit(workload={**APP, "endMarker": "DONE"}, logs={"maxBytes": "100"})
    assert await start(world).run(60, until=lambda: world.condition("Finished") == "True")
    (record,) = await records(world)
    assert (record.outcome, record.reason, record.log.bytes) == (Outcome.SUCCEEDED, "SucceededLogCut", 100)
