"""Triage recipes, schema v1: what is read, and every rule that refuses something."""

from __future__ import annotations

import json
from typing import Any

import pytest

from batchmatrix.formats.recipe import Recipe, parse_recipe, read_recipe
from batchmatrix.model.v1alpha1 import InlineImage
from tests.support.recipes import a_recipe, problems_of, recipe_data, recipe_text


def refused(**changes: Any) -> list[str]:
    """Every problem of a recipe that is right but for `changes`, as a line."""
    return [str(problem) for problem in problems_of(lambda: parse_recipe(recipe_data(**changes)))]


def only(lines: list[str]) -> str:
    (line,) = lines
    return line


def test_a_recipe_is_read_as_it_is_written() -> None:
    recipe = a_recipe(
        confound={"threshold": 1.5, "baseline_cell": "calm"}, cell1={"extra_env": {"A": "1"}, "trials": 7}
    )
    assert (recipe.ticket, recipe.workload, recipe.trials, recipe.steps) == ("GPU-151", "fsdp", 3, 50)
    assert [cell.name for cell in recipe.cells] == ["baseline-none", "calm", "stacked"]
    assert recipe.cells[2].mitigations == ("slow", "loud")
    assert recipe.cells[2].environment == InlineImage("repo/x:1")
    assert (recipe.cells[1].extra_env, recipe.cells[1].trials, recipe.cells[1].steps) == ({"A": "1"}, 7, None)
    assert recipe.confound is not None
    assert (recipe.confound.threshold, recipe.baseline) == (1.5, "calm")


def test_json_and_yaml_say_the_same() -> None:
    from_yaml, _ = read_recipe(recipe_text(), source="r.yaml")
    from_json, _ = read_recipe(json.dumps(recipe_data(), indent=2), source="r.json")
    assert from_yaml == from_json == a_recipe()


def test_null_means_not_given_where_a_key_is_optional() -> None:
    recipe = a_recipe(ticket=None, confound=None, steps=None, cell0={"extra_env": None, "trials": None, "steps": None})
    assert (recipe.ticket, recipe.confound, recipe.steps) == (None, None, None)
    assert a_recipe(confound={"baseline_cell": None}).baseline == "baseline-none"


def test_an_inline_image_has_a_name_that_follows_from_the_image() -> None:
    # The digest was made with coreutils: printf repo/x:1 | b2sum -l 32
    recipe = a_recipe(cell1={"environment": {"docker": "repo/x:1"}})
    names = [cell.environment.name for cell in recipe.cells if isinstance(cell.environment, InlineImage)]
    assert names == ["_inline_e9f80e21", "_inline_e9f80e21"]


# -- version, keys, types -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [0, 2, "1", 1.5, True, None, [1]])
def test_another_schema_version_is_refused_and_nothing_else_is_said(version: object) -> None:
    line = only(refused(schema_version=version, trials="x", bogus=1))
    assert line.startswith("schema_version: ")
    assert "schema_version: 1" in line


@pytest.mark.parametrize("key", ["schema_version", "workload", "trials", "steps", "cells"])
def test_required_keys_are_missed(key: str) -> None:
    assert only(refused(**{key: ...})) == f"{key}: is required; add it"


