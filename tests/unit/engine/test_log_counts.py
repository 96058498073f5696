"""How many logs were lost or cut is said of all attempts, in the status and in the summary."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.support.logs import LOST
from tests.support.process import Process
from tests.support.world import REF, SmallWorld

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
