"""failFast, maxFailed and deadline: nothing new starts, what has not begun is taken back, what runs finishes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchmatrix.engine.stops import Pauses, left_of_deadline
from batchmatrix.model.evidence import Outcome
from batchmatrix.model.observed import ContainerState, JobState
from tests.support.engine import a_policy
from tests.support.process import Process
from tests.support.world import Program, SmallWorld, outcomes, records

Start = Callable[[SmallWorld], Process]

GOOD, BAD = Outcome.SUCCEEDED, Outcome.UNEXPECTED_EXIT
ONE_BY_ONE: dict[str, Any] = {"parallelism": 1, "order": "cells", "retention": {"jobs": "none"}}


def finished(world: SmallWorld) -> Callable[[], bool]:
    def look() -> bool:
        status = world.status()
        return world.condition("Finished") == "True" and status["observedGeneration"] == world.generation()

    return look


def reason(world: SmallWorld) -> str:
    (reason,) = {each["reason"] for each in world.status()["conditions"]}
    return str(reason)


def axes(count: int) -> list[dict[str, Any]]:
    return [{"name": "size", "values": list(range(count))}]


async def test_fail_fast_takes_back_what_has_not_begun_and_lets_the_rest_finish(start: Start) -> None:
    world = SmallWorld()

    def program(job: JobState) -> Program:
        return Program(seconds=5.0 + 10.0 * job.id.trial, code=1 if job.id.trial == 0 else 0)

    spec: dict[str, Any] = {"trials": 9, "parallelism": 3, "order": "cells", "retention": {"jobs": "none"}}
    world.submit(**spec, failFast=True)
    process = start(world)
    await process.run(0.5)
    for trial in (0, 1):
        world.start_pod(world.job(f"t{trial}-a0"))
    waiting = {"phase": "Pending", "container": ContainerState("waiting", reason="ContainerCreating")}
    pod = world.start_pod(world.job("t2-a0"), **waiting)
    await process.run(1)
    world.end_pod(world.pod("t0-a0"), 1)
    await process.run(5)
    assert world.pods[pod.uid].deleting_since is not None
    assert reason(world) == "Running"
    assert "stopped after 1 failed trial (failFast): 6 trials were not started" in world.status()["message"]
    world.end_pod(world.pods[pod.uid], 143)
    await process.run(20)
    assert world.condition("Finished") == "False"
    world.end_pod(world.pod("t1-a0"))
    assert await process.run(20, until=finished(world))
    assert await outcomes(world) == [(0, 0, BAD), (2, 0, Outcome.CANCELLED), (1, 0, GOOD)]
    assert (len(world.made), world.status()["verdict"], reason(world)) == (3, "fail", "CellsFailed")
    words = "stopped after 1 failed trial (failFast): 7 trials were not started"
    assert world.status()["message"].startswith(f"{words}; 1 of 1 cell is not as expected")
    assert words in world.config_maps["demo-summary"]["matrix.md"]
    assert (await records(world))[1].message.startswith("stopped after 1 failed trial (failFast) before its container")
    world.program = program
    await process.run(600)
    assert len(world.made) == 3
    world.submit(**spec)
    assert await process.run(600, until=finished(world))
    assert (len(world.made), world.status()["progress"]) == (10, "9/9")
    assert (2, 1, GOOD) in await outcomes(world)


async def test_a_retry_that_is_due_is_no_failure_yet(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda job: Program(code=1 if job.id.attempt == 0 else 0)
    world.submit(**ONE_BY_ONE, trials=3, failFast=True, retry={"UnexpectedExit": {"limit": 1}})
    process = start(world)
    assert await process.run(120, until=finished(world))
    assert (world.status()["progress"], reason(world)) == ("3/3", "Succeeded")


@pytest.mark.parametrize(("allowed", "made"), [(0, 2), (1, 4), (2, 6), (4, 10), (9, 10)])
async def test_as_many_cells_may_fail_as_max_failed_says(start: Start, allowed: int, made: int) -> None:
    world = SmallWorld()
    world.program = lambda job: Program(seconds=5.0 + job.id.trial, code=1)
    world.submit(**{**ONE_BY_ONE, "parallelism": 2}, axes=axes(5), trials=2, maxFailed=allowed)
    process = start(world)
    assert await process.run(200, until=finished(world))
    assert len(world.made) == made
    if made < 10:
        cells = "1 failed cell" if allowed == 0 else f"{allowed + 1} failed cells"
        words = f"stopped after {cells} (maxFailed {allowed}): {10 - made} trials were not started; "
        assert world.status()["message"].startswith(words)
        assert not json.loads(world.config_maps["demo-summary"]["summary.json"])["reason"].startswith("0 of")
    else:
        assert "stopped" not in world.status()["message"]
    assert world.status()["verdict"] == "fail"


@pytest.mark.parametrize(
    ("expect", "code", "stops"),
    [("success", 0, False), ("success", 1, True), ("fail", 0, True), ("fail", 1, False), ("any", 1, False)],
)
async def test_what_counts_as_failed_is_what_speaks_against_the_cells_expectation(
    start: Start, expect: str, code: int, *, stops: bool
) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program(code=code)
    world.submit(**ONE_BY_ONE, trials=3, failFast=True, maxFailed=0, expect={"outcome": expect})
    process = start(world)
    assert await process.run(120, until=finished(world))
    assert len(world.made) == (1 if stops else 3)


async def test_a_rerun_of_what_failed_goes_on_after_a_stop(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda job: Program(code=1 if job.id.attempt == 0 else 0)
    world.submit(**ONE_BY_ONE, axes=axes(2), trials=2, failFast=True)
    process = start(world)
    assert await process.run(60, until=finished(world))
    world.annotate(rerun="t")
    await process.run(120)
    assert finished(world)()
    assert [(trial, attempt) for trial, attempt, _ in await outcomes(world)] == [(0, 0), (0, 1), (1, 0)]
    assert world.status()["progress"] == "2/4"  # trial 1 has failed now


async def test_the_deadline_wakes_by_itself_and_what_runs_finishes(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program(seconds=50)
    world.submit(**ONE_BY_ONE, trials=9, deadline="1m")
    process = start(world)
    assert await process.run(200, until=finished(world))
    assert await outcomes(world) == [(0, 0, GOOD), (1, 0, GOOD)]
    assert (reason(world), world.condition("Succeeded"), world.status()["verdict"]) == (
        "DeadlineExceeded", "False", "inconclusive",
    )  # fmt: skip
    assert world.status()["message"].startswith("stopped at its deadline (1m): 7 trials were not started; 1 of 1 cell")
    assert world.status()["completionTime"] == (await records(world))[-1].recorded
    await process.run(600)
    await process.end()
    process = start(world)
    world.calls.clear()
    await process.run(600)
    assert world.calls == []
    world.submit(**ONE_BY_ONE, trials=9, deadline="1h")
    await process.run(10)
    assert (len(world.made), reason(world)) == (3, "Running")


async def test_at_the_deadline_what_waits_is_taken_back_without_any_other_event(start: Start) -> None:
    world = SmallWorld()
    world.submit(**ONE_BY_ONE, trials=2, deadline="1m")
    process = start(world)
    await process.run(5)
    job = world.job()
    world.start_pod(job, phase="Pending", node="", unschedulable="0/1 nodes: Insufficient gpu")
    world.set_pod(world.pod(), container=ContainerState("waiting"))
    await process.run(50)
    assert world.sent("kill") == []
    await process.run(8)
    assert len(world.sent("kill")) == 1
    await process.run(30)
    assert (reason(world), await outcomes(world)) == ("DeadlineExceeded", [(0, 0, Outcome.CANCELLED)])
    world.set_job(job, phase="failed", reason="BackoffLimitExceeded", finished=world.clock.time)
    world.annotate(rerun="t")
    await process.run(5)
    assert [name.rsplit("-", 2)[1:] for name in world.made[1:]] == [["t0", "a1"]]
    assert list((await world.ledger()).operations[("rerun", "t")].trials.values()) == [{0: 1}]


async def test_time_suspended_is_not_counted_and_a_rerun_is_a_new_beginning(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda job: Program(seconds=20, code=1 if job.id.trial == 0 else 0)
    spec: dict[str, Any] = {**ONE_BY_ONE, "trials": 6, "deadline": "90s"}
    world.submit(**spec)
    process = start(world)
    await process.run(30)
    world.submit(**spec, suspend=True)
    await process.run(1000)
    assert reason(world) == "Suspended"
    await process.end()
    process = start(world)
    world.submit(**spec)
    await process.run(50)
    assert (len(world.made), reason(world)) == (5, "Running")
    assert await process.run(100, until=finished(world))
    assert (len(world.made), reason(world)) == (5, "DeadlineExceeded")
    actions = [entry.action for entry in (await world.ledger()).operations.values()]
    assert actions == ["suspend", "resume"]
    await process.run(5000)
    world.annotate(rerun="t:all")
    await process.run(95)
    assert len(world.made) == 10
    assert await process.run(100, until=finished(world))
    assert reason(world) == "DeadlineExceeded"


async def test_time_on_hold_is_not_counted(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda job: Program(seconds=10, code=75 if job.id.trial == job.id.attempt == 0 else 0)
    world.submit(**ONE_BY_ONE, trials=4, deadline="1m")
    process = start(world)
    await process.run(200)
    assert reason(world) == "Held"
    assert await process.run(300, until=finished(world))
    assert (reason(world), world.status()["progress"]) == ("Succeeded", "4/4")


async def test_a_deadline_that_passes_when_all_is_done_changes_nothing(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program()
    world.submit(trials=2, deadline="1m")
    process = start(world)
    await process.run(600)
    assert reason(world) == "Succeeded"
    await process.end()
    process = start(world)
    await process.run(600)
    assert reason(world) == "Succeeded"


async def test_a_stopped_matrix_that_is_cancelled_says_so(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program(seconds=50)
    world.submit(**ONE_BY_ONE, trials=9, deadline="1m")
    process = start(world)
    assert await process.run(200, until=finished(world))
    world.annotate(cancel="t")
    await process.run(60)
    assert reason(world) == "Cancelled"
    assert "7 without a result" in world.config_maps["demo-summary"]["matrix.md"]


TIMES = st.integers(0, 100)
PAUSES = st.lists(st.tuples(TIMES, TIMES | st.none()), max_size=6)


@given(PAUSES, TIMES, TIMES)
def test_the_clock_of_a_deadline_stands_still_in_any_pauses(
    pauses: list[tuple[int, int | None]], start: int, now: int
) -> None:
    now = max(start, now)
    counted = sum(
        not any(since <= second and (until is None or second < until) for since, until in pauses)
        for second in range(start, now)
    )
    spans: Pauses = [(float(since), None if until is None else float(until)) for since, until in pauses]
    left = left_of_deadline(a_policy(deadline=1000.0), first_launch=float(start), pauses=spans, now=float(now))
    assert left == 1000 - counted