@pytest.mark.parametrize("key", ["name", "mitigations", "environment"])
def test_required_keys_of_a_cell_are_missed(key: str) -> None:
    assert only(refused(cell1={key: ...})) == f"cells[1].{key}: is required; add it"


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"workloads": "fsdp"}, "workloads"),
        ({"inline_environments": []}, "inline_environments"),
        ({"confound": {"thresold": 1.2}}, "confound.thresold"),
        ({"cell1": {"resolved_mitigation_env": {}}}, "cells[1].resolved_mitigation_env"),
        ({"cell1": {"environment": {"docker": "a:1", "name": "b"}}}, "cells[1].environment"),
    ],
)
def test_unknown_keys_are_refused_at_every_level(changes: dict[str, Any], place: str) -> None:
    line = only(refused(**changes))
    assert line.startswith(f"{place}: ")
    assert "unknown" in line


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"workload": 5}, "workload"),
        ({"ticket": 151}, "ticket"),
        ({"trials": "3"}, "trials"),
        ({"trials": 1.5}, "trials"),
        ({"steps": []}, "steps"),
        ({"confound": 1.2}, "confound"),
        ({"confound": {"threshold": "1.2"}}, "confound.threshold"),
        ({"confound": {"baseline_cell": 1}}, "confound.baseline_cell"),
        ({"cells": {"a": 1}}, "cells"),
        ({"cells": ["a"]}, "cells[0]"),
        ({"cell1": {"name": 1}}, "cells[1].name"),
        ({"cell1": {"mitigations": "calm"}}, "cells[1].mitigations"),
        ({"cell1": {"mitigations": ["calm", 1]}}, "cells[1].mitigations"),
        ({"cell1": {"environment": 6.4}}, "cells[1].environment"),
        ({"cell1": {"environment": ["rocm"]}}, "cells[1].environment"),
        ({"cell1": {"environment": {"docker": 5}}}, "cells[1].environment"),
        ({"cell1": {"extra_env": ["A=1"]}}, "cells[1].extra_env"),
        ({"cell1": {"extra_env": {"A": 1}}}, "cells[1].extra_env.A"),
    ],
)
def test_a_wrong_type_is_refused_where_it_stands(changes: dict[str, Any], place: str) -> None:
    assert only(refused(**changes)).startswith(f"{place}: ")


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"trials": True}, "trials"),
        ({"steps": True}, "steps"),
        ({"confound": {"threshold": True}}, "confound.threshold"),
        ({"cell1": {"trials": True}}, "cells[1].trials"),
        ({"cell1": {"steps": True}}, "cells[1].steps"),
    ],
)
def test_true_is_no_number(changes: dict[str, Any], place: str) -> None:
    assert only(refused(**changes)).startswith(f"{place}: true is not a ")


def test_a_document_that_is_no_object_is_refused() -> None:
    (problem,) = problems_of(lambda: read_recipe("- a\n", source="r.yaml"))
    assert str(problem) == "r.yaml:1:1: is not an object; write one"


def test_a_file_that_is_neither_yaml_nor_json_is_refused_with_line_and_column() -> None:
    (problem,) = problems_of(lambda: read_recipe('{"schema_version": 1,\n "cells": [}', source="r.json"))
    assert problem.path.startswith("r.json:2:")


def test_a_file_with_two_recipes_is_refused() -> None:
    (problem,) = problems_of(lambda: read_recipe(f"{recipe_text()}---\n{recipe_text()}", source="r.yaml"))
    assert str(problem).startswith("r.yaml: holds 2 documents")


def test_every_problem_is_said_at_once_with_line_and_column() -> None:
    text = "schema_version: 1\nworkload: fsdp\ntrials: 0\nsteps: x\nodd: 1\ncells:\n- {name: a b, mitigations: []}\n"
    found = problems_of(lambda: read_recipe(text, source="r.yaml"))
    assert {problem.path for problem in found} == {
        "r.yaml:3:1: trials",
        "r.yaml:4:1: steps",
        "r.yaml:5:1: odd",
        "r.yaml:7:4: cells[0].name",
        "r.yaml:7:15: cells[0].mitigations",
        "r.yaml:7:3: cells[0].environment",
    }


# -- values -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["trials", "steps"])
@pytest.mark.parametrize("value", [0, -1, -5])
def test_trials_and_steps_are_positive(key: str, value: int) -> None:
    assert only(refused(**{key: value})) == f"{key}: {value} is too small; write 1 or more"
    assert only(refused(cell2={key: value})) == f"cells[2].{key}: {value} is too small; write 1 or more"


