"""A suspended matrix: what runs finishes, nothing new starts, and resuming goes on where it stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from batchmatrix.engine.catalogs import Lookup
from batchmatrix.model.evidence import Outcome
from batchmatrix.model.observed import NodeState
from batchmatrix.model.v1alpha1 import parse_entries
from batchmatrix.plan.builtin import BUILT_IN
from tests.support.catalogs import WorldCatalogs
from tests.support.process import HOLD, Process
from tests.support.stores import Fault
from tests.support.world import REF, Program, SmallWorld, outcomes, records

Start = Callable[[SmallWorld], Process]


def suspended(world: SmallWorld) -> bool:
    return {each["reason"] for each in world.status()["conditions"]} == {"Suspended"}


async def test_a_suspended_matrix_finishes_what_runs_starts_nothing_and_goes_on_when_resumed(start: Start) -> None:
    world = SmallWorld()
    spec: dict[str, object] = {"trials": 5, "parallelism": 2, "retention": {"jobs": "none"}}
    world.program = lambda _job: Program(seconds=8.0)
    world.submit(**spec)
    process = start(world)
    await process.run(10)
    assert (len(world.made), len(await records(world))) == (4, 2)
    world.submit(**spec, suspend=True)
    await process.run(3)
    assert suspended(world)
    assert world.status()["running"] == 2
    await process.run(10)
    assert (len(world.made), len(await records(world))) == (4, 4)
    assert suspended(world)
    assert (world.condition("Reconciling"), world.condition("Succeeded")) == ("True", "Unknown")
    assert "set spec.suspend to false to go on" in world.status()["message"]
    assert "**suspended**: 4 of 5 trials are done" in world.config_maps["demo-summary"]["matrix.md"]
    world.submit(**spec)
    assert await process.run(60, until=lambda: world.condition("Finished") == "True")
    assert (len(world.made), len(set(world.made))) == (5, 5)
    assert [outcome for _, _, outcome in await outcomes(world)] == [Outcome.SUCCEEDED] * 5
    assert ("Normal", "Suspended") in world.events


async def test_a_suspended_matrix_at_rest_writes_nothing_and_survives_a_restart(start: Start) -> None:
    world = SmallWorld()
    spec: dict[str, object] = {"trials": 3, "parallelism": 1, "retention": {"jobs": "none"}}
    world.program = lambda _job: Program()
    world.submit(**spec)
    process = start(world)
    await process.run(2)
    world.submit(**spec, suspend=True)
    await process.run(HOLD + 30)
    assert (len(world.made), len(world.jobs)) == (1, 0)
    world.calls.clear()
    for _ in range(10):
        world.changed(REF)
        await process.run(60)
    assert world.calls == []
    await process.end()
    process = start(world)
    await process.run(600)
    assert world.calls == ["summary demo"]  # which writes nothing where the ConfigMap says the same
    assert suspended(world)
    world.submit(**spec)
    assert await process.run(60, until=lambda: world.condition("Finished") == "True")
    assert (len(world.made), len(set(world.made))) == (3, 3)


async def test_a_matrix_that_is_made_suspended_records_nothing_not_even_what_fits_no_node(start: Start) -> None:
    world = SmallWorld()
    world.nodes = [NodeState("node-1")]
    spec: dict[str, object] = {
        "axes": [{"name": "hardware", "values": ["gpu"]}],
        "workload": {"image": "app:1", "command": ["run"]},
        "catalog": {"hardware": {"gpu": {"nodeLabels": {"gpu": "x"}}}},
    }
    world.submit(**spec, suspend=True)
    process = start(world)
    await process.run(60)
    assert await records(world) == []
    assert suspended(world)
    world.submit(**spec)
    await process.run(60)
    assert await outcomes(world) == [(0, 0, Outcome.UNSCHEDULABLE)]


async def test_no_retry_starts_while_suspended(start: Start) -> None:
    world = SmallWorld()
    spec: dict[str, object] = {"retry": {"UnexpectedExit": {"limit": 1}}}
    world.program = lambda job: Program(code=1 - job.id.attempt)
    world.submit(**spec)
    process = start(world)
    await process.run(2)
    world.submit(**spec, suspend=True)
    await process.run(60)
    assert await outcomes(world) == [(0, 0, Outcome.UNEXPECTED_EXIT)]
    assert suspended(world)
    world.submit(**spec)
    await process.run(60)
    assert (await outcomes(world))[1:] == [(0, 1, Outcome.SUCCEEDED)]


async def test_a_matrix_that_is_suspended_after_its_end_stays_finished(start: Start) -> None:
    world = SmallWorld()
    world.submit()
    world.program = lambda _job: Program()
    process = start(world)
    assert await process.run(60, until=lambda: world.condition("Finished") == "True")
    world.submit(suspend=True)
    await process.run(60)
    assert world.status()["observedGeneration"] == 2
    assert world.condition("Succeeded") == "True"
    assert len(world.made) == 1


OFF = [{"name": "mitigation", "values": ["off"]}]
MANY: dict[str, Any] = {"axes": [{"name": "size", "values": list(range(20))}], "parallelism": 1}


async def test_it_is_obeyed_where_the_operators_surroundings_have_made_the_rest_invalid(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program(seconds=20)
    world.submit(**MANY)
    process = start(world)
    await process.run(30)
    await process.end()
    process = start(world)
    process.engine._opener = replace(process.engine._opener, max_cells=10)
    world.submit(**MANY, suspend=True)
    await process.run(300)
    assert len(world.made) == len(await records(world)) == 2
    message = world.status()["message"]
    assert "this operator takes at most 10" in message
    assert "suspended, nothing new starts" in message
    assert "(2 of 20 trials done)" in message
    world.submit(**MANY)
    await process.run(300)
    assert len(world.made) > 2
    assert "what an earlier spec started goes on" in world.status()["message"]


async def test_it_is_obeyed_while_the_store_does_not_take_the_new_generation(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program(seconds=20)
    world.submit(**MANY)
    process = start(world)
    await process.run(30)
    world.stores["default"].fault = lambda name, key: Fault.BEFORE if name == "put_new" and "/runs/2" in key else None
    world.submit(**MANY, suspend=True)
    await process.run(300)
    assert len(world.made) == 2
    assert "suspended" in world.status()["message"]


@pytest.mark.parametrize("suspend", ["yes", 1, None])
async def test_a_suspend_that_cannot_be_read_changes_nothing(start: Start, suspend: object) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program(seconds=20)
    world.submit(**MANY, suspend=True)
    process = start(world)
    await process.run(5)
    world.submit(**MANY, suspend=suspend)
    await process.run(60)
    assert world.made == []
    assert world.condition("Stalled") == "True"


async def test_a_plug_in_with_the_same_name_keeps_nobody_from_suspending(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program(seconds=20)
    world.catalogs.put(world, mitigations={"off": {"env": {"A": "1"}}})
    spec: dict[str, Any] = {"axes": OFF, "catalogRefs": [{"name": "team"}], "trials": 20, "parallelism": 1}
    spec["workload"] = {"image": "app:1", "command": ["run"]}
    world.submit(**spec)
    process = start(world)
    await process.run(30)
    await process.end()
    process = start(world)
    plug_in = ("plug-in acme (2.0)", parse_entries({"mitigations": {"off": {"env": {"A": "2"}}}}))
    lookup = Lookup(WorldCatalogs(world.catalogs), [("built-in", BUILT_IN), plug_in])
    process.engine._opener = replace(process.engine._opener, catalogs=lookup)
    world.submit(**spec, suspend=True)
    await process.run(300)
    assert len(world.made) == 2
    assert suspended(world)
