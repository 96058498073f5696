"""What a cell has of its own acts on its trials, and an edit of it runs nothing again."""

from __future__ import annotations

from collections.abc import Callable

from batchmatrix.model.cell import MatrixRef
from batchmatrix.model.evidence import Outcome
from tests.support.process import Process
from tests.support.world import Program, SmallWorld, records

Start = Callable[[SmallWorld], Process]


def sizes(world: SmallWorld, **spec: object) -> MatrixRef:
    """Two cells of one trial each, of size 8 and size 16; what one has of its own is said in overrides."""
    return world.submit(axes=[{"name": "size", "values": [8, 16]}], order="cells", **spec)


def own(size: int, **settings: object) -> dict[str, object]:
    return {"match": {"size": size}, "set": settings}


async def by_cell(world: SmallWorld) -> dict[str, Outcome]:
    """The outcome of each cell's last record."""
    return {record.cell: record.outcome for record in await records(world)}


async def test_each_cell_has_its_own_timeout_and_an_edit_of_it_reaches_what_runs(start: Start) -> None:
    world = SmallWorld()
    workload = {"image": "app:1", "command": ["run"], "timeout": "10m"}
    world.program = lambda _job: Program(seconds=1e9)
    sizes(world, workload=workload, overrides=[own(16, timeout="40s")])
    process = start(world)
    await process.run(60)
    assert await by_cell(world) == {"s16": Outcome.TIMEOUT}
    assert (await records(world))[0].message.startswith("still running 40 s after its start")
    sizes(world, workload=workload, overrides=[own(8, timeout="2m"), own(16, timeout="40s")])
    await process.run(50)
    assert await by_cell(world) == {"s16": Outcome.TIMEOUT}
    await process.run(20)
    assert await by_cell(world) == {"s16": Outcome.TIMEOUT, "s8": Outcome.TIMEOUT}
    assert len(world.made) == 2


async def test_each_cell_has_its_own_exit_codes_and_an_edit_of_them_runs_nothing_again(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program(code=3)
    sizes(world, overrides=[own(16, allowedExitCodes=[0, 3])])
    process = start(world)
    assert await process.run(60, until=lambda: world.condition("Finished") == "True")
    assert await by_cell(world) == {"s8": Outcome.UNEXPECTED_EXIT, "s16": Outcome.SUCCEEDED}
    assert [record.exit_code for record in await records(world)] == [3, 3]
    sizes(world, overrides=[own(8, allowedExitCodes=[3]), own(16, allowedExitCodes=[0])])
    await process.run(60)
    assert world.status()["observedGeneration"] == 2
    assert len(world.made) == 2
    assert await by_cell(world) == {"s8": Outcome.SUCCEEDED, "s16": Outcome.UNEXPECTED_EXIT}


async def test_a_baseline_that_may_hang_does_not_fail_the_matrix_and_one_that_must_fail_does(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda job: Program(code=1 if job.cell == "s8" else 0)
    sizes(world, overrides=[own(8, expect={"outcome": "any"})])
    process = start(world)
    assert await process.run(60, until=lambda: world.condition("Finished") == "True")
    assert (world.condition("Succeeded"), world.status()["verdict"]) == ("True", "pass")
    assert (world.status()["failed"], world.status()["trials"]["failed"]) == (1, 1)
    sizes(world, expect={"outcome": "fail"})
    await process.run(60)
    assert world.condition("Succeeded") == "False"
    assert {each["reason"] for each in world.status()["conditions"]} == {"CellsFailed"}
    assert world.status()["message"] == (
        "1 of 2 cells is not as expected: s16 (1 trial succeeded where all had to fail)"
    )
    assert len(world.made) == 2


async def test_names_of_explicit_cells_are_shown(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program()
    cells = [{"name": "control", "parameters": {"size": 8}}, {"name": "treated", "parameters": {"size": 16}}]
    world.submit(axes=[], cells=cells)
    process = start(world)
    assert await process.run(60, until=lambda: world.condition("Finished") == "True")
    assert "| treated | 16 " in world.config_maps["demo-summary"]["matrix.md"]
