"""What the engine says of itself at each moment, without looking through everything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from batchmatrix.engine.attempt import Phase
from tests.support.process import Process
from tests.support.world import REF, SmallWorld

Start = Callable[[SmallWorld], Process]


def standing(process: Process) -> dict[Phase, int]:
    return {phase: count for phase in Phase if (count := process.engine.open_attempts(phase))}


async def test_open_attempts_are_summed_over_matrices_and_go_with_them(start: Start) -> None:
    world = SmallWorld()
    other = replace(REF, name="second", uid="uid-of-second")
    world.submit(trials=2)
    world.submit(other, trials=1)
    process = start(world)
    engine = process.engine
    await process.run(1)
    assert standing(process) == {Phase.PENDING: 3}
    pods = [world.start_pod(job) for job in world.jobs.values()]
    await process.run(40)
    assert standing(process) == {Phase.RUNNING: 3}
    assert (engine.followed_logs, len(engine.runs)) == (3, 2)
    for pod in pods:
        if pod.matrix_uid == other.uid:
            world.end_pod(pod)
            world.end_job(world.jobs[pod.job_uid])
    await process.run(5)
    assert standing(process) == {Phase.RUNNING: 2}
    assert engine.followed_logs == 2
    world.remove(other)
    world.remove()
    await process.run(5)
    for pod in list(world.pods.values()):
        if not pod.finished:
            world.end_pod(pod, 143)
    assert await process.run(200, until=lambda: not engine.runs)
    assert standing(process) == {}
    assert engine.followed_logs == 0
