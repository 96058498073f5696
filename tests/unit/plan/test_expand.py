"""The grid made into combinations."""

from __future__ import annotations

from typing import Any

import pytest

from batchmatrix.base.errors import InvalidSpec
from batchmatrix.model.v1alpha1 import Spec, parse_matrix
from batchmatrix.plan import expand as module
from batchmatrix.plan.expand import expand
from batchmatrix.plan.match import Rule, match_text
from tests.support.specs import a_matrix, matrix_object

AXES = [{"name": "a", "values": [1, 2]}, {"name": "b", "values": ["x", "y", "z"]}]


def a_spec(axes: list[dict[str, Any]] = AXES, **fields: Any) -> Spec:
    return a_matrix(axes=axes, workload={"image": "a:1"}, **fields).spec


def shown(spec: Spec) -> list[str]:
    return [" ".join(map(str, one.values.values())) for one in expand(spec, max_cells=1000).combinations]


def test_the_last_axis_is_fastest() -> None:
    assert shown(a_spec()) == ["1 x", "1 y", "1 z", "2 x", "2 y", "2 z"]


def test_values_stand_in_the_order_of_the_axes() -> None:
    assert [list(one.values) for one in expand(a_spec(), max_cells=6).combinations] == [["a", "b"]] * 6


def test_too_many_cells_are_refused_before_one_is_made() -> None:
    with pytest.raises(InvalidSpec) as caught:
        expand(a_spec(), max_cells=5)
    assert str(caught.value) == (
        "spec.axes: 2 x 3 values make 6 cells; this operator takes at most 5: remove values or axes"
    )


