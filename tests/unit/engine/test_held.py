"""A matrix on hold because a rate limit was met, over a small world."""

from __future__ import annotations

from collections.abc import Callable

from batchmatrix.model.evidence import Blame, Outcome
from tests.support.logs import START
from tests.support.process import Process
from tests.support.stores import Fault
from tests.support.world import Program, SmallWorld, outcomes, records

Start = Callable[[SmallWorld], Process]

BEGIN = START / 1e9
"""When the clock of a world begins, Unix seconds."""


def reason(world: SmallWorld) -> str:
    return str(world.status()["conditions"][0]["reason"])


def limited_once(log: bytes = b"429\n", code: int = 75, *, trials: int = 2) -> SmallWorld:
    """Trial 0 meets a limit after 5 s at its first attempt; one trial at a time."""
    world = SmallWorld()
    world.program = lambda job: Program(code=code, log=log) if (job.id.trial, job.id.attempt) == (0, 0) else Program()
    world.submit(trials=trials, parallelism=1, order="cells")
    return world


async def test_after_a_rate_limit_nothing_starts_before_the_hold_is_over(start: Start) -> None:
    world = limited_once()
    process = start(world)
    await process.run(200)
    (record,) = await records(world)
    assert (record.outcome, record.blame, record.reason) == (
        Outcome.RATE_LIMITED,
        Blame.INFRASTRUCTURE,
        "RateLimited",
    )
    assert len(world.made) == 1
    assert (reason(world), world.condition("Succeeded"), world.condition("Finished")) == ("Held", "Unknown", "False")
    message = world.status()["message"]
    assert f"on hold until {record.hold_until}" in message
    assert "trial 0 of" in message
    assert ("Normal", "Held") in world.events
    await process.run(104)  # 300 s after its end at 5 s
    assert len(world.made) == 1
    assert await process.run(30, until=lambda: world.condition("Finished") == "True")
    assert len(world.made) == 3
    assert sorted(await outcomes(world)) == [
        (0, 0, Outcome.RATE_LIMITED),
        (0, 1, Outcome.SUCCEEDED),
        (1, 0, Outcome.SUCCEEDED),
    ]
    assert world.status()["verdict"] == "pass"


async def test_nothing_starts_while_the_record_of_a_rate_limit_cannot_be_written(start: Start) -> None:
    world = limited_once()
    process = start(world)
    await process.run(4)
    store = world.stores["default"]
    store.fault = lambda call, _key: Fault.BEFORE if call.startswith("put") else None
    await process.run(600)
    store.fault = None
    assert await records(world) == []
    assert len(world.made) == 1


async def test_nothing_is_written_while_it_is_on_hold(start: Start) -> None:
    world = limited_once()
    process = start(world)
    await process.run(60)
    calls = len(world.calls)
    await process.run(200)
    assert len(world.calls) == calls


async def test_the_time_that_the_log_names_counts(start: Start) -> None:
    world = limited_once(log=b"quota is used up\n::hold for=40m\n", code=1, trials=1)
    process = start(world)
    await process.run(2400)
    (record,) = await records(world)
    assert (record.reason, len(world.made)) == ("HoldAsked", 1)
    assert await process.run(60, until=lambda: world.condition("Finished") == "True")


async def test_another_process_keeps_the_hold(start: Start) -> None:
    world = limited_once()
    first = start(world)
    await first.run(100)
    await first.end()
    second = start(world)
    await second.run(190)
    assert len(world.made) == 1
    assert reason(world) == "Held"
    assert await second.run(60, until=lambda: world.condition("Finished") == "True")
    assert len(world.made) == 3


async def test_what_runs_goes_on_and_what_it_asks_for_makes_the_hold_longer(start: Start) -> None:
    world = SmallWorld()
    logs = {0: b"::hold for=10m\n", 1: b"::hold for=1m\n", 2: b"fine\n"}
    world.program = lambda job: (
        Program()
        if job.id.attempt
        else Program(seconds=5.0 * (job.id.trial + 1), code=75 * (job.id.trial < 2), log=logs.get(job.id.trial, b""))
    )
    world.submit(trials=4, parallelism=3, order="cells")
    process = start(world)
    await process.run(590)
    by_trial = {record.id.trial: record.outcome for record in await records(world)}
    assert by_trial == {0: Outcome.RATE_LIMITED, 1: Outcome.RATE_LIMITED, 2: Outcome.SUCCEEDED}
    assert len(world.made) == 3
    assert await process.run(60, until=lambda: world.condition("Finished") == "True")
    assert world.status()["verdict"] == "pass"


async def test_retries_after_holds_have_their_own_budget(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program(code=75)
    world.submit(retry={"RateLimited": {"limit": 2}})
    assert await start(world).run(3600, until=lambda: world.condition("Finished") == "True")
    found = await records(world)
    assert [record.outcome for record in found] == [Outcome.RATE_LIMITED] * 3
    assert world.clock.time - BEGIN < 300 + 600 + 60
    assert (world.status()["verdict"], reason(world)) == ("inconclusive", "Inconclusive")


async def test_by_default_it_is_tried_ten_times_more(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program(code=75, log=b"::hold for=1s\n")
    world.submit()
    assert await start(world).run(3600, until=lambda: world.condition("Finished") == "True")
    assert len(await records(world)) == 11


async def test_suspended_comes_before_held(start: Start) -> None:
    world = limited_once()
    process = start(world)
    await process.run(60)
    world.submit(trials=2, parallelism=1, order="cells", suspend=True)
    await process.run(60)
    assert reason(world) == "Suspended"
    assert "on hold until" in world.status()["message"]
    await process.run(3600)
    assert len(world.made) == 1
