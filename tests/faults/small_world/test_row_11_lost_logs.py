"""Row 11: a pod is deleted, evicted or taken away by force before its log was read: said, counted, never a success."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from batchmatrix.engine.logstore import read_log
from batchmatrix.model.evidence import LogState, Outcome
from batchmatrix.model.observed import PodState
from batchmatrix.model.record import Record
from tests.support.logs import LOST
from tests.support.process import Process
from tests.support.world import SmallWorld, records

Start = Callable[[SmallWorld], Process]

WROTE = b"one\ntwo\n"
"""What every container has written at its start."""
END = b"three\n"
"""What it writes before it ends."""


def evicted_while_it_runs(world: SmallWorld, pod: PodState) -> None:
    """The kubelet ends the container and drops it with its log; our finalizer holds the object."""
    now = world.clock.time
    pod = world.set_pod(
        pod, deleting_since=now, grace_seconds=30.0, disrupted=now, disruption_reason="EvictionByEvictionAPI"
    )
    world.logs[pod.name].write(END, time=int(now * 1e9))
    world.end_pod(pod, 0)  # it answers SIGTERM as if all were well
    world.end_job(world.jobs[pod.job_uid])


def deleted_after_its_end(world: SmallWorld, pod: PodState) -> None:
    """It has ended well; then somebody deletes it, and the kubelet drops the container."""
    world.logs[pod.name].write(END, time=int(world.clock.time * 1e9))
    pod = world.end_pod(pod, 0)
    world.end_job(world.jobs[pod.job_uid])
    world.clock.time += 2.0
    world.delete_pod(pod)
    world.logs[pod.name].text = LOST


def taken_by_force(world: SmallWorld, pod: PodState) -> None:
    """It has ended well; then somebody strips its finalizers and deletes it: nothing of it is left but its Job."""
    world.logs[pod.name].write(END, time=int(world.clock.time * 1e9))
    world.end_pod(pod, 0)
    world.end_job(world.jobs[pod.job_uid])
    del world.pods[pod.uid]
    world.changed(pod)


def taken_with_its_job(world: SmallWorld, pod: PodState) -> None:
    """While it runs, pod and Job are taken away by force: nothing is left at all."""
    del world.pods[pod.uid]
    del world.jobs[pod.job_uid]
    world.changed(pod)


ENDS = (evicted_while_it_runs, deleted_after_its_end, taken_by_force, taken_with_its_job)


async def judged(world: SmallWorld, process: Process) -> Record:
    """Run to the end and hold record, status and ConfigMap against each other."""
    assert await process.run(1200, until=lambda: world.condition("Finished") == "True"), world.status()
    (record,) = await records(world)
    status = world.status()
    summary = json.loads(world.config_maps["demo-summary"]["summary.json"])
    assert record.outcome is not Outcome.SUCCEEDED
    assert record.log.state in (LogState.LOST, LogState.TRUNCATED)
    assert record.log.message
    assert status["logs"] == {"complete": 0, "truncated": 0, "lost": 0} | {record.log.state.value: 1}
    assert summary["logs"][record.log.state.value] == 1
    assert status["outcomes"] == {record.outcome.value: 1}
    assert status["verdict"] == "inconclusive"
    assert "Logs not complete" in world.config_maps["demo-summary"]["matrix.md"]
    assert not any(pod.finalized for pod in world.pods.values())
    if record.log.state is LogState.TRUNCATED:
        kept = b"".join([part async for part in read_log(world.stores["default"], record.log.key)])
        assert WROTE.startswith(kept)
        assert record.log.bytes == len(kept) > 0
    return record


def submitted() -> SmallWorld:
    world = SmallWorld()
    world.submit(logs={"mode": "auto"}, retry={"Interrupted": {"limit": 0}, "Evicted": {"limit": 0}})
    return world


@pytest.mark.parametrize("end", ENDS)
async def test_lost_under_the_eyes_of_the_operator_before_anybody_followed(
    start: Start, end: Callable[[SmallWorld, PodState], None]
) -> None:
    world = submitted()
    process = start(world)
    await process.run(1)
    pod = world.start_pod(world.job())
    await process.run(5)  # it is known, and too young to be followed
    assert not world.logs[pod.name].opens
    end(world, pod)
    record = await judged(world, process)
    assert record.log.state is LogState.LOST
    assert record.pod_uid == pod.uid


@pytest.mark.parametrize(
    "end", ENDS[:3]
)  # of a trial whose Job is taken by force too, nothing tells that it ever began
@pytest.mark.parametrize("seen", ["not seen", "seen", "followed", "sealed"])
async def test_lost_while_the_operator_is_dead(
    start: Start, end: Callable[[SmallWorld, PodState], None], seen: str
) -> None:
    """It dies before the pod is seen, before its log is followed, before a chunk is sealed, or after."""
    world = submitted()
    process = start(world)
    await process.run(1)
    if seen == "not seen":
        await process.end()
        pod = world.start_pod(world.job())
    else:
        pod = world.start_pod(world.job())
        await process.run({"seen": 5, "followed": 35, "sealed": 90}[seen])
        assert bool(world.logs[pod.name].opens) == (seen != "seen")
        await process.end()
    assert any("/logs/" in key for key in world.stores["default"].objects) == (seen == "sealed")
    end(world, pod)
    record = await judged(world, start(world))
    by_force = end is taken_by_force
    partly = seen == "sealed" and not by_force
    assert record.log.state is (LogState.TRUNCATED if partly else LogState.LOST)
    assert record.pod_uid == ("" if by_force else pod.uid)
