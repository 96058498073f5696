"""Cells that run the very same keep their numbers over edits, and with them their records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from batchmatrix.model.cell import Plan
from tests.support.specs import a_matrix, a_plan


def named(*names: str, previous: Plan | None = None, **changes: Any) -> Plan:
    """A plan of cells that run the very same, by name."""
    cells = [{"name": name} for name in names]
    spec = {"axes": [], "cells": cells, "workload": {"image": "app:1", "command": ["run"]}, **changes}
    return a_plan(a_matrix(**spec), previous=previous)


def stacked(*mitigations: str, previous: Plan | None = None) -> Plan:
    """The same from an axis whose values differ in nothing but their names."""
    catalog = {"mitigations": {name: {"env": {"A": "1"}} for name in mitigations}}
    axes = [{"name": "mitigation", "values": list(mitigations)}]
    workload = {"image": "app:1", "command": ["run"]}
    return a_plan(a_matrix(axes=axes, catalog=catalog, workload=workload), previous=previous)


def copies(plan: Plan) -> dict[str, int]:
    return {cell.name: cell.copy for cell in plan.cells}


def test_without_an_earlier_plan_they_are_counted_in_order() -> None:
    plan = named("c", "a", "b")
    assert copies(plan) == {"c": 0, "a": 1, "b": 2}
    assert len({cell.hash for cell in plan.cells}) == 3


@pytest.mark.parametrize("names", [("b",), ("b", "a"), ("new", "b", "a"), ("a", "new", "b"), ("b", "a", "new")])
def test_who_stays_keeps_number_and_hash(names: Sequence[str]) -> None:
    first = named("a", "b")
    second = named(*names, previous=first)
    hashes = {cell.name: cell.hash for cell in first.cells}
    assert all(cell.hash == hashes[cell.name] for cell in second.cells if cell.name in hashes)
    assert len(set(copies(second).values())) == len(names)


def test_the_rest_take_the_lowest_free_numbers_in_order() -> None:
    plan = named("x", "b", "y", "z", previous=named("a", "b"))
    assert copies(plan) == {"x": 0, "b": 1, "y": 2, "z": 3}


def test_a_cell_that_comes_back_has_its_number_again() -> None:
    first = named("a", "b", "c")
    without = named("b", "c", previous=first)
    again = named("c", "new", "a", "b", previous=without)
    assert copies(again) == {"c": 2, "new": 3, "a": 0, "b": 1}
    assert [cell.name for cell in without.retired] == ["a"]


def test_its_name_says_more_than_a_place_that_another_left() -> None:
    first = named("a", "b")
    only = named("b", previous=named("a", previous=first))
    assert copies(only) == {"b": 1}


def test_it_takes_another_number_where_its_own_was_taken_meanwhile() -> None:
    first = named("a", "b")
    other = named("x", "b", previous=named("b", previous=first))
    assert copies(other) == {"x": 0, "b": 1}
    assert copies(named("x", "b", "a", previous=other)) == {"x": 0, "b": 1, "a": 2}


def test_a_cell_that_runs_something_else_begins_anew() -> None:
    first = named("a", "b")
    spec = {"cells": [{"name": "a"}, {"name": "b", "extraEnv": {"X": "1"}}]}
    assert copies(named(previous=first, **spec)) == {"a": 0, "b": 0}


def test_a_cell_whose_name_only_lost_its_digits_keeps_its_number() -> None:
    first = stacked("a.b", "a-b", "c")
    assert [cell.name for cell in first.cells][:2] != ["a-b", "a-b"]
    (second, _) = stacked("a-b", "c", previous=first).cells
    assert (second.name, second.hash) == ("a-b", first.cells[1].hash)


def test_many_that_are_all_renamed_keep_their_numbers_in_order() -> None:
    names = [f"n{at}" for at in range(200)]
    first = named(*names)
    renamed = named(*(f"m{at}" for at in range(len(names))), previous=first)
    assert [cell.hash for cell in renamed.cells] == [cell.hash for cell in first.cells]