@pytest.mark.parametrize("value", [0, -1, -0.5])
def test_the_threshold_is_positive(value: float) -> None:
    line = only(refused(confound={"threshold": value}))
    assert line.startswith(f"confound.threshold: {value} is too small")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_the_threshold_is_a_number_to_compare_with(value: float) -> None:
    assert only(refused(confound={"threshold": value})).endswith("is not a number to compare with; write a finite one")


def test_the_threshold_is_1_15_if_nobody_says_another() -> None:
    confound = a_recipe(confound={}).confound
    assert confound is not None
    assert confound.threshold == 1.15


@pytest.mark.parametrize("key", ["workload", "ticket"])
def test_workload_and_ticket_are_not_empty(key: str) -> None:
    assert only(refused(**{key: ""})).startswith(f"{key}: '' ")


def test_there_is_at_least_one_cell() -> None:
    assert only(refused(cells=[])).startswith("cells: ")


def test_a_cell_names_at_least_one_mitigation() -> None:
    line = only(refused(cell1={"mitigations": []}))
    assert line == "cells[1].mitigations: is an empty list; write [none] for a cell without mitigation"


def test_a_mitigation_is_not_stacked_on_itself() -> None:
    assert (
        only(refused(cell1={"mitigations": ["calm", "calm"]})) == "cells[1].mitigations: holds 'calm' twice; remove one"
    )


@pytest.mark.parametrize(
    ("right", "wrong", "path"),
    [
        ({"mitigations": ["x" * 63]}, {"mitigations": ["x" * 64]}, "mitigations"),
        ({"mitigations": [*"abcdefgh"]}, {"mitigations": [*"abcdefghi"]}, "mitigations"),
        ({"environment": "x" * 63}, {"environment": "x" * 64}, "environment"),
        ({"environment": {"docker": "x" * 512}}, {"environment": {"docker": "x" * 513}}, "environment"),
    ],
)
def test_bounds_of_a_cell_are_those_of_a_matrix(right: dict[str, Any], wrong: dict[str, Any], path: str) -> None:
    a_recipe(cell1=right)
    assert only(refused(cell1=wrong)).startswith(f"cells[1].{path}: ")


def test_the_threshold_is_at_most_1000() -> None:
    a_recipe(confound={"threshold": 1000.0})
    assert only(refused(confound={"threshold": 1000.5})).startswith("confound.threshold: 1000.5 is too large")


def test_an_inline_image_is_not_empty() -> None:
    for image in ("", " ", "-x", "a b", None):
        line = only(refused(cell1={"environment": {"docker": image}}))
        assert line.startswith("cells[1].environment: docker: ")
        assert "is no image" in line
    assert "is no image" in only(refused(cell1={"environment": {}}))


def test_extra_env_has_names_of_variables() -> None:
    assert only(refused(cell1={"extra_env": {"1A": "x"}})).startswith('cells[1].extra_env["1A"]: ')


# -- names --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["../escape", "a/b", "a\\b", ".", "..", "-leading", "--flag", "white space", "tab\there", "", "a:b", "ü", "x" * 64],
)
def test_a_cells_name_is_safe_in_paths_and_shells(name: str) -> None:
    assert any(line.startswith("cells[1].name: ") for line in refused(cell1={"name": name}))


@pytest.mark.parametrize("key", ["ticket", "workload"])
@pytest.mark.parametrize("name", ["..", ".", "a/b", "-x", "a b"])
def test_ticket_and_workload_are_safe_in_paths(key: str, name: str) -> None:
    assert only(refused(**{key: name})).startswith(f"{key}: ")


@pytest.mark.parametrize("name", ["matrix.md", "matrix.json"])
def test_names_of_results_are_reserved(name: str) -> None:
    assert only(refused(cell1={"name": name})) == f"cells[1].name: '{name}' is reserved; rename the cell"


@pytest.mark.parametrize("name", ["PROJ_1.fix-cell", "a", "0", "x" * 63])
def test_a_cells_name_may_be_readable(name: str) -> None:
    assert a_recipe(cell1={"name": name}).cells[1].name == name


