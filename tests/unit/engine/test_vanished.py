"""A pod that the watch does not show any more: nothing rests on that before the server says that it is gone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from batchmatrix.base.errors import Unavailable
from batchmatrix.engine.vanished import AGAIN, AT_ONCE
from batchmatrix.model.evidence import LogState, Outcome
from batchmatrix.model.observed import PodState
from tests.support.process import Process
from tests.support.world import SmallWorld, records

Start = Callable[[SmallWorld], Process]

WRITTEN = b"one\ntwo\n"
LATE = b"FAILED: late line\n"


async def running(start: Start, mode: str = "auto", **spec: object) -> tuple[SmallWorld, Process, PodState]:
    """A trial that runs, in a matrix that would run it a second time."""
    world = SmallWorld()
    world.submit(logs={"mode": mode}, retry={"Interrupted": {"limit": 1}}, **spec)
    process = start(world)
    await process.run(1)
    pod = world.start_pod(world.job())
    await process.run(5)
    return world, process, pod


def hide(world: SmallWorld, pod: PodState) -> None:
    """Somebody takes a label off it: the watch says that it is deleted, and shows nothing of it after that."""
    world.shown_pods = {uid: each for uid, each in world.pods.items() if uid != pod.uid}
    world.changed(pod)


def write(world: SmallWorld, pod: PodState) -> None:
    world.logs[pod.name].write(LATE, time=int(world.clock.time * 1e9))


def end(world: SmallWorld, pod: PodState) -> None:
    world.end_pod(world.pods[pod.uid])
    world.end_job(world.jobs[pod.job_uid])


def looks(world: SmallWorld) -> list[str]:
    """From now on, each pod that the server is asked for."""
    seen: list[str] = []

    def note(call: str) -> None:
        if call.startswith("look_up"):
            seen.append(call)

    world.refuse = note
    return seen


@pytest.mark.parametrize("mode", ["auto", "follow", "end"])
@pytest.mark.parametrize("seconds", [0.01, 0.3, 3.0, 40.0])
async def test_a_pod_that_is_back_was_never_gone(start: Start, mode: str, seconds: float) -> None:
    world, process, pod = await running(start, mode)
    hide(world, pod)
    await process.run(seconds)
    world.hear()
    await process.run(0.1)
    write(world, pod)
    await process.run(10)
    assert await records(world) == []
    assert len(world.made) == 1
    end(world, pod)
    await process.run(30)
    (record,) = await records(world)
    assert (record.outcome, record.log.state) == (Outcome.SUCCEEDED, LogState.COMPLETE)
    assert record.log.bytes == len(WRITTEN + LATE)
    assert len(world.made) == 1


@pytest.mark.parametrize("mode", ["auto", "follow"])
async def test_one_that_is_hidden_for_good_is_recorded_by_its_own_end_and_let_go(start: Start, mode: str) -> None:
    world, process, pod = await running(start, mode)
    hide(world, pod)
    await process.run(100)
    write(world, pod)
    assert await records(world) == []
    assert world.status()["trials"]["running"] == 1
    end(world, pod)
    assert await process.run(AGAIN + 5, until=lambda: world.condition("Finished") == "True")
    (record,) = await records(world)
    assert (record.outcome, record.log.state) == (Outcome.SUCCEEDED, LogState.COMPLETE)
    assert record.log.bytes == len(WRITTEN + LATE)
    assert not world.pods[pod.uid].finalized
    await process.run(100)
    assert len(world.sent("release")) == len(world.made) == 1


async def test_one_that_ended_as_it_was_seen_last_is_let_go_too(start: Start) -> None:
    world, process, pod = await running(start)
    world.end_pod(pod)
    hide(world, pod)
    await process.run(30)
    (record,) = await records(world)
    assert record.outcome is Outcome.SUCCEEDED
    assert not world.pods[pod.uid].finalized


async def test_a_hidden_pod_has_its_timeout(start: Start) -> None:
    world, process, pod = await running(start, workload={"image": "app:1", "timeout": "1m"})
    hide(world, pod)
    await process.run(90)
    assert world.sent("kill") == [pod.name]
    world.end_pod(world.pods[pod.uid], 143)
    await process.run(60)
    assert (await records(world))[0].outcome is Outcome.TIMEOUT
    assert pod.uid not in world.pods


async def test_one_that_is_gone_is_recorded_once_the_server_has_said_so(start: Start) -> None:
    world, process, pod = await running(start)
    world.refuse = lambda call: Unavailable("no route to the server") if call.startswith("look_up") else None
    del world.pods[pod.uid]
    world.changed(pod)
    await process.run(60)
    assert await records(world) == []
    assert len(world.made) == 1
    assert "no route to the server" in world.status()["message"]
    asked = looks(world)
    await process.run(60)
    assert [record.outcome for record in await records(world)] == [Outcome.INTERRUPTED]
    assert asked == [f"look_up {pod.name}"]
    assert len(world.made) == 2


async def test_a_hidden_pod_is_asked_for_now_and_then_and_others_never(start: Start) -> None:
    world, process, pod = await running(start)
    asked = looks(world)
    for _ in range(20):
        world.changed(pod)
        await process.run(1)
    assert asked == []
    hide(world, pod)
    for _ in range(100):
        world.changed(pod)
        await process.run(1)
    assert 100 / AGAIN <= len(asked) <= 100 / AGAIN + 1


async def test_many_are_asked_for_a_few_at_a_time(start: Start) -> None:
    world = SmallWorld()
    count = 2 * AT_ONCE + 1
    world.submit(trials=count, parallelism=count, retry={"Interrupted": {"limit": 1}})
    process = start(world)
    await process.run(1)
    pods = [world.start_pod(job) for job in list(world.jobs.values())]
    await process.run(5)
    asked = looks(world)
    world.shown_pods = {}
    world.changed(pods[0])
    await process.run(0.1)
    assert len(asked) == AT_ONCE
    await process.run(2)
    assert sorted(asked) == sorted(f"look_up {pod.name}" for pod in pods)
    assert await records(world) == []


async def test_a_matrix_that_is_deleted_waits_for_its_hidden_pods(start: Start) -> None:
    world, process, pod = await running(start)
    hide(world, pod)
    await process.run(1)
    world.remove()
    await process.run(60)
    assert world.pods[pod.uid].finalized
    world.end_pod(world.pods[pod.uid], 143)
    await process.run(60)
    assert len(await records(world)) == 1
    assert pod.uid not in world.pods
    assert process.engine.runs == {}
