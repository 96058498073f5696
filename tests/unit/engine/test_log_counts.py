"""How many logs were lost or cut is said of all attempts, in the status and in the summary."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

from tests.support.logs import LOST
from tests.support.process import Process
from tests.support.world import REF, Program, SmallWorld

Start = Callable[[SmallWorld], Process]


async def test_a_log_that_was_lost_stays_counted_when_its_trial_succeeds_after_all(start: Start) -> None:
    world = SmallWorld()
    world.submit(trials=2)
    process = start(world)
    await process.run(1)
    other = world.start_pod(world.job("t1-a0"))
    pod = world.start_pod(world.job("t0-a0"))
    world.logs[pod.name].text = LOST  # its containers are gone before anybody could read
    now = world.clock.time
    world.set_pod(pod, deleting_since=now, disrupted=now, disruption_reason="PreemptionByScheduler")
    await process.run(1)
    world.end_pod(pod, 143)
    world.end_job(world.job("t0-a0"))
    assert await process.run(600, until=lambda: len(world.made) == 3)
    await process.run(15)
    lost = {"complete": 0, "truncated": 0, "lost": 1}
    assert world.status()["trials"]["done"] == 0
    assert world.status()["logs"] == lost
    assert json.loads(world.config_maps["demo-summary"]["summary.json"])["logs"] == {"lost": 1}
    again = world.start_pod(world.job("t0-a1"))
    await process.run(1)
    for each in (again, other):
        world.end_pod(world.pods[each.uid])
        world.end_job(world.jobs[each.job_uid])
    assert await process.run(60, until=lambda: world.condition("Finished") == "True")
    assert world.status()["logs"] == {**lost, "complete": 2}
    summary = world.config_maps["demo-summary"]
    assert json.loads(summary["summary.json"])["logs"] == {"complete": 2, "lost": 1}
    assert "**Logs not complete**: 0 truncated, 1 lost" in summary["matrix.md"]
    assert REF.name in summary["matrix.md"]


async def test_what_was_not_looked_at_in_a_log_is_said_in_its_record_and_its_row(start: Start) -> None:
    world = SmallWorld()
    log = b"loss=1\nloss=7 " + b"x" * 70_000 + b"\n::metric {\nloss=2\n"
    world.program = lambda _job: Program(seconds=1, log=log)
    acc = {"name": "acc", "from": "prefix"}
    world.submit(metrics=[{"name": "loss", "from": "keyvalue", "strategy": "mean"}, acc])
    process = start(world)
    assert await process.run(600, until=lambda: world.condition("Finished") == "True")
    ((record,),) = ((await world.ledger()).records.values(),)
    assert record.log.metrics[0].value == 1.5
    assert (record.log.long_lines, record.log.malformed) == (1, 1)
    objects = world.stores["default"].objects
    (key,) = (key for key in objects if key.endswith("/trials.csv"))
    (row,) = csv.DictReader(io.StringIO(objects[key].decode()))
    assert (row["log_long_lines"], row["log_malformed"]) == ("1", "1")

    world.submit(metrics=[{"name": "loss", "from": "keyvalue"}])  # nobody asks for ::metric lines any more
    assert await process.run(600, until=lambda: world.status()["observedGeneration"] == 2)
    assert await process.run(600, until=lambda: world.condition("Finished") == "True")
    (again,) = (await world.ledger()).records.values()
    assert (again.log.metrics[0].value, again.log.long_lines, again.log.malformed) == (2.0, 1, 0)
