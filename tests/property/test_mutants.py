"""Whatever stands in an object, what is said of it is fit for its author."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings

from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.model.v1alpha1 import BatchMatrix, parse_object
from tests.support.mutants import mutants
from tests.support.specs import a_plan


def _problems(obj: dict[str, Any]) -> tuple[Problem, ...]:
    try:
        found = parse_object(obj)
        if isinstance(found, BatchMatrix):
            assert a_plan(found).cells
    except InvalidSpec as error:
        return error.problems
    return ()


@settings(max_examples=1000, deadline=None)
@given(mutants())
def test_a_wrong_object_is_refused_in_single_lines_and_a_right_one_is_planned(obj: dict[str, Any]) -> None:
    for problem in _problems(obj):
        assert problem.message
        assert len(problem.message) <= 512
        assert "\n" not in str(problem)
