"""The container sees the values that the spec says; only workload.env names other variables."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchmatrix.base.errors import InvalidSpec
from batchmatrix.launch.job import job_manifest
from batchmatrix.model.launch import Launch, Tuning
from batchmatrix.model.v1alpha1.rules import literal
from tests.support.kubelet import expanded, seen_by_the_container
from tests.support.specs import REF, a_matrix, a_plan

HOSTILE = ("$(HOME)", "$$(X)", "a$b", "$", "$$", "$(BATCHMATRIX_TRIAL)", "$$$(A)", "$(A")


def seen(**spec: Any) -> dict[str, str]:
    """The environment of the first trial of the first cell."""
    cell = a_plan(a_matrix(**{"workload": {"image": "a:1"}, **spec})).cells[0]
    manifest = job_manifest(Launch(REF, 1, cell, 0, 0, Tuning(None)))
    return seen_by_the_container(manifest["spec"]["template"]["spec"]["containers"][0]["env"])


@pytest.mark.parametrize("text", HOSTILE)
def test_values_of_parameters_and_catalogs_and_cells_reach_the_container_as_they_are(text: str) -> None:
    got = seen(
        axes=[
            {"name": "size", "values": [text]},
            {"name": "environment", "values": ["e"]},
            {"name": "mitigation", "values": ["m"]},
        ],
        catalog={
            "environments": {"e": {"image": "a:1", "env": {"A": text}}},
            "mitigations": {"m": {"env": {"B": text}}},
        },
        overrides=[{"match": {}, "set": {"extraEnv": {"C": text}}}],
    )
    assert {name: got[name] for name in ("size", "A", "B", "C")} == dict.fromkeys(("size", "A", "B", "C"), text)


@given(st.text(alphabet="$()AB x", max_size=12))
def test_no_text_is_changed_on_its_way_through_the_kubelet(text: str) -> None:
    assert expanded(literal(text), {"A": "a", "B": "b", "": "nothing"}) == text


def test_what_the_plan_says_of_a_parameter_is_what_was_written() -> None:
    cell = a_plan(a_matrix(axes=[{"name": "size", "values": ["$(HOME)"]}])).cells[0]
    assert (cell.values, cell.parameters) == ({"size": "$(HOME)"}, {"size": "$(HOME)"})


def test_workload_env_names_what_stands_before_it() -> None:
    env = [
        {"name": "A", "value": "$(size)/$(BATCHMATRIX_TRIAL)"},
        {"name": "B", "value": "$(A) $(BATCHMATRIX_STEPS) $(M) $$(A)"},
    ]
    got = seen(
        axes=[{"name": "size", "values": [8]}, {"name": "mitigation", "values": ["m"]}],
        catalog={"mitigations": {"m": {"env": {"M": "$(size)"}}}},
        workload={"image": "a:1", "env": env},
        steps=5,
    )
    assert (got["A"], got["B"]) == ("8/0", "8/0 5 $(size) $(A)")


def problems(*env: tuple[str, str], **spec: Any) -> dict[str, str]:
    workload = {"image": "a:1", "env": [{"name": name, "value": value} for name, value in env]}
    with pytest.raises(InvalidSpec) as caught:
        a_plan(a_matrix(workload={**workload, **spec.pop("workload", {})}, **spec))
    return {problem.path: problem.message for problem in caught.value.problems}


def test_a_name_in_workload_env_that_nothing_sets_is_said_as_in_command() -> None:
    assert problems(("A", "x"), ("B", "$(sise)")) == {
        "spec.workload.env[1].value": (
            "$(sise) is set by nothing; define sise, or write $$(sise) for a literal $(sise)"
        )
    }


def test_a_name_of_a_later_variable_is_told_to_come_first() -> None:
    assert problems(("A", "$(B)"), ("B", "x")) == {
        "spec.workload.env[0].value": "$(B) is set after A; write it before A, or $$(B) for a literal $(B)",
    }


def test_a_variable_cannot_be_made_of_itself() -> None:
    assert problems(("A", "$(A):x")) == {
        "spec.workload.env[0].value": "$(A) is A itself, which has no value yet; rename one, or write $$(A) for a "
        "literal $(A)",
    }


def test_a_name_that_only_some_cells_set_is_said_with_one_that_does_not() -> None:
    said = problems(
        ("A", "$(M)"),
        axes=[{"name": "mitigation", "values": ["none", "m"]}],
        catalog={"mitigations": {"m": {"env": {"M": "1"}}}},
    )
    assert "not where mitigation=none" in said["spec.workload.env[0].value"]


def test_what_extra_env_replaces_need_name_nothing() -> None:
    got = seen(
        workload={"image": "a:1", "env": [{"name": "A", "value": "$(nothing)"}, {"name": "B", "value": "$(A)"}]},
        overrides=[{"match": {}, "set": {"extraEnv": {"A": "$(B)"}}}],
    )
    assert (got["A"], got["B"]) == ("$(B)", "$(B)")


def test_variables_of_a_config_map_cannot_be_judged() -> None:
    source = [{"configMapRef": {"name": "c"}}]
    a_plan(a_matrix(workload={"image": "a:1", "env": [{"name": "A", "value": "$(B)"}], "envFrom": source}))
