"""Jobs of which no pod can be made, over a small world."""

from __future__ import annotations

from collections.abc import Callable

from batchmatrix.base.errors import Unavailable
from batchmatrix.model.evidence import Outcome
from tests.support.process import Process
from tests.support.world import Program, SmallWorld, records

Start = Callable[[SmallWorld], Process]

QUOTA = 'Error creating: pods "x" is forbidden: exceeded quota: gpus, requested: pods=1, used: pods=4, limited: pods=4'
ACCOUNT = 'Error creating: pods "x" is forbidden: error looking up service account triage/trainer: not found'


def without_pods(text: str, **spec: object) -> SmallWorld:
    world = SmallWorld()
    world.program = lambda _job: Program()
    world.no_pod = lambda _job: text
    world.submit(**spec)
    return world


async def test_room_in_a_quota_is_waited_for_without_a_deadline(start: Start) -> None:
    world = without_pods(QUOTA)
    process = start(world)
    await process.run(40)
    assert world.status()["trials"]["queued"] == 1
    assert world.status()["conditions"][0]["reason"] == "Queued"
    assert "exceeded quota: gpus" in world.status()["message"]
    await process.run(7200)
    assert await records(world) == []
    assert len(world.asked) < 130  # once a minute
    world.no_pod = lambda _job: ""
    assert await process.run(60, until=lambda: world.condition("Finished") == "True")
    assert [record.outcome for record in await records(world)] == [Outcome.SUCCEEDED]


async def test_another_cause_is_told_when_patience_is_over(start: Start) -> None:
    world = without_pods(ACCOUNT)
    process = start(world)
    await process.run(60)
    assert "service account triage/trainer: not found" in world.status()["message"]
    assert world.status()["trials"]["pending"] == 1
    await process.run(200)
    assert await records(world) == []
    assert await process.run(120, until=lambda: world.condition("Finished") == "True")
    (record,) = await records(world)
    assert (record.outcome, record.reason) == (Outcome.CONFIG_ERROR, "CannotStart")
    assert "no pod was made for it in 300 s: " in record.message
    assert "service account triage/trainer: not found" in record.message


async def test_a_cause_after_a_quota_has_its_own_patience(start: Start) -> None:
    world = without_pods(QUOTA)
    process = start(world)
    await process.run(3600)
    world.no_pod = lambda _job: ACCOUNT
    await process.run(230)  # counted from when the quota was last seen to be the cause, at most 60 s ago
    assert await records(world) == []
    assert await process.run(120, until=lambda: world.condition("Finished") == "True")
    assert (await records(world))[0].outcome is Outcome.CONFIG_ERROR


async def test_where_events_may_not_be_read_patience_is_as_long(start: Start) -> None:
    world = without_pods(QUOTA)
    world.refuse = lambda call: Unavailable("events is forbidden") if call.startswith("why_no_pod") else None
    process = start(world)
    await process.run(290)
    assert await records(world) == []
    assert process.trouble == []
    assert await process.run(60, until=lambda: world.condition("Finished") == "True")
    (record,) = await records(world)
    assert "no pod was made for it in 300 s; the Job's events say why" in record.message


async def test_however_short_patience_is_events_are_read_first(start: Start) -> None:
    world = without_pods(QUOTA, pending={"other": "1s"})
    await start(world).run(3600)
    assert await records(world) == []
    assert world.status()["trials"]["queued"] == 1


async def test_a_job_that_has_its_pod_in_time_is_not_asked_about(start: Start) -> None:
    world = without_pods("")
    assert await start(world).run(60, until=lambda: world.condition("Finished") == "True")
    assert world.asked == []


async def test_many_jobs_are_asked_about_a_few_at_a_time(start: Start) -> None:
    world = without_pods(QUOTA, trials=40)
    process = start(world)
    await process.run(31)
    assert 0 < len(world.asked) < 40
    await process.run(20)
    assert sorted(world.asked) == sorted({job.name for job in world.jobs.values()})
    assert world.status()["trials"]["queued"] == 40


async def test_after_a_restart_it_is_looked_up_again(start: Start) -> None:
    world = without_pods(QUOTA)
    process = start(world)
    await process.run(3600)
    await process.end()
    process = start(world)
    await process.run(3600)
    assert await records(world) == []


async def test_one_job_without_a_pod_does_not_hold_up_the_others(start: Start) -> None:
    world = without_pods("", trials=3)
    world.no_pod = lambda job: QUOTA if job.id.trial == 0 else ""
    await start(world).run(60)
    assert world.status()["trials"]["done"] == 2
