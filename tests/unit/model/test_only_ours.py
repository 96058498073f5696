"""The list of rules that the API server does not hold is whole, and none of them is made up."""

from __future__ import annotations

import pytest

from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.model.v1alpha1 import PYDANTIC_ONLY, BatchMatrix, parse_object
from tests.support.only_ours import WORDS, rule_of
from tests.support.refusals import REFUSED
from tests.support.specs import a_plan


def _problems(obj: dict[str, object]) -> list[Problem]:
    try:
        found = parse_object(obj)
        if isinstance(found, BatchMatrix):
            a_plan(found)
    except InvalidSpec as error:
        return list(error.problems)
    return []


def _dropped_by_the_server(problem: Problem) -> bool:
    return problem.message.startswith("is null;") and not problem.path.startswith(("spec.axes", "spec.exclude"))


OURS = {one.id: _problems(one.object()) for one in REFUSED if not one.server}


@pytest.mark.parametrize("refusal", OURS)
def test_what_the_server_takes_and_we_refuse_is_under_a_listed_rule(refusal: str) -> None:
    problems = [problem for problem in OURS[refusal] if not _dropped_by_the_server(problem)]
    assert [str(problem) for problem in problems if rule_of(problem) not in PYDANTIC_ONLY] == []


def test_every_listed_rule_is_seen_at_work() -> None:
    seen = {rule_of(problem) for problems in OURS.values() for problem in problems}
    assert set(PYDANTIC_ONLY) - seen == set()
    assert set(WORDS) == set(PYDANTIC_ONLY)
