"""Triage recipes and catalogs for tests."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.formats.recipe import Recipe, parse_recipe
from batchmatrix.model.cell import MatrixRef, Plan
from batchmatrix.model.v1alpha1 import BatchMatrix
from batchmatrix.plan.build import build_plan

__all__ = ["CATALOG", "a_recipe", "plan_of", "problems_of", "recipe_data", "recipe_text"]

_RECIPE: dict[str, Any] = {
    "schema_version": 1,
    "ticket": "GPU-151",
    "workload": "fsdp",
    "trials": 3,
    "steps": 50,
    "cells": [
        {"name": "baseline-none", "mitigations": ["none"], "environment": "rocm"},
        {"name": "calm", "mitigations": ["calm"], "environment": "rocm"},
        {"name": "stacked", "mitigations": ["slow", "loud"], "environment": {"docker": "repo/x:1"}},
    ],
}

CATALOG = """\
mitigations:
  calm: {QUEUES: "1", MODE: calm}
  slow: {MODE: slow, LEVEL: "2"}
  loud: {LEVEL: "2"}
environments:
  rocm: {docker: "repo/rocm:6.4"}
  bare: {env: {A: "1"}}
workloads:
  fsdp:
    command: [python, train.py, --steps, $(BATCHMATRIX_STEPS)]
    metrics:
    - {name: step_time_ms, from: prefix, unit: ms}
"""
"""A catalog file: calm and slow disagree about MODE, slow and loud agree about LEVEL."""


def recipe_data(**changes: Any) -> dict[str, Any]:
    """A recipe of three cells as plain data, with keys replaced; `key=...` (Ellipsis) takes the key away.

    `cell0`, `cell1`, ... change keys of one cell in the same way.
    """
    data = copy.deepcopy(_RECIPE)
    for key, value in changes.items():
        if key.startswith("cell") and key[4:].isdigit():
            _change(data["cells"][int(key[4:])], value)
        else:
            _change(data, {key: value})
    return data


def _change(target: dict[str, Any], changes: dict[str, Any]) -> None:
    for key, value in changes.items():
        if value is ...:
            target.pop(key, None)
        else:
            target[key] = value


def recipe_text(**changes: Any) -> str:
    """The same as the YAML of a file."""
    text: str = yaml.safe_dump(recipe_data(**changes), sort_keys=False)
    return text


def a_recipe(**changes: Any) -> Recipe:
    """The same, read."""
    return parse_recipe(recipe_data(**changes))


def plan_of(matrix: BatchMatrix) -> Plan:
    """The plan of a matrix that stands by itself, with nodes unknown and nothing before it."""
    return build_plan(
        matrix,
        MatrixRef("elsewhere", "m", "uid"),
        generation=1,
        nodes=None,
        previous=None,
        order_seed="",
        now="2020-01-01T00:00:00Z",
        max_cells=100,
        service_accounts=frozenset(),
    )


def problems_of(call: Callable[[], object]) -> list[Problem]:
    """What is wrong with an input, which must be refused; each problem is one line that names its place."""
    with pytest.raises(InvalidSpec) as refused:
        call()
    for problem in refused.value.problems:
        assert problem.path
        assert problem.message
        assert "\n" not in str(problem)
    return list(refused.value.problems)
