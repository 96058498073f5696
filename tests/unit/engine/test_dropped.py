"""Attempts whose cell an edit drops are judged by what it allowed, and cells that come back find their records."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from batchmatrix.model.evidence import Blame, Outcome
from batchmatrix.model.observed import ContainerState, NodeState
from batchmatrix.model.record import Record
from tests.support.process import Process
from tests.support.stores import Fault
from tests.support.world import Program, SmallWorld, records

Start = Callable[[SmallWorld], Process]
Json = dict[str, Any]

OTHER: Json = {"name": "other", "extraEnv": {"X": "1"}, "allowedExitCodes": [0, 3]}


def cells(world: SmallWorld, *made: Json, **spec: Any) -> None:
    workload = {"image": "app:1", "command": ["run"], "resources": {"limits": {"gpu.example/x": 2}}}
    world.submit(**{"axes": [], "cells": list(made), "workload": workload, "seed": 7, **spec})


async def of(world: SmallWorld, name: str) -> Record:
    (record,) = (record for record in await records(world) if record.cell == name)
    return record


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize(("code", "outcome"), [(0, Outcome.UNEXPECTED_EXIT), (3, Outcome.SUCCEEDED)])
async def test_a_cell_that_is_dropped_as_it_ends_is_judged_by_its_own_exit_codes(
    start: Start, code: int, outcome: Outcome, *, restarted: bool
) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program(seconds=20, code=code)
    store = world.stores["default"]
    slow = True
    store.fault = lambda _name, key: Fault.BEFORE if slow and "/logs/" in key else None
    mine: Json = {"name": "mine", "allowedExitCodes": [3]}
    cells(world, mine, OTHER)
    process = start(world)
    await process.run(25)
    cells(world, OTHER)
    await process.run(5)
    if restarted:
        await process.end()
        process = start(world)
    slow = False
    await process.run(200)
    record = await of(world, "mine")
    assert (record.outcome, record.exit_code, record.seed) == (outcome, code, 7)
    assert (record.generation, record.image, record.gpu_seconds) == (1, "app:1", 40.0)
    cells(world, mine, OTHER)
    await process.run(200)
    assert len(world.made) == 2
    assert world.status()["verdict"] == ("pass" if outcome is Outcome.SUCCEEDED else "fail")


async def test_where_nothing_is_known_of_the_cell_no_exit_code_is_a_success(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program(seconds=20)
    cells(world, {"name": "mine"}, OTHER)
    process = start(world)
    await process.run(10)
    await process.end()
    world.clock.time += 15
    world.step()
    cells(world, OTHER)
    store = world.stores["default"]
    (key,) = (key for key in store.objects if key.endswith("runs/1/plan.json"))
    plan = json.loads(store.objects[key])
    plan["cells"] = [cell for cell in plan["cells"] if cell["name"] != "mine"]
    store.objects[key] = json.dumps(plan).encode()
    await start(world).run(200)
    record = await of(world, "mine")
    assert (record.outcome, record.blame, record.gpu_seconds) == (Outcome.INCOMPLETE, Blame.INFRASTRUCTURE, None)
    assert "which exit codes that allowed is not known any more" in record.message


async def test_cells_that_run_the_very_same_keep_their_results_when_one_goes_or_their_order_changes(
    start: Start,
) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program(code=3)
    one: Json = {"name": "one"}
    three: Json = {"name": "three", "trials": 3, "allowedExitCodes": [3]}
    for made in ([one, three], [three, one], [three], [one, three]):
        cells(world, *made)
        process = start(world)
        await process.run(600)
        await process.end()
        assert len(world.made) == 4
        assert {record.cell: record.outcome for record in await records(world)} == {
            "one": Outcome.UNEXPECTED_EXIT, "three": Outcome.SUCCEEDED,
        }  # fmt: skip
        rows = json.loads(world.config_maps["demo-summary"]["summary.json"])["cells"]
        assert {row["name"]: row["met"] for row in rows} == {cell["name"]: cell["name"] == "three" for cell in made}


async def test_a_cell_that_is_gone_for_a_while_does_not_run_again_although_the_nodes_are_others(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program()
    rules = [{"nodeLabels": {"kind": kind}, "image": f"app:{kind}"} for kind in "ab"]
    catalog = {"hardware": {"x": {"nodeLabels": {"pool": "x"}}}, "environments": {"e": {"imagesByNode": rules}}}
    spec: Json = {"catalog": catalog, "workload": {"command": ["run"]}}
    mine, other = ({"name": name, "environment": "e", "hardware": "x", "extraEnv": {"X": name}} for name in "mo")
    world.nodes = [NodeState("n1", {"pool": "x", "kind": "a"})]
    cells(world, mine, other, **spec)
    process = start(world)
    await process.run(100)
    world.nodes = [NodeState("n2", {"pool": "x", "kind": "b"})]
    for made in ([other], [other, {**OTHER, "image": "app:1"}], [mine, other]):
        cells(world, *made, **spec)
        await process.run(100)
    assert [(record.cell, record.image) for record in await records(world)] == [
        ("m", "app:a"), ("o", "app:a"), ("other", "app:1"),
    ]  # fmt: skip
    assert world.status()["verdict"] == "pass"


async def test_what_is_dropped_and_suspended_in_one_edit_is_not_said_to_run(start: Start) -> None:
    world = SmallWorld()
    cells(world, {"name": "mine"}, OTHER)
    process = start(world)
    await process.run(5)
    for job in list(world.jobs.values()):
        world.start_pod(job, phase="Pending", container=ContainerState("waiting", reason="ContainerCreating"))
    cells(world, OTHER, suspend=True)
    await process.run(5)
    assert len(world.pods) == world.status()["trials"]["pending"] == 2  # the kubelet takes its time
    assert "; 1 trial already sent to the cluster will still run; " in world.status()["message"]


async def test_what_was_sent_before_a_suspension_still_runs_and_the_status_says_how_much(start: Start) -> None:
    world = SmallWorld()
    spec: Json = {"trials": 3, "parallelism": 2, "retention": {"jobs": "none"}}
    world.submit(**spec)
    process = start(world)
    await process.run(5)
    world.submit(**spec, suspend=True)
    await process.run(5)
    assert "; 2 trials already sent to the cluster will still run; " in world.status()["message"]
    world.program = lambda _job: Program()
    await process.run(3)
    assert world.status()["running"] == 2
    assert "already sent" not in world.status()["message"]
    await process.run(60)
    assert (len(world.made), len(await records(world))) == (2, 2)
