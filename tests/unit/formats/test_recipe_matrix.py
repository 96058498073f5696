"""A recipe as a matrix: the same cells, in the same order, with the same meaning."""

from __future__ import annotations

import pytest

from batchmatrix.base.errors import Problem
from batchmatrix.formats.recipe_matrix import matrix_name, recipe_matrix, recipe_problem, references
from batchmatrix.model.v1alpha1 import parse_matrix
from tests.support.recipes import a_recipe


def test_everything_that_a_recipe_says_is_in_its_matrix() -> None:
    recipe = a_recipe(
        confound={"threshold": 1.3, "baseline_cell": "calm"},
        cell1={"extra_env": {"MODE": "own"}, "trials": 9, "steps": 7},
    )
    obj = recipe_matrix(recipe, name="m", namespace="team")
    assert obj == {
        "apiVersion": "batchmatrix.dev/v1alpha1",
        "kind": "BatchMatrix",
        "metadata": {"name": "m", "namespace": "team"},
        "spec": {
            "ticket": "GPU-151",
            "cells": [
                {"name": "baseline-none", "mitigations": ["none"], "environment": "rocm"},
                {
                    "name": "calm",
                    "mitigations": ["calm"],
                    "environment": "rocm",
                    "extraEnv": {"MODE": "own"},
                    "trials": 9,
                    "steps": 7,
                },
                {"name": "stacked", "mitigations": ["slow", "loud"], "environment": {"image": "repo/x:1"}},
            ],
            "workload": {"ref": "fsdp"},
            "trials": 3,
            "steps": 50,
            "expect": {"outcome": "any"},
            "baseline": {"cell": "calm"},
            "confound": {"threshold": 1.3},
        },
    }
    assert parse_matrix(obj).to_dict() == obj


def test_what_a_recipe_leaves_out_is_left_out_but_for_threshold_and_baseline() -> None:
    spec = recipe_matrix(a_recipe(ticket=..., steps=None), name="m")["spec"]
    assert list(spec) == ["cells", "workload", "trials", "expect", "baseline", "confound"]
    assert (spec["baseline"], spec["confound"]) == ({"cell": "baseline-none"}, {"threshold": 1.15})


def test_a_triage_expects_cells_to_end_in_any_way() -> None:
    assert recipe_matrix(a_recipe(), name="m")["spec"]["expect"] == {"outcome": "any"}


@pytest.mark.parametrize(
    ("ticket", "workload", "name"),
    [
        ("GPU-151", "fsdp", "gpu-151-fsdp"),
        (None, "My_Work.load", "my-work-load"),
        ("T" * 40, "fsdp", "t" * 35),
        ("T" * 34, "fsdp", "t" * 34),
    ],
)
def test_a_matrix_is_named_after_ticket_and_workload(ticket: str | None, workload: str, name: str) -> None:
    assert matrix_name(a_recipe(ticket=ticket, workload=workload)) == name


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("spec.cells[3].mitigations", "cells[3].mitigations"),
        ("spec.cells[3].extraEnv.A", "cells[3].extra_env.A"),
        ("spec.cells", "cells"),
        ("spec.workload.ref", "workload"),
        ("spec.ticket", "ticket"),
        ("spec.trials", "trials"),
        ("spec.baseline.cell", "confound.baseline_cell"),
        ("spec.confound.threshold", "confound.threshold"),
        ("spec.catalog.environments.rocm", "catalog.environments.rocm"),
        ("metadata.name", "--name"),
        ("metadata.namespace", "--namespace"),
        ("elsewhere", "elsewhere"),
    ],
)
def test_a_problem_of_the_matrix_is_said_where_the_recipe_says_it(path: str, place: str) -> None:
    assert recipe_problem(Problem(path, "is wrong")) == Problem(place, "is wrong")


def test_a_problem_of_the_workload_is_said_at_its_name() -> None:
    found = recipe_problem(Problem("spec.workload.command[5]", "$(X) is set by nothing; or set spec.steps"))
    assert found == Problem("workload", "command[5]: $(X) is set by nothing; or set steps")


def test_values_of_users_stay_as_they_are_in_problems() -> None:
    message = "a cell's extraEnv has 'extraEnv' and \"spec.steps\"; set spec.steps"
    found = recipe_problem(Problem("spec.cells", message))
    assert found.message == "a cell's extra_env has 'extraEnv' and \"spec.steps\"; set steps"


def test_all_names_that_catalogs_must_know_are_listed_with_their_places() -> None:
    assert list(references(a_recipe())) == [
        ("workload", "workloads", "fsdp"),
        ("cells[0].mitigations", "mitigations", "none"),
        ("cells[0].environment", "environments", "rocm"),
        ("cells[1].mitigations", "mitigations", "calm"),
        ("cells[1].environment", "environments", "rocm"),
        ("cells[2].mitigations", "mitigations", "slow"),
        ("cells[2].mitigations", "mitigations", "loud"),
    ]
