"""What is wrong by itself does not hide what is wrong besides; and nothing is said that only follows from it."""

from __future__ import annotations

from typing import Any

import pytest

from batchmatrix.base.errors import InvalidSpec
from batchmatrix.model.v1alpha1 import parse_matrix
from batchmatrix.model.v1alpha1.rules import _RESTS_ON, RULES
from tests.support.specs import matrix_object


def paths(obj: dict[str, Any]) -> set[str]:
    with pytest.raises(InvalidSpec) as caught:
        parse_matrix(obj)
    return {problem.path for problem in caught.value.problems}


def test_a_wrong_field_does_not_hide_problems_between_others() -> None:
    axes = [{"name": "size", "values": [8, "8"]}]
    obj = matrix_object("Bad_Name", axes=axes, trials="five", exclude=[{"sise": 8}])
    obj["spec"]["workload"].update(image="a b", comand=["x"])
    assert paths(obj) == {
        "metadata.name",
        "spec.axes[0].values[1]",
        "spec.exclude[0].sise",
        "spec.trials",
        "spec.workload.comand",
        "spec.workload.image",
    }


@pytest.mark.parametrize(
    ("wrong", "follows"),
    [
        ({"axes": [{"name": "size", "values": [[]]}], "exclude": [{"size": 8}]}, "spec.exclude[0].size"),
        ({"axes": "none"}, "spec"),
        ({"metrics": [{"name": "t"}], "checks": [{"metric": "t", "max": 1}]}, "spec.checks[0].metric"),
        ({"baseline": {"match": []}}, "spec.baseline"),
        ({"reuse": {"scope": "all", "maxAge": "1h"}}, "spec.reuse"),
        (
            {"labels": {"mode": 5}, "checks": [{"metric": "t", "max": 1, "when": {"mode": "x"}}]},
            "spec.checks[0].when.mode",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_only_follows_from_a_wrong_field_is_not_said(wrong: dict[str, Any], follows: str) -> None:
    assert follows not in paths(matrix_object(**wrong))


def test_a_volume_that_is_wrong_is_not_called_missing_where_it_is_mounted() -> None:
    obj = matrix_object()
    obj["spec"]["workload"].update(
        volumes=[{"name": "a", "hostPath": {}}], volumeMounts=[{"name": "a", "mountPath": "/a"}]
    )
    assert paths(obj) == {"spec.workload.volumes[0].hostPath"}


def test_where_too_much_is_missing_only_the_fields_are_spoken_of() -> None:
    obj = matrix_object("Bad_Name")
    del obj["spec"]["workload"]
    assert paths(obj) == {"spec.workload"}


def test_rules_that_rest_on_fields_are_rules() -> None:
    assert set(_RESTS_ON) <= set(RULES)
