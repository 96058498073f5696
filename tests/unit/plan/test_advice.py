from __future__ import annotations

from typing import Any

import pytest

from batchmatrix.plan.advice import warnings
from batchmatrix.plan.expand import expand
from tests.support.specs import a_matrix

AXES = [{"name": "mitigation", "values": ["none", ["a", "b"]]}, {"name": "size", "values": [8, 32]}]
METRICS = [{"name": "t", "from": "prefix"}]


def advice(**fields: Any) -> list[str]:
    spec = a_matrix(**{"axes": AXES, **fields}).spec
    return [str(problem) for problem in warnings(spec, expand(spec, max_cells=100))]


def test_a_matrix_in_which_everything_does_something_is_left_alone() -> None:
    assert advice(exclude=[{"size": 8, "mitigation": "none"}], overrides=[{"set": {"trials": 2}}]) == []


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"exclude": [{"size": 9}]}, "spec.exclude[0]"),
        ({"overrides": [{"match": {"mitigation": ["a", "b"]}, "set": {}}]}, "spec.overrides[0]"),
        ({"catalog": {"environments": {"idle": {}}}}, "spec.catalog.environments.idle"),
        ({"catalog": {"workloads": {"idle": {}}}}, "spec.catalog.workloads.idle"),
    ],
)
def test_what_does_nothing_is_said_at_its_path(fields: dict[str, Any], path: str) -> None:
    (line,) = advice(**fields)
    assert line.startswith(f"{path}: ")


def test_an_entry_is_used_by_an_axis_an_include_or_a_cell() -> None:
    catalog = {"mitigations": {name: {"env": {"A": "1"}} for name in ("a", "c")}, "hardware": {"h": {}}}
    include = [{"match": {"mitigation": "c", "size": 1}}]
    assert advice(catalog=catalog, include=include) == [
        "spec.catalog.hardware.h: is used by nothing in this matrix; use it or remove it"
    ]
    cells = [{"name": "one", "mitigations": ["a", "c"], "hardware": "h"}]
    workload = {"image": "a:1"}
    assert advice(axes=[], cells=cells, catalog=catalog, workload=workload) == []


@pytest.mark.parametrize(
    ("when", "count"), [({"size": 9}, 1), ({"size": 8}, 0), ({"mode": "slow"}, 0), ({"mode": "fast"}, 1)]
)
def test_a_when_is_held_against_cells_and_labels(when: dict[str, Any], count: int) -> None:
    check = {"metric": "t", "max": 1, "when": when}
    assert len(advice(metrics=METRICS, labels={"mode": "slow"}, checks=[check])) == count


def test_only_a_later_exclude_is_told_of_earlier_ones() -> None:
    assert advice(exclude=[{"size": 9}, {"size": 10}]) == [
        "spec.exclude[0]: fits no cell; correct its values or remove it",
        "spec.exclude[1]: fits no cell that an earlier rule leaves; correct its values or remove it",
    ]


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"exclude": [{"mitigation": ["a", "b"]}]}, "spec.exclude[0]: fits no cell; correct its values or remove it"),
        (
            {"overrides": [{"match": {"mitigation": ["a", "b"], "size": 8}, "set": {}}]},
            "spec.overrides[0]: fits no cell; correct its values or remove it",
        ),
    ],
)
def test_mitigations_that_are_there_as_a_stack_alone_are_told_how_to_write_it(
    fields: dict[str, Any], line: str
) -> None:
    assert advice(**fields) == [f"{line}; a stack is written [[a, b]]"]


@pytest.mark.parametrize("value", [["a", "c"], ["none", "a", "b"], ["b", "a"], [["a", "c"]]])
def test_other_lists_of_mitigations_are_not_called_stacks(value: list[Any]) -> None:
    lines = advice(overrides=[{"match": {"mitigation": value, "size": 9}, "set": {}}])
    assert lines == ["spec.overrides[0]: fits no cell; correct its values or remove it"]
