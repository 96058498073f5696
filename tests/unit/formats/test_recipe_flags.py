"""A triage from flags: the product of two axes, through the same rules as a file."""

from __future__ import annotations

from typing import Any

import pytest

from batchmatrix.formats.recipe import parse_recipe
from batchmatrix.formats.recipe_flags import Axes, recipe_from_flags
from tests.support.recipes import problems_of

_GIVEN: dict[str, Any] = {
    "workload": "fsdp",
    "mitigation_axis": "none,a,a+b",
    "environment_axis": "rocm,image:repo/x:1",
    "trials": 2,
}


def flags(**changes: Any) -> Axes:
    return Axes(**{**_GIVEN, **changes})


def refused(**changes: Any) -> list[str]:
    return [str(problem) for problem in problems_of(lambda: recipe_from_flags(flags(**changes)))]


def only(lines: list[str]) -> str:
    (line,) = lines
    return line


def test_flags_give_the_same_recipe_as_the_file_that_says_the_same() -> None:
    cells = [
        {"name": "none-rocm", "mitigations": ["none"], "environment": "rocm"},
        {"name": "none-_inline_e9f80e21", "mitigations": ["none"], "environment": {"docker": "repo/x:1"}},
        {"name": "a-rocm", "mitigations": ["a"], "environment": "rocm"},
        {"name": "a-_inline_e9f80e21", "mitigations": ["a"], "environment": {"docker": "repo/x:1"}},
        {"name": "a.b-rocm", "mitigations": ["a", "b"], "environment": "rocm"},
        {"name": "a.b-_inline_e9f80e21", "mitigations": ["a", "b"], "environment": {"docker": "repo/x:1"}},
    ]
    data = {
        "schema_version": 1,
        "ticket": "GPU-1",
        "workload": "fsdp",
        "trials": 2,
        "steps": 9,
        "confound": {"threshold": 1.5, "baseline_cell": "a-rocm"},
        "cells": cells,
    }
    given = flags(steps=9, ticket="GPU-1", baseline_cell="a-rocm", confound_threshold=1.5)
    assert recipe_from_flags(given) == parse_recipe(data)


def test_spaces_around_items_do_not_count() -> None:
    recipe = recipe_from_flags(flags(mitigation_axis=" none , a + b ", environment_axis=" rocm "))
    assert [cell.name for cell in recipe.cells] == ["none-rocm", "a.b-rocm"]
    assert recipe.cells[1].mitigations == ("a", "b")


def test_all_required_flags_are_missed_at_once() -> None:
    lines = [str(problem) for problem in problems_of(lambda: recipe_from_flags(Axes(ticket="x")))]
    assert [line.split(":")[0] for line in lines] == [
        "--workload",
        "--mitigation-axis",
        "--environment-axis",
        "--trials",
    ]


@pytest.mark.parametrize(
    ("changes", "flag"),
    [
        ({"trials": 0}, "--trials"),
        ({"trials": -1}, "--trials"),
        ({"steps": 0}, "--steps"),
        ({"steps": -5}, "--steps"),
        ({"workload": ""}, "--workload"),
        ({"ticket": ""}, "--ticket"),
        ({"confound_threshold": 0.0}, "--confound-threshold"),
        ({"confound_threshold": -0.5}, "--confound-threshold"),
        ({"confound_threshold": float("nan")}, "--confound-threshold"),
        ({"confound_threshold": float("inf")}, "--confound-threshold"),
        ({"baseline_cell": "nobody"}, "--baseline-cell"),
        ({"mitigation_axis": "none,../x"}, "--mitigation-axis"),
        ({"mitigation_axis": "none,a+a"}, "--mitigation-axis"),
        ({"mitigation_axis": "none,a,a"}, "--mitigation-axis"),
        ({"mitigation_axis": "none,,a"}, "--mitigation-axis"),
        ({"mitigation_axis": "none,a+"}, "--mitigation-axis"),
        ({"environment_axis": "a/b"}, "--environment-axis"),
        ({"environment_axis": "rocm,rocm"}, "--environment-axis"),
        ({"environment_axis": "image:"}, "--environment-axis"),
    ],
)
def test_the_rules_of_a_file_hold_for_flags_and_name_the_flag(changes: dict[str, Any], flag: str) -> None:
    assert only(refused(**changes)).startswith(f"{flag}: ")


@pytest.mark.parametrize("axis", ["mitigation_axis", "environment_axis"])
def test_an_empty_axis_is_refused(axis: str) -> None:
    assert any(line.startswith(f"--{axis.replace('_', '-')}: '' has an empty item") for line in refused(**{axis: ""}))


def test_two_cells_of_one_name_are_refused() -> None:
    line = only(refused(mitigation_axis="none,a.b,a+b", environment_axis="rocm"))
    assert "the name of a cell, 'a.b-rocm' is the name of an earlier cell" in line


def test_a_cells_name_that_is_too_long_is_refused() -> None:
    line = only(refused(mitigation_axis="none," + "a" * 60, environment_axis="rocm"))
    assert line.startswith("--mitigation-axis, --environment-axis: the name of a cell, ")


def test_axes_without_a_baseline_are_refused() -> None:
    assert "have no baseline" in only(refused(mitigation_axis="a,b"))
    assert recipe_from_flags(flags(mitigation_axis="a,b", baseline_cell="b-rocm")).baseline == "b-rocm"


def test_inline_images_are_named_in_the_flags_own_form() -> None:
    assert only(refused(environment_axis="a/b")).endswith("write one, or image:IMAGE")
