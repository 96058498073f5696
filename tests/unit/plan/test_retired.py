"""What a plan knows of cells that earlier generations held."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from batchmatrix.model.cell import Plan
from batchmatrix.plan import retired
from batchmatrix.plan.pin import dump_plan, load_plan
from tests.support.specs import a_matrix, a_node, a_plan

KIND = "gpu.example/kind"
RULES = [{"nodeLabels": {KIND: "a"}, "image": "app:a"}, {"nodeLabels": {KIND: "b"}, "image": "app:b"}]
ROOM = {"gpu.example/x": "8"}
NODE_A = a_node("a", labels={KIND: "a"}, allocatable=ROOM)
NODE_B = a_node("b", labels={KIND: "b"}, allocatable=ROOM)


def sizes(*values: int, previous: Plan | None = None, nodes: Any = (NODE_A,), **changes: Any) -> Plan:
    workload = {"imagesByNode": RULES, "resources": {"limits": {"gpu.example/x": 2}}, "allowedExitCodes": [0, 3]}
    spec = {"axes": [{"name": "size", "values": list(values)}], "workload": workload, "seed": 7, **changes}
    return a_plan(a_matrix(**spec), nodes=nodes, previous=previous)


def names(plan: Plan) -> list[str]:
    return [cell.name for cell in plan.retired]


def test_a_first_plan_has_none_and_a_cell_that_is_dropped_is_one() -> None:
    first = sizes(8, 16)
    assert first.retired == ()
    (old,) = sizes(16, previous=first).retired
    gone = first.cells[0]
    assert (old.name, old.hash, old.first, old.copy, old.inputs) == ("s8", gone.hash, gone.hash, 0, gone.inputs)
    assert (old.image, old.node_selector) == ("app:a", {KIND: "a"})
    assert (old.seed, old.allowed_exit_codes, old.devices) == (7, (0, 3), 2)


def test_they_are_carried_on_and_those_that_were_dropped_last_come_first() -> None:
    plan = sizes(8, 16, 32)
    for values in [(16, 32), (32,), (32, 64)]:
        plan = sizes(*values, previous=plan)
    assert names(plan) == ["s16", "s8"]


@pytest.mark.parametrize("between", [1, 3])
def test_a_cell_that_comes_back_is_the_same_although_the_nodes_are_others(between: int) -> None:
    first = plan = sizes(8, 16)
    for _ in range(between):
        plan = load_plan(dump_plan(sizes(16, previous=plan)))
    again = sizes(8, 16, 32, nodes=[NODE_B], previous=plan)
    assert [cell.hash for cell in again.cells[:2]] == [cell.hash for cell in first.cells]
    assert [cell.work.image for cell in again.cells] == ["app:a", "app:a", "app:b"]
    assert again.retired == ()


def test_of_two_resolutions_of_the_same_words_the_newest_holds() -> None:
    old, new = sizes(8), sizes(8, nodes=[NODE_B])
    ghosts = (*sizes(16, previous=new).retired, *sizes(16, previous=old).retired)
    plan = sizes(8, nodes=[NODE_A], previous=replace(sizes(16), retired=ghosts))
    assert plan.cells[0].work.image == "app:b"


def test_a_cell_that_never_had_a_place_is_not_kept() -> None:
    first = sizes(8, nodes=[])
    assert first.cells[0].problem
    assert sizes(16, previous=first).retired == ()


def test_the_table_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retired, "RETIRED_LIMIT", 3)
    plan = sizes(1, 2)
    for values in [(3, 4), (5, 6), (7, 8)]:
        plan = sizes(*values, previous=plan)
    assert names(plan) == ["s5", "s6", "s3"]


def test_they_come_back_from_the_bytes_and_take_little_room() -> None:
    first = sizes(*range(60), include=[{"match": {"size": at}} for at in range(60, 120)])
    plan = sizes(5000, previous=first)
    assert len(plan.retired) == 120
    data = dump_plan(plan)
    assert load_plan(data) == plan
    assert dump_plan(load_plan(data)) == data
    assert len(data) / len(plan.retired) < 250


def test_a_dropped_copy_keeps_its_number_in_the_bytes() -> None:
    spec = {"axes": [], "workload": {"image": "app:1", "command": ["run"]}}
    first = a_plan(a_matrix(**spec, cells=[{"name": "a"}, {"name": "b"}]))
    plan = a_plan(a_matrix(**spec, cells=[{"name": "a"}]), previous=first)
    (old,) = load_plan(dump_plan(plan)).retired
    assert (old.copy, old.hash, old.first) == (1, first.cells[1].hash, first.cells[0].hash)
