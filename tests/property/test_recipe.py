"""Whatever stands in a recipe: it is read, or refused in lines that name a place; never anything else."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.formats.recipe import Recipe, parse_recipe
from batchmatrix.formats.recipe_flags import Axes, recipe_from_flags
from batchmatrix.formats.recipe_matrix import matrix_name, recipe_matrix, recipe_problem
from batchmatrix.model.v1alpha1 import parse_matrix
from tests.support.recipes import recipe_data

KEYS = ("schema_version", "ticket", "workload", "trials", "steps", "confound", "cells")
CELL_KEYS = ("name", "mitigations", "environment", "extra_env", "trials", "steps")
PLACES = (*KEYS, "--name", "--namespace")

TEXTS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["none", "calm", "baseline-x", "..", "matrix.md", "a" * 64, "BATCHMATRIX_X", "A", "image:", "+", ","]
    ),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(TEXTS, st.sampled_from(["docker", *CELL_KEYS])), inner, max_size=3),
    ),
    max_leaves=6,
)


@st.composite
def recipes(draw: st.DrawFn) -> dict[str, Any]:
    """A good recipe with a few of its values changed, taken away or added."""
    data = copy.deepcopy(recipe_data(confound={"threshold": 1.2}))
    for _ in range(draw(st.integers(1, 3))):
        cell: dict[str, Any] = draw(
            st.sampled_from([one for one in data.get("cells", []) if isinstance(one, dict)] or [{}])
        )
        target, keys = draw(st.sampled_from([(data, KEYS), (cell, CELL_KEYS)]))
        key = draw(st.one_of(st.sampled_from(keys), TEXTS))
        if draw(st.booleans()):
            target[key] = draw(VALUES)
        else:
            target.pop(key, None)
        if not isinstance(data.get("cells"), list):
            break
    return data


def check(problems: tuple[Problem, ...], places: tuple[str, ...] | None = None) -> None:
    assert problems
    for problem in problems:
        assert problem.message
        assert len(str(problem).splitlines()) == 1
        assert places is None or problem.path.startswith(places), problem


@given(recipes())
@settings(max_examples=300, deadline=None)
def test_a_recipe_is_read_or_refused_in_words(data: dict[str, Any]) -> None:
    try:
        recipe = parse_recipe(data)
    except InvalidSpec as error:
        check(error.problems)
    else:
        as_a_matrix(recipe)


def as_a_matrix(recipe: Recipe) -> None:
    """What a recipe may say, a matrix may say, or the recipe's author is told where."""
    obj = recipe_matrix(recipe, name=matrix_name(recipe))
    try:
        matrix = parse_matrix(obj)
    except InvalidSpec as error:
        check(tuple(map(recipe_problem, error.problems)), PLACES)
    else:
        assert [cell.name for cell in matrix.spec.cells] == [cell.name for cell in recipe.cells]


@given(
    st.builds(
        Axes,
        workload=st.one_of(st.just("fsdp"), TEXTS),
        mitigation_axis=st.lists(TEXTS, min_size=1, max_size=3).map(",".join),
        environment_axis=st.lists(st.one_of(TEXTS, st.just("image:a:1")), min_size=1, max_size=3).map(",".join),
        trials=st.integers(-1, 3),
        steps=st.one_of(st.none(), st.integers(-1, 3)),
        ticket=st.one_of(st.none(), TEXTS),
        baseline_cell=st.one_of(st.none(), TEXTS),
        confound_threshold=st.one_of(st.none(), st.floats()),
    )
)
@settings(max_examples=150, deadline=None)
def test_flags_are_read_or_refused_at_a_flag(axes: Axes) -> None:
    try:
        recipe = recipe_from_flags(axes)
    except InvalidSpec as error:
        check(error.problems, ("--",))
    else:
        as_a_matrix(recipe)
