"""The process may die between any two of its calls, and no rerun and no cancel is lost or done twice for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest

from batchmatrix.base.errors import LeaseLost
from batchmatrix.model.evidence import Outcome
from batchmatrix.model.observed import JobState
from tests.support.logs import Killed
from tests.support.process import HOLD, Process
from tests.support.world import Kill, Program, SmallWorld

Start = Callable[[SmallWorld], Process]


@dataclass(frozen=True)
class End:
    """What a run came to, for comparison."""

    records: Counter[tuple[int, int, int, str]]
    """By trial, attempt, rerun and outcome."""
    made: Counter[str]
    operations: dict[tuple[str, str], Mapping[str, Mapping[int, int]]]
    verdict: str
    tokens: dict[str, str]


def programs(job: JobState) -> Program:
    """Trials 1 and 2 hang the first time."""
    return Program(seconds=5.0 if job.id.trial in (0, 3) or job.id.attempt else 1e9)


async def cancelled_and_rerun(start: Start, kill: Kill | None) -> tuple[SmallWorld, End]:
    """Four trials, of which one is done, two run and one has not begun when they are cancelled; then all that failed
    run again. The process dies at most once.
    """
    world = SmallWorld()
    world.program = programs
    world.kill = kill
    world.submit(trials=4, parallelism=2, order="cells", retention={"jobs": "none"})

    def far() -> bool:
        return world.status().get("progress") == "1/4" and world.status()["running"] == 2

    def over(token: str) -> Callable[[], bool]:
        def look() -> bool:
            handled = token in world.status().get("operations", {}).values()
            return handled and world.condition("Finished") == "True" and not world.jobs and not world.pods

        return look

    stages: list[tuple[dict[str, str], Callable[[], bool]]] = [
        ({}, far),
        ({"cancel": "stop"}, over("stop")),
        ({"rerun": "again"}, over("again")),
    ]
    process = start(world)
    for asked, until in stages:
        world.annotate(**asked)
        for _ in range(4):
            try:
                assert await process.run(600, until=until), f"not over after {kill}: {world.status()}"
            except (Killed, LeaseLost):
                await process.end()
                await world.clock.move_to(world.clock.time + 1.0)
                process = start(world)
                if kill is not None and kill.when == "late":
                    await process.run(HOLD / 2 if world.calls[kill.call - 1].startswith("create") else 1.0)
                    await world.land()
            else:
                break
    ledger = await world.ledger()
    assert ledger.twins == 0
    return world, End(
        records=Counter(
            (each.id.trial, each.id.attempt, each.rerun, each.outcome.value) for each in ledger.records.values()
        ),
        made=Counter(world.made),
        operations={key: entry.trials for key, entry in ledger.operations.items()},
        verdict=world.status()["verdict"],
        tokens=world.status()["operations"],
    )


PARTS = 5
"""Tests that share the calls, so that none of them takes long."""


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("when", ["before", "after", "late"])
async def test_a_process_may_die_at_any_call(start: Start, when: str, part: int) -> None:
    world, undisturbed = await cancelled_and_rerun(start, None)
    calls = list(world.calls)
    good, cancelled = Outcome.SUCCEEDED.value, Outcome.CANCELLED.value
    assert undisturbed.records == Counter(
        {
            (0, 0, 0, good): 1,
            (1, 0, 0, cancelled): 1,
            (2, 0, 0, cancelled): 1,
            (1, 1, 1, good): 1,
            (2, 1, 1, good): 1,
            (3, 0, 1, good): 1,
        }
    )
    assert set(undisturbed.made.values()) == {1}
    assert undisturbed.verdict == "pass"
    assert list(undisturbed.operations) == [("cancel", "stop"), ("rerun", "again")]
    assert undisturbed.tokens == {"cancel": "stop", "rerun": "again"}
    for number, call in list(enumerate(calls, start=1))[part::PARTS]:
        if when == "late" and call.split()[0] not in ("put_new", "create"):
            continue
        _, end = await cancelled_and_rerun(start, Kill(number, when))
        assert end == undisturbed, f"killed {when} call {number}: {call}"
