"""`retention.onDelete: delete`: results go with their matrix, all of them or none, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from batchmatrix.base.errors import LeaseLost
from batchmatrix.engine.removal import MARKS, store_to_clear
from batchmatrix.model.cell import MatrixRef
from tests.support.logs import Killed
from tests.support.process import HOLD, Process
from tests.support.stores import Fault
from tests.support.world import REF, Kill, Program, SmallWorld

Start = Callable[[SmallWorld], Process]

NEIGHBOUR = MatrixRef("triage", "demo", "uid-of-demo2")
"""Of the same name, made after the first was deleted; its uid begins with that of the other."""
DELETE: dict[str, Any] = {"retention": {"jobs": "none", "onDelete": "delete"}}


def left(world: SmallWorld, ref: MatrixRef = REF) -> list[str]:
    """Keys of what is in the store of a matrix, and of all marks."""
    return [key for key in world.stores["default"].objects if key.startswith((f"{ref.prefix()}/", MARKS))]


def finished(world: SmallWorld) -> Callable[[], bool]:
    return lambda: world.condition("Finished") == "True"


@pytest.mark.parametrize("dropped", [False, True])
async def test_everything_goes_once_the_matrix_is_gone_and_nobody_elses(start: Start, *, dropped: bool) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program()
    world.submit(trials=3, **DELETE)
    neighbours = [f"{NEIGHBOUR.prefix()}/{key}" for key in ("ledger/00000001.jsonl.zst", "runs/1/plan.json")]
    world.stores["default"].objects |= dict.fromkeys(neighbours, b"whatever")
    process = start(world)
    assert await process.run(60, until=finished(world))
    if dropped:
        await process.run(HOLD + 60)
        assert REF.uid not in process.engine.runs
    assert any("/logs/" in key for key in left(world))
    world.remove()
    await process.run(HOLD + 60)
    assert left(world) == []
    assert sorted(left(world, NEIGHBOUR)) == neighbours
    removed = [call for call in world.sent("remove") if "/ledger/" in call]
    assert removed == sorted(removed, reverse=True)
    ledger = [number for number, call in enumerate(world.calls) if call.startswith("remove") and "/ledger/" in call]
    others = [number for number, call in enumerate(world.calls) if call.startswith("remove") and REF.prefix() in call]
    assert max(set(others) - set(ledger)) < min(ledger)
    world.calls.clear()
    await process.run(600)
    await process.engine.recall()
    await process.run(60)
    assert world.calls == []


async def test_what_still_runs_is_recorded_and_released_first(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program(seconds=1e9)
    world.submit(trials=2, **DELETE)
    process = start(world)
    await process.run(10)
    await process.end()
    world.step()
    process = start(world)
    await process.run(1)
    world.remove()
    await process.run(0.6)
    assert any(key.startswith(MARKS) for key in left(world))
    assert any("/runs/" in key for key in left(world))
    await process.run(HOLD + 60)
    assert (left(world), world.pods) == ([], {})
    releases = [number for number, call in enumerate(world.calls) if call.startswith("release")]
    removals = [number for number, call in enumerate(world.calls) if call.startswith("remove")]
    assert len(releases) == 2
    assert max(releases) < min(removals)


@pytest.mark.parametrize("retention", [{}, {"onDelete": "keep"}])
async def test_by_default_results_stay(start: Start, retention: dict[str, str]) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program()
    world.submit(retention=retention)
    process = start(world)
    assert await process.run(60, until=finished(world))
    before = left(world)
    world.remove()
    await process.run(HOLD + 60)
    assert left(world) == before
    assert world.sent("remove") == []


async def test_results_stay_where_the_spec_in_force_keeps_them(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program()
    world.submit()
    process = start(world)
    assert await process.run(60, until=finished(world))
    world.submit(trials=0, **DELETE)  # never in force
    await process.run(10)
    world.remove()
    await process.run(HOLD + 60)
    assert world.sent("remove") == []


async def test_results_stay_where_nobody_saw_it_go(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program()
    world.submit(**DELETE)
    process = start(world)
    assert await process.run(60, until=finished(world))
    await process.end()
    before = left(world)
    world.remove()
    world.departed.clear()
    process = start(world)
    await process.engine.recall()
    await process.run(HOLD + 60)
    assert left(world) == before


async def test_it_is_tried_again_until_the_store_answers(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program()
    world.submit(trials=2, **DELETE)
    process = start(world)
    assert await process.run(60, until=finished(world))
    before = set(left(world))
    failing = ["put", "delete"]
    world.stores["default"].fault = lambda name, _key: Fault.BEFORE if failing and name == failing[0] else None
    world.remove()
    await process.run(100)
    assert not any(key.startswith(MARKS) for key in left(world))
    failing.pop(0)
    await process.run(100)
    assert set(left(world)) == before | {f"{MARKS}{REF.uid}"}
    failing.pop(0)
    await process.run(100)
    assert left(world) == []


async def test_a_mark_that_cannot_be_read_is_left_alone(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program()
    world.submit(**DELETE)
    store = world.stores["default"]
    store.objects[f"{MARKS}strange"] = b'{"namespace": 5'
    process = start(world)
    await process.engine.recall()
    await process.run(60)
    assert f"{MARKS}strange" in store.objects
    assert finished(world)()


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_process_may_die_at_any_call_once_the_mark_is_there(start: Start, when: str) -> None:
    async def run(kill: Kill | None) -> SmallWorld:
        world = SmallWorld()
        world.program = lambda job: Program(seconds=5.0 if job.id.trial == 0 else 1e9)
        world.submit(trials=2, **DELETE)
        process = start(world)
        await process.run(10)
        world.remove()
        world.calls.clear()
        world.kill = kill
        for _ in range(3):
            try:
                await process.run(300)
            except (Killed, LeaseLost):
                await process.end()
                process = start(world)
                await process.engine.recall()
            else:
                break
        assert (world.pods, world.jobs) == ({}, {})
        return world

    calls = list((await run(None)).calls)
    marked = 1 + calls.index(f"put {MARKS}{REF.uid}")
    assert calls[-1] == f"remove {MARKS}{REF.uid}"
    for number in range(marked + (when == "before"), len(calls) + 1):
        world = await run(Kill(number, when))
        assert left(world) == [], f"killed {when} call {number}: {calls[number - 1]}"


@pytest.mark.parametrize(
    ("spec", "store"),
    [
        ({"retention": {"onDelete": "delete"}}, "default"),
        ({"retention": {"onDelete": "delete"}, "store": {"name": "team"}}, "team"),
        ({"retention": {"onDelete": "delete"}, "store": None}, "default"),
        ({"retention": {"onDelete": "keep"}}, None),
        ({"retention": None}, None),
        ({}, None),
        (None, None),
    ],
)
def test_what_an_object_says_of_its_results(spec: dict[str, Any] | None, store: str | None) -> None:
    assert store_to_clear({"spec": spec} if spec is not None else {}) == store