def test_two_cells_do_not_share_a_name() -> None:
    line = only(refused(cell2={"name": "calm"}))
    assert line == "cells[2].name: 'calm' is the name of an earlier cell; rename one of them"


@pytest.mark.parametrize(("first", "second"), [("calm", "CALM"), ("CALM", "calm"), ("Calm", "cAlm")])
def test_names_of_cells_differ_by_more_than_case(first: str, second: str) -> None:
    line = only(refused(cell1={"name": first}, cell2={"name": second}))
    assert line == f"cells[2].name: {second!r} differs from {first!r} by case alone; rename one of them"


def test_environments_whose_folders_would_be_the_same_are_refused() -> None:
    lines = refused(cell0={"environment": "a/b"}, cell1={"environment": "a:b"}, cell2={"environment": "Rocm"})
    assert "cells[1].environment: 'a:b' and 'a/b' would share the folder 'a_b'; rename one of them" in lines
    line = only(refused(cell1={"environment": "Rocm"}))
    assert line == "cells[1].environment: 'Rocm' and 'rocm' would share the folder 'rocm'; rename one of them"


def test_two_images_with_the_same_short_name_are_refused() -> None:
    one, two = IMAGES
    assert InlineImage(one).name == InlineImage(two).name
    line = only(refused(cell1={"environment": {"docker": one}}, cell2={"environment": {"docker": two}}))
    assert line.startswith(f"cells[2].environment: '{two}' and '{one}' would share the folder '_inline_")


IMAGES = ("repo/x:13242", "repo/x:92900")
"""Two references with the same 32 bits of BLAKE2b, found by trying."""


@pytest.mark.parametrize("name", ["a/b", "a:b", "../x", "-x", "_inline_0a1b2c3d"])
def test_an_environment_has_a_name_that_a_catalog_can_have(name: str) -> None:
    assert any(line.startswith("cells[1].environment: ") for line in refused(cell1={"environment": name}))


# -- baseline -----------------------------------------------------------------------------------------------------


def _baseline(**changes: Any) -> str:
    recipe: Recipe = a_recipe(**changes)
    return recipe.baseline


def test_the_baseline_is_the_cell_that_is_named() -> None:
    assert _baseline(confound={"baseline_cell": "stacked"}) == "stacked"


def test_else_the_first_cell_named_so_is_the_baseline() -> None:
    assert _baseline(cell0={"name": "x"}, cell2={"name": "baseline-late"}) == "baseline-late"
    # nothing but the whole prefix makes one: cell 0 has no mitigation
    for name in ("baseline", "baselines", "Baseline-x", "x-baseline-x", "base-line-x"):
        assert _baseline(cell0={"name": "x"}, cell2={"name": name}) == "x"


def test_else_the_first_cell_without_mitigation_is_the_baseline() -> None:
    assert _baseline(cell0={"name": "x", "mitigations": ["none", "calm"]}, cell2={"mitigations": ["none"]}) == "stacked"


def test_else_the_only_cell_is_the_baseline() -> None:
    assert _baseline(cells=[{"name": "x", "mitigations": ["calm"], "environment": "rocm"}]) == "x"


def test_a_baseline_that_is_no_cell_is_refused() -> None:
    line = only(refused(confound={"baseline_cell": "nobody"}))
    assert line == "confound.baseline_cell: 'nobody' is no cell; write one of: baseline-none, calm, stacked"


def test_where_no_cell_has_a_name_none_is_offered_as_the_baseline() -> None:
    lines = refused(confound={"baseline_cell": "x"}, cells=[{"mitigations": ["none"], "environment": "rocm"}])
    assert "confound.baseline_cell: 'x' is no cell; there is none with a name; add one" in lines


def test_several_cells_without_a_baseline_are_refused() -> None:
    line = only(refused(cell0={"name": "x", "mitigations": ["slow"]}))
    assert line.startswith("cells: have no baseline")