@pytest.mark.parametrize(
    ("axes", "cells"),
    [([50, 50, 50, 50, 50, 32], 10**10), ([64] * 8, 2**48), ([60, 60, 60, 60, 60, 2], 60**5 * 2)],
)
def test_a_grid_beyond_all_bounds_is_refused_without_making_one_combination(
    axes: list[int], cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(*_: object, **__: object) -> None:
        raise AssertionError("a combination was made")

    monkeypatch.setattr(module, "Combination", made)
    monkeypatch.setattr(module.itertools, "product", made)
    spec = a_spec([{"name": f"a{i}", "values": list(range(size))} for i, size in enumerate(axes)])
    with pytest.raises(InvalidSpec, match=f"make {cells} cells"):
        expand(spec, max_cells=100_000)


def test_cells_that_includes_make_count_too() -> None:
    include = [{"match": {"a": 9, "b": "x"}}, {"match": {"a": 9, "b": "y"}}]
    with pytest.raises(InvalidSpec, match=r"spec\.include: makes 8 cells; this operator takes at most 7"):
        expand(a_spec(include=include), max_cells=7)


# -- exclude ------------------------------------------------------------------------------------------------------


def test_a_rule_leaves_out_every_cell_that_it_fits() -> None:
    assert shown(a_spec(exclude=[{"b": "y"}, {"a": 2, "b": "z"}])) == ["1 x", "1 z", "2 x"]


def test_a_list_in_a_rule_means_alternatives() -> None:
    assert shown(a_spec(exclude=[{"a": [2], "b": ["x", "z"]}])) == ["1 x", "1 y", "1 z", "2 y"]


def test_what_is_left_out_is_told_with_the_first_rule_that_fits_it() -> None:
    found = expand(a_spec(exclude=[{"a": 1, "b": "x"}, {"b": "x"}]), max_cells=6).excluded
    assert [(one.values, one.rule) for one in found] == [({"a": 1, "b": "x"}, 0), ({"a": 2, "b": "x"}, 1)]


def test_rules_that_fit_nothing_are_told() -> None:
    found = expand(
        a_spec(exclude=[{"b": "q"}], overrides=[{"match": {"a": 1}, "set": {}}, {"match": {"a": 3}, "set": {}}]),
        max_cells=6,
    )
    assert found.unused == ["spec.exclude[0]", "spec.overrides[1]"]


STACKS = [{"name": "mitigation", "values": ["none", "tf32-off", ["tf32-off", "nccl-ring"]]}]


def test_a_stack_in_a_rule_is_written_as_a_list_in_a_list() -> None:
    assert shown(a_spec(STACKS, exclude=[{"mitigation": [["tf32-off", "nccl-ring"]]}])) == ["none", "tf32-off"]
    assert shown(a_spec(STACKS, exclude=[{"mitigation": ["tf32-off", "nccl-ring"]}])) == [
        "none", "tf32-off+nccl-ring",
    ]  # fmt: skip


def test_a_stack_of_one_is_the_mitigation_itself() -> None:
    assert shown(a_spec(STACKS, exclude=[{"mitigation": [["tf32-off"]]}])) == ["none", "tf32-off+nccl-ring"]


def test_the_order_inside_a_stack_counts() -> None:
    assert len(shown(a_spec(STACKS, exclude=[{"mitigation": [["nccl-ring", "tf32-off"]]}]))) == 3


def test_an_inline_image_is_left_out_by_the_same_image() -> None:
    axes = [{"name": "environment", "values": ["local", {"image": "b:1"}, {"image": "b:2"}]}]
    left = shown(a_spec(axes, exclude=[{"environment": {"image": "b:1"}}]))
    assert left[0] == "local"
    assert len(left) == 2


@pytest.mark.parametrize(("wanted", "left"), [(True, 1), ("true", 1), (1, 2), (8, 1), (8.0, 1), ("8", 1), ("8.0", 2)])
def test_a_value_fits_what_reaches_the_workload_as_the_same_text(wanted: object, left: int) -> None:
    values = [8, 9] if str(wanted).startswith("8") else [True, False]
    assert len(shown(a_spec([{"name": "a", "values": values}], exclude=[{"a": wanted}]))) == left


# -- include ------------------------------------------------------------------------------------------------------


def documented() -> list[dict[str, Any]]:
    """The example of GitHub's documentation, "Example: Expanding configurations", in our words."""
    axes = [{"name": "fruit", "values": ["apple", "pear"]}, {"name": "animal", "values": ["cat", "dog"]}]
    include = [
        {"match": {}, "set": {"parameters": {"color": "green"}}},
        {"match": {"animal": "cat"}, "set": {"parameters": {"color": "pink"}}},
        {"match": {"fruit": "apple"}, "set": {"parameters": {"shape": "circle"}}},
        {"match": {"fruit": "banana", "animal": "none"}},
        {"match": {"fruit": "banana", "animal": "cat"}},
    ]
    return [one.parameters for one in expand(a_spec(axes, include=include), max_cells=10).combinations]


def test_the_documented_example_of_including_gives_the_documented_cells() -> None:
    assert documented() == [
        {"fruit": "apple", "animal": "cat", "color": "pink", "shape": "circle"},
        {"fruit": "apple", "animal": "dog", "color": "green", "shape": "circle"},
        {"fruit": "pear", "animal": "cat", "color": "pink"},
        {"fruit": "pear", "animal": "dog", "color": "green"},
        {"fruit": "banana", "animal": "none"},
        {"fruit": "banana", "animal": "cat"},
    ]


def test_an_include_for_what_was_left_out_brings_it_back_at_the_end() -> None:
    spec = a_spec(exclude=[{"a": 1, "b": "x"}], include=[{"match": {"a": 1, "b": "x"}, "set": {"trials": 3}}])
    assert shown(spec) == ["1 y", "1 z", "2 x", "2 y", "2 z", "1 x"]
    assert [one.settings.trials for one in expand(spec, max_cells=6).combinations] == [None] * 5 + [3]


def test_a_made_cell_is_left_alone_by_later_includes_but_not_by_overrides() -> None:
    spec = a_spec(
        include=[{"match": {"a": 9, "b": "x"}}, {"match": {"b": "x"}, "set": {"trials": 3}}],
        overrides=[{"match": {"a": 9}, "set": {"steps": 5}}],
    )
    made = expand(spec, max_cells=10).combinations[-1]
    assert (made.settings.trials, made.settings.steps) == (None, 5)


def test_cells_made_with_other_parameters_are_two() -> None:
    include = [{"match": {"a": 9, "b": "x"}, "set": {"parameters": {"c": c}}} for c in (1, 2)]
    assert shown(a_spec(include=include))[6:] == ["9 x 1", "9 x 2"]


# -- overrides and cells ------------------------------------------------------------------------------------------


def test_a_later_override_wins_field_by_field() -> None:
    overrides = [
        {"match": {}, "set": {"trials": 2, "extraEnv": {"A": "1", "B": "1"}}},
        {"match": {"a": 1}, "set": {"trials": 3, "extraEnv": {"B": "2"}}},
    ]
    found = [one.settings for one in expand(a_spec(overrides=overrides), max_cells=6).combinations]
    assert (found[0].trials, found[0].extra_env) == (3, {"A": "1", "B": "2"})
    assert (found[5].trials, found[5].extra_env) == (2, {"A": "1", "B": "1"})


def test_a_cell_without_a_parameter_does_not_fit_a_match_on_it() -> None:
    obj = matrix_object(cells=[{"name": "a", "parameters": {"x": 1}}, {"name": "b"}], workload={"image": "a:1"})
    del obj["spec"]["axes"]
    found = expand(parse_matrix(obj).spec, max_cells=2).combinations
    assert [Rule({"x": 1}).fits(one.values) for one in found] == [True, False]


def test_a_match_is_shown_as_it_is_meant() -> None:
    assert match_text({"mitigation": ("none", ("a", "b")), "amp": True}) == "mitigation=none or a+b, amp=true"
