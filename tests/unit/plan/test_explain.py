from __future__ import annotations

from typing import Any

from batchmatrix.model.cell import Plan
from batchmatrix.plan.explain import NOTHING, Explanation, Recorded, explain
from tests.support.specs import a_matrix, a_plan

WORKLOAD = {"image": "registry.example/app:1", "command": ["run", "--size", "$(size)"]}


def plan_of(**spec: Any) -> Plan:
    return a_plan(a_matrix(**{"trials": 3, **spec}))


def records(plan: Plan, **trials: int) -> Recorded:
    """The first so many trials of each named cell."""
    hashes = {cell.name: cell.hash for cell in plan.cells}
    return Recorded({(hashes[name], trial): "Succeeded" for name, count in trials.items() for trial in range(count)})


def told(found: Explanation) -> list[tuple[str, str, int | None]]:
    return [(one.cell.name, one.state, one.to_run) for one in found.cells]


def test_without_earlier_state_everything_is_new() -> None:
    found = explain(plan_of(), previous=None, recorded=NOTHING)
    assert told(found) == [("s8", "new", 3), ("s32", "new", 3)]
    assert found.removed == ()


def test_a_recorded_cell_is_done_and_a_cell_with_some_records_has_more_to_run() -> None:
    old = plan_of()
    found = explain(old, previous=old, recorded=records(old, s8=3, s32=1))
    assert told(found) == [("s8", "done", 0), ("s32", "more", 2)]
    assert [one.why for one in found.cells] == ["done: 3 trials recorded", "1 of 3 trials recorded, 2 to run"]


def test_more_trials_run_only_those_that_are_more() -> None:
    old = plan_of()
    found = explain(plan_of(trials=5), previous=old, recorded=records(old, s8=3, s32=3))
    assert told(found) == [("s8", "more", 2), ("s32", "more", 2)]


def test_records_of_trials_that_are_not_wanted_any_more_are_not_counted() -> None:
    old = plan_of()
    found = explain(plan_of(trials=2), previous=old, recorded=records(old, s8=3, s32=1))
    assert told(found) == [("s8", "done", 0), ("s32", "more", 1)]


def test_a_changed_timeout_runs_nothing_again_and_is_said() -> None:
    old = plan_of()
    new = plan_of(workload={**WORKLOAD, "timeout": "90m"})
    found = explain(new, previous=old, recorded=records(old, s8=3, s32=3))
    assert {one.state for one in found.cells} == {"done"}
    assert [str(change) for change in found.cells[0].changes] == ["timeout 1h -> 1h30m"]
    assert not found.cells[0].changes[0].runs


def test_a_changed_input_is_named() -> None:
    old = plan_of()
    new = plan_of(workload={**WORKLOAD, "image": "registry.example/app:2"})
    found = explain(new, previous=old, recorded=records(old, s8=3))
    assert told(found) == [("s8", "changed", 3), ("s32", "changed", 3)]
    assert found.cells[0].why == "changed: image registry.example/app:1 -> registry.example/app:2"
    assert found.removed == ()


def test_a_value_added_is_new_and_one_taken_away_is_removed_with_its_records() -> None:
    old = plan_of()
    new = plan_of(axes=[{"name": "size", "values": [8, 64]}])
    found = explain(new, previous=old, recorded=records(old, s8=3, s32=2))
    assert told(found) == [("s8", "done", 0), ("s64", "new", 3)]
    assert [(one.name, one.recorded) for one in found.removed] == [("s32", 2)]


def test_a_renamed_cell_keeps_its_results() -> None:
    cell = {"name": "first", "parameters": {"size": 8}}
    old = plan_of(axes=[], cells=[cell])
    new = plan_of(axes=[], cells=[{**cell, "name": "second"}])
    found = explain(new, previous=old, recorded=records(old, first=3))
    assert told(found) == [("second", "done", 0)]
    assert found.cells[0].was == "first"
    assert found.removed == ()


def test_an_edit_taken_back_finds_its_results_again() -> None:
    first = plan_of()
    edited = plan_of(workload={**WORKLOAD, "image": "registry.example/app:2"})
    found = explain(first, previous=edited, recorded=records(first, s8=3, s32=3))
    assert {one.state for one in found.cells} == {"done"}


def test_where_records_cannot_be_read_nothing_is_claimed() -> None:
    old = plan_of()
    blind = Recorded(whole=False)
    assert told(explain(old, previous=None, recorded=blind)) == [("s8", "unknown", None), ("s32", "unknown", None)]
    known = explain(plan_of(axes=[{"name": "size", "values": [8, 64]}]), previous=old, recorded=blind)
    assert told(known) == [("s8", "unchanged", None), ("s64", "new", 3)]
    assert known.cells[0].at_most == 3
    assert known.cells[0].acts


def test_a_cell_that_fits_no_node_is_blocked_and_still_an_outcome_to_come() -> None:
    axes = [{"name": "hardware", "values": ["h"]}]
    catalog = {"hardware": {"h": {"nodeLabels": {"a": "b"}}}}
    workload = {"image": "registry.example/app:1", "command": ["run"]}
    plan = a_plan(a_matrix(axes=axes, catalog=catalog, workload=workload), nodes=[])
    (found,) = explain(plan, previous=None, recorded=NOTHING).cells
    assert (found.state, found.to_run, found.acts) == ("blocked", 0, True)
    assert found.why.startswith("not placed: the cluster has no node")
    (again,) = explain(plan, previous=plan, recorded=records(plan, h=1)).cells
    assert not again.acts
