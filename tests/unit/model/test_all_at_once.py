"""What is wrong by itself does not hide what is wrong besides; and nothing is said that only follows from it."""

from __future__ import annotations

from typing import Any

import pytest

from batchmatrix.base.errors import InvalidSpec
from batchmatrix.model.v1alpha1 import parse_entries, parse_matrix
from batchmatrix.model.v1alpha1.remainder import Remainder
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


def test_a_missing_field_does_not_hide_problems_between_others() -> None:
    obj = matrix_object("Bad_Name")
    del obj["spec"]["workload"]
    assert paths(obj) == {"metadata.name", "spec.workload"}


def test_rules_that_rest_on_fields_are_rules() -> None:
    assert set(_RESTS_ON) <= set(RULES)


def test_a_wrong_item_of_a_list_does_not_hide_its_siblings() -> None:
    axes = [{"name": "size", "values": [[], 8, "8"]}, {"name": "BATCHMATRIX_X", "values": [1]}]
    metrics = [{"name": "t"}, {"name": "u", "from": "json", "pattern": "x"}]
    obj = matrix_object(axes=axes, exclude=[{}, {"sise": 8}], metrics=metrics)
    obj["spec"]["overrides"] = [{"match": {}}, {"match": {"size": []}, "set": {}}, {"match": {"sise": 8}, "set": {}}]
    assert paths(obj) == {
        "spec.axes[0].values[0]",
        "spec.axes[0].values[2]",
        "spec.axes[1].name",
        "spec.exclude[0]",
        "spec.exclude[1].sise",
        "spec.metrics[0].from",
        "spec.metrics[1].pattern",
        "spec.overrides[0].set",
        "spec.overrides[1].match.size",
        "spec.overrides[2].match.sise",
    }


def test_an_axis_of_which_every_value_is_wrong_hides_only_what_rests_on_it() -> None:
    axes = [{"name": "size", "values": [[]]}, {"name": "mode", "values": ["a", "a"]}]
    assert paths(matrix_object(axes=axes, exclude=[{"size": 8}])) == {
        "spec.axes[0].values[0]",
        "spec.axes[1].values[1]",
    }


def test_a_null_hides_nothing_else() -> None:
    axes = [{"name": "size", "values": [None, 8, "8"]}, {"name": None, "values": [[]]}]
    obj = matrix_object("Bad_Name", axes=axes, trials=0, steps=None, exclude=[{"size": 1}], seed="\x00")
    obj["spec"]["cells"] = [None, {"name": "a"}]
    assert paths(obj) == {
        "metadata.name",
        "spec.axes[0].values[0]",
        "spec.axes[0].values[2]",
        "spec.axes[1].name",
        "spec.axes[1].values[0]",
        "spec.cells[0]",
        "spec.seed",
        "spec.steps",
        "spec.trials",
    }


def test_a_null_is_said_once_and_not_as_missing_too() -> None:
    obj = matrix_object(axes=[{"name": None, "values": [8]}], workload=None)
    with pytest.raises(InvalidSpec) as caught:
        parse_matrix(obj)
    assert [str(problem) for problem in caught.value.problems] == [
        "spec.axes[0].name: is null; give a value or remove the field",
        "spec.workload: is null; give a value or remove the field",
    ]


def test_in_catalogs_a_null_hides_nothing_else() -> None:
    obj = {"mitigations": {"a": {"env": None}, "b": {"env": {"A": 1}}}, "hardware": None}
    with pytest.raises(InvalidSpec) as caught:
        parse_entries(obj)
    assert {problem.path for problem in caught.value.problems} == {
        "mitigations.a.env",
        "mitigations.b.env.A",
        "hardware",
    }


def test_a_key_that_is_no_text_hides_nothing_else() -> None:
    obj = matrix_object(trials=0)
    obj["spec"][True] = 1
    obj["spec"]["workload"]["im\x00age"] = 1
    assert paths(obj) == {"spec", "spec.trials", "spec.workload"}


def test_places_of_what_is_left_lead_back_to_the_object() -> None:
    obj = {"a": [0, 1, {"b[0]": [5, 6, 7]}], "c": 1}
    left = Remainder(obj, [("a", 0), ("a", 2, "b[0]", 1), ("c",)])
    assert left.data == {"a": [1, {"b[0]": [5, 7]}]}
    assert left.place(("a", 1, "b[0]", 1)) == ("a", 2, "b[0]", 2)
    assert left.path('a[1]["b[0]"][1].x') == 'a[2]["b[0]"][2].x'
    assert left.path("a[0]") == "a[1]"
    assert obj == {"a": [0, 1, {"b[0]": [5, 6, 7]}], "c": 1}


def test_an_object_that_lacks_what_it_needs_hides_nothing_outside_of_it() -> None:
    hardware = {"h": {"resource": {"name": "cpu"}}, "i": {"tolerations": [{"value": "x"}]}}
    assert paths(matrix_object("Bad_Name", catalog={"hardware": hardware})) == {
        "metadata.name",
        "spec.catalog.hardware.h.resource.name",
        "spec.catalog.hardware.i.tolerations[0]",
    }


def test_items_after_a_null_keep_their_numbers() -> None:
    axes = [{"name": "size", "values": [None, 8, [], "8"]}]
    assert paths(matrix_object(axes=axes)) == {f"spec.axes[0].values[{index}]" for index in (0, 2, 3)}
