"""The check before the first trial of a generation, over a small world."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from batchmatrix.base.errors import LeaseLost
from batchmatrix.model.evidence import Outcome
from batchmatrix.model.observed import JobState
from tests.support.logs import Killed
from tests.support.process import Process
from tests.support.world import Kill, Program, SmallWorld, records

Start = Callable[[SmallWorld], Process]

CHECK: dict[str, Any] = {"preflight": {"command": ["check"]}}


def reason(world: SmallWorld) -> str:
    return str(world.status()["conditions"][0]["reason"])


def names(world: SmallWorld) -> list[str]:
    """Jobs in the order in which they were made: preflights by their number, trials by trial and attempt."""
    return [name.split("demo-")[1].replace("preflight-", "P") for name in world.made]


def made(world: SmallWorld) -> list[str]:
    return [name if name.startswith("P") else "trial" for name in names(world)]


def checking(**ends: Program) -> SmallWorld:
    """A world in which preflight number n does what is given as `pn`, and everything else succeeds."""
    world = SmallWorld()

    def program(job: JobState) -> Program:
        number = job.name.rpartition("-preflight-")[2]
        return ends.get(f"p{number}", Program()) if "-preflight-" in job.name else Program()

    world.program = program
    return world


def finished(world: SmallWorld) -> bool:
    return world.condition("Finished") == "True" and (
        world.status()["observedGeneration"] == world.matrices["uid-of-demo"]["metadata"]["generation"]
    )


async def test_no_trial_starts_before_it_has_passed(start: Start) -> None:
    world = checking()
    world.submit(trials=3, **CHECK)
    process = start(world)
    await process.run(4)
    assert made(world) == ["P0"]
    assert "its preflight is running" in world.status()["message"]
    assert world.status()["trials"] == {
        **dict.fromkeys(("done", "succeeded", "failed", "running", "pending", "queued"), 0),
        "total": 3,
        "waiting": 3,
    }
    assert await process.run(60, until=lambda: finished(world))
    assert made(world) == ["P0", "trial", "trial", "trial"]
    status = world.status()
    assert (status["verdict"], status["progress"], status["cells"]) == ("pass", "3/3", 1)
    first = (await records(world))[0]
    assert (first.cell, first.id.cell_hash, first.id.trial, first.generation) == ("preflight", "preflight", 1, 1)
    assert (first.outcome, first.log.state, first.seed) == (Outcome.SUCCEEDED, "complete", 0)
    assert first.log.key.endswith(f"logs/preflight/1/{first.pod_uid}")
    assert "preflight" not in world.config_maps["demo-summary"]["cells.csv"]


async def test_neither_end_marker_nor_required_metrics_nor_exit_codes_of_trials_are_its_own(start: Start) -> None:
    world = checking(p0=Program(log=b"ok\n"))
    workload = {"image": "app:1", "command": ["run"], "endMarker": "one", "allowedExitCodes": [3]}
    world.submit(workload=workload, metrics=[{"name": "loss", "from": "keyvalue", "required": True}], **CHECK)
    assert await start(world).run(60, until=lambda: finished(world))
    found = await records(world)
    assert [record.outcome for record in found] == [Outcome.SUCCEEDED, Outcome.UNEXPECTED_EXIT]


async def test_where_it_fails_nothing_starts_until_the_next_generation(start: Start) -> None:
    world = checking(p0=Program(code=1, log=b"no route\n"))
    world.submit(**CHECK)
    process = start(world)
    await process.run(600)
    assert made(world) == ["P0"]
    status = {each["type"]: each["status"] for each in world.status()["conditions"]}
    assert status == {
        "Succeeded": "Unknown",
        "Reconciling": "False",
        "Ready": "False",
        "Stalled": "True",
        "Finished": "False",
    }
    assert reason(world) == "PreflightFailed"
    message = world.status()["message"]
    for words in ("UnexpectedExit", "exit code 1", "logs/preflight/1/", "edit the spec"):
        assert words in message
    assert ("Warning", "PreflightFailed") in world.events
    await process.end()
    process = start(world)
    await process.run(600)
    assert made(world) == ["P0"]
    world.submit(trials=2, **CHECK)
    assert await process.run(60, until=lambda: finished(world))
    assert made(world) == ["P0", "P1", "trial", "trial"]
    assert world.status()["verdict"] == "pass"


async def test_an_edit_that_takes_it_out_lets_trials_start(start: Start) -> None:
    world = checking(p0=Program(code=1))
    world.submit(**CHECK)
    process = start(world)
    await process.run(60)
    world.submit()
    assert await process.run(60, until=lambda: finished(world))
    assert made(world) == ["P0", "trial"]


async def test_a_generation_with_nothing_to_start_needs_none(start: Start) -> None:
    world = checking()
    world.submit(**CHECK)
    process = start(world)
    assert await process.run(60, until=lambda: finished(world))
    world.submit(expect={"outcome": "any"}, **CHECK)
    assert await process.run(60, until=lambda: finished(world))
    assert made(world) == ["P0", "trial"]
    world.submit(trials=2, **CHECK)
    assert await process.run(60, until=lambda: finished(world))
    assert made(world) == ["P0", "trial", "P1", "trial"]


async def test_a_rate_limit_puts_the_matrix_on_hold_and_it_runs_again(start: Start) -> None:
    world = checking(p0=Program(code=75), p1=Program(code=1, log=b"::hold for=20m\n"))
    world.submit(**CHECK)
    process = start(world)
    await process.run(300)
    assert made(world) == ["P0"]
    assert reason(world) == "Held"
    assert "its preflight met a rate limit" in world.status()["message"]
    await process.run(1200)
    assert made(world) == ["P0", "P1"]
    assert await process.run(60, until=lambda: finished(world)) or await process.run(30, until=lambda: finished(world))
    assert made(world) == ["P0", "P1", "P2", "trial"]
    assert world.status()["verdict"] == "pass"


async def test_what_infrastructure_did_to_it_is_retried_as_for_a_trial(start: Start) -> None:
    world = checking(p0=Program(seconds=1e9))
    world.submit(**CHECK)
    process = start(world)
    await process.run(10)
    world.set_pod(world.pod("-preflight-0"), disrupted=world.clock.time, disruption_reason="EvictionByEvictionAPI")
    world.delete_pod(world.pod("-preflight-0"))
    assert await process.run(60, until=lambda: finished(world))
    assert made(world) == ["P0", "P1", "trial"]


async def test_one_of_an_earlier_generation_is_ended_but_not_by_suspending(start: Start) -> None:
    world = checking(p0=Program(seconds=1e9))
    world.submit(**CHECK)
    process = start(world)
    await process.run(10)
    world.submit(suspend=True, **CHECK)
    await process.run(60)
    assert world.sent("kill") == []
    assert made(world) == ["P0"]
    world.submit(**CHECK)
    assert await process.run(60, until=lambda: finished(world))
    assert [record.outcome for record in await records(world)] == [Outcome.CANCELLED] + 2 * [Outcome.SUCCEEDED]
    assert made(world) == ["P0", "P1", "trial"]


async def test_while_suspended_it_does_not_start(start: Start) -> None:
    world = checking()
    world.submit(suspend=True, **CHECK)
    process = start(world)
    await process.run(60)
    assert world.made == []


async def small_run(start: Start, kill: Kill | None) -> tuple[SmallWorld, list[tuple[str, int, str]]]:
    """A preflight that meets a rate limit and passes then, and a trial; the process dies at most once."""
    world = checking(p0=Program(code=75, log=b"::hold for=30s\n"))
    world.kill = kill
    world.submit(retention={"jobs": "none"}, **CHECK)
    process = start(world)
    for _ in range(4):
        try:
            assert await process.run(600, until=lambda: finished(world) and not world.jobs and not world.pods), kill
        except (Killed, LeaseLost):
            await process.end()
            await world.clock.move_to(world.clock.time + 1.0)
            process = start(world)
            if kill is not None and kill.when == "late":
                await process.run(1.0)
                await world.land()
        else:
            break
    assert (await world.ledger()).twins == 0
    return world, [(each.job, each.id.attempt, each.outcome) for each in await records(world)]


@pytest.mark.parametrize("when", ["before", "after", "late"])
async def test_a_process_may_die_at_any_call(start: Start, when: str) -> None:
    world, undisturbed = await small_run(start, None)
    assert made(world) == ["P0", "P1", "trial"]
    for number, call in enumerate(list(world.calls), start=1):
        if when == "late" and call.split()[0] not in ("put_new", "create"):
            continue
        again, found = await small_run(start, Kill(number, when))
        assert (names(again), found) == (names(world), undisturbed), f"killed {when} call {number}: {call}"
        assert again.status()["verdict"] == "pass"


@pytest.mark.parametrize("scope", ["", ":all"])
async def test_a_rerun_lets_one_that_failed_run_again(start: Start, scope: str) -> None:
    world = checking(p0=Program(code=1), p1=Program(code=2))
    world.submit(**CHECK)
    process = start(world)
    await process.run(60)
    world.annotate(rerun=f"one{scope}")
    await process.run(60)
    assert made(world) == ["P0", "P1"]
    assert "exit code 2" in world.status()["message"]
    await process.end()
    process = start(world)
    await process.run(60)
    world.annotate(rerun=f"two{scope}")
    assert await process.run(60, until=lambda: finished(world))
    assert made(world) == ["P0", "P1", "P2", "trial"]
    assert world.status()["verdict"] == "pass"


async def test_a_cancelled_matrix_ends_its_preflight_and_a_rerun_brings_it_back(start: Start) -> None:
    world = checking(p0=Program(seconds=1e9))
    world.submit(**CHECK)
    process = start(world)
    await process.run(10)
    world.annotate(cancel="stop")
    assert await process.run(60, until=lambda: finished(world))
    assert made(world) == ["P0"]
    assert [record.outcome for record in await records(world)] == [Outcome.CANCELLED]
    world.annotate(rerun="again:all")
    assert await process.run(60, until=lambda: world.status()["verdict"] == "pass")
    assert made(world) == ["P0", "P1", "trial"]
