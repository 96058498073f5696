"""The API types: what they take, what they refuse, and in which words."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from batchmatrix.base.errors import InvalidSpec
from batchmatrix.model.evidence import Outcome
from batchmatrix.model.v1alpha1 import (
    PYDANTIC_ONLY,
    RULES,
    BatchMatrix,
    MatrixCatalog,
    Spec,
    parse_catalog,
    parse_matrix,
    parse_object,
)
from batchmatrix.model.v1alpha1.parse import field_path
from batchmatrix.model.v1alpha1.rules import references
from tests.support.full_specs import CELLS_SPEC, FULL_CATALOG, FULL_SPEC, LATER_FIELDS, later_spec
from tests.support.refusals import ALLOWED, REFUSED, Refusal
from tests.support.specs import a_matrix, a_plan, catalog_object, matrix_object

RAW_WORDING = ("pydantic", "Input should", "validation error", "[type=", "Traceback", "Extra inputs")


def _read(refusal: Refusal) -> None:
    """Everything that stands between the object and its first Job."""
    found = parse_object(refusal.object())
    if refusal.planned and isinstance(found, BatchMatrix):
        a_plan(found)


@pytest.mark.parametrize("refusal", REFUSED, ids=lambda refusal: refusal.id)
def test_what_is_wrong_is_said_at_its_path_in_our_words(refusal: Refusal) -> None:
    with pytest.raises(InvalidSpec) as caught:
        _read(refusal)
    assert [(p.path, refusal.word in p.message) for p in caught.value.problems] == [(refusal.path, True)], str(
        caught.value
    )
    assert not any(word in str(caught.value) for word in RAW_WORDING)
    assert all(len(problem.message) <= 512 and "\n" not in problem.message for problem in caught.value.problems)


@pytest.mark.parametrize("refusal", [one for one in REFUSED if one.planned], ids=lambda refusal: refusal.id)
def test_what_takes_catalogs_is_not_said_before_there_are_any(refusal: Refusal) -> None:
    assert parse_matrix(refusal.object()).metadata.name == "demo"


def test_no_two_refusals_have_one_name() -> None:
    names = [refusal.id for refusal in REFUSED]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("name", ALLOWED)
def test_what_is_right_is_taken(name: str) -> None:
    obj = matrix_object()
    ALLOWED[name](obj)
    assert parse_matrix(obj).to_dict()["spec"].keys() == obj["spec"].keys()


def _fields(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[tuple[str, str]]:
    from batchmatrix.model.v1alpha1.wording import _models

    if model in seen:
        return
    seen.add(model)
    for field in model.model_fields.values():
        yield model.__name__, str(field.alias)
        for inner in _models(field.annotation):
            yield from _fields(inner, seen)


def _written(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _written(item)
    elif isinstance(value, list):
        for item in value:
            yield from _written(item)


def test_the_full_examples_have_every_field() -> None:
    every = {alias for _, alias in _fields(Spec, set())}
    assert every - {*_written(later_spec()), *_written(CELLS_SPEC)} == set()


def test_the_full_catalog_has_every_field() -> None:
    every = {alias for name, alias in _fields(MatrixCatalog, set()) if name not in ("MatrixCatalog", "ObjectMeta")}
    assert every - {*_written(FULL_CATALOG), *_written(later_spec())} == set()
    assert parse_catalog(catalog_object(**FULL_CATALOG)).spec.model_fields_set == set(FULL_CATALOG)


@pytest.mark.parametrize("spec", [FULL_SPEC, CELLS_SPEC], ids=["axes", "cells"])
def test_the_full_examples_come_back_as_they_were_written(spec: dict[str, Any]) -> None:
    obj = {**matrix_object(), "spec": copy.deepcopy(spec)}
    written = parse_matrix(obj).to_dict()
    if "resources" in obj["spec"]["workload"]:
        obj["spec"]["workload"]["resources"]["requests"]["cpu"] = "1"
    assert written == obj


def test_what_comes_later_is_refused_field_by_field() -> None:
    with pytest.raises(InvalidSpec) as caught:
        parse_matrix({**matrix_object(), "spec": later_spec()})
    refused = {problem.path for problem in caught.value.problems}
    assert refused == {f"spec.{path}" for path in LATER_FIELDS if path not in ("reuse.maxAge", "reuse.key")}


def test_every_problem_is_said_at_once() -> None:
    obj = matrix_object(trials=0, seed=-1, trails=1)
    with pytest.raises(InvalidSpec) as caught:
        parse_matrix(obj)
    assert {p.path for p in caught.value.problems} == {"spec.trials", "spec.seed", "spec.trails"}


def test_every_problem_between_fields_is_said_at_once() -> None:
    obj = matrix_object("A", axes=[{"name": "a", "values": [1, 1]}, {"name": "a", "values": [2]}])
    with pytest.raises(InvalidSpec) as caught:
        parse_matrix(obj)
    assert {p.path for p in caught.value.problems} == {
        "metadata.name",
        "spec.axes[1].name",
        "spec.axes[0].values[1]",
    }


def test_a_list_without_its_wrong_entries_is_not_called_too_short() -> None:
    with pytest.raises(InvalidSpec) as caught:
        parse_matrix(matrix_object(axes=[5]))
    assert [p.path for p in caught.value.problems] == ["spec.axes[0]"]


@pytest.mark.parametrize("inner", [lambda deep: [deep], lambda deep: {"image": deep}], ids=["lists", "objects"])
def test_what_is_nested_beyond_all_bounds_is_refused(inner: Callable[[Any], Any]) -> None:
    """The API server stores any depth where a schema leaves the type open."""
    deep: Any = 8
    for _ in range(5000):
        deep = inner(deep)
    obj = matrix_object()
    obj["spec"]["exclude"] = [{"size": deep}]
    with pytest.raises(InvalidSpec) as caught:
        parse_matrix(obj)
    assert [problem.path for problem in caught.value.problems] == ["spec.exclude[0].size"]
    assert "nested too deeply" in str(caught.value)


def test_problems_are_bounded() -> None:
    obj = matrix_object()
    obj["spec"].update({f"x{i}": 1 for i in range(500)})
    with pytest.raises(InvalidSpec) as caught:
        parse_matrix(obj)
    assert len(caught.value.problems) == 50


@pytest.mark.parametrize("bad", [{}, {"spec": 5}, {"spec": None}, {"metadata": "x", "kind": [], "spec": []}])
def test_an_object_of_another_shape_is_refused_in_our_words(bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidSpec) as caught:
        parse_matrix(bad)
    assert not any(word in str(caught.value) for word in RAW_WORDING)


def test_a_long_value_is_cut_in_the_message() -> None:
    with pytest.raises(InvalidSpec) as caught:
        parse_matrix(matrix_object(order="x" * 100_000))
    assert len(str(caught.value)) < 200


def test_a_control_sequence_does_not_survive_the_message() -> None:
    obj = matrix_object()
    obj["spec"]["\x1b[31mred"] = 1
    with pytest.raises(InvalidSpec) as caught:
        parse_matrix(obj)
    assert "\x1b" not in str(caught.value)


def test_defaults() -> None:
    spec = a_matrix().spec
    assert (spec.trials, spec.seed, spec.order, spec.parallelism) == (1, 0, "rounds", 100)
    assert spec.workload.timeout is None
    assert spec.pending.model_dump() == {
        "unschedulable": "5m",
        "image_pull": "15m",
        "invalid_image": "0s",
        "node_lost": "5m",
        "other": "5m",
    }
    assert (spec.logs.mode, spec.logs.limit_bytes) == ("auto", 2**30)
    assert (spec.store.name, spec.retention.jobs, spec.retention.jobs_ttl) == ("default", "failed", "1h")
    assert spec.placement.no_matching_node is None
    assert not spec.waits_for_nodes


def test_default_retries() -> None:
    retry = a_matrix().spec.retry
    rules = {outcome: retry.rule(outcome) for outcome in Outcome}
    assert {str(o): (r.limit, r.avoid_node, r.memory_factor) for o, r in rules.items() if r is not None} == {
        "OOMKilled": (1, False, "1.5"),
        "NodeLost": (3, True, "1"),
        "Evicted": (3, False, "1"),
        "Preempted": (10, False, "1"),
        "RateLimited": (10, False, "1"),
        "ImageError": (2, False, "1"),
        "UnexpectedExit": (0, False, "1"),
        "Timeout": (0, False, "1"),
        "Incomplete": (0, False, "1"),
        "LogLost": (0, False, "1"),
        "Interrupted": (0, False, "1"),
    }


def test_a_retry_rule_keeps_the_defaults_of_its_outcome() -> None:
    rule = a_matrix(retry={"NodeLost": {"limit": 1}}).spec.retry.rule("NodeLost")
    assert rule is not None
    assert (rule.limit, rule.avoid_node) == (1, True)


@pytest.mark.parametrize(
    ("value", "meant"),
    [(1.0, 1), (-0.0, 0), (1e3, 1000), (0.5, 0.5), (True, True), ("1.0", "1.0"), (2**63 - 1, 2**63 - 1)],
)
def test_values_of_an_axis_are_what_the_api_server_would_store(value: object, meant: object) -> None:
    (got,) = a_matrix(axes=[{"name": "size", "values": [value]}]).spec.axes[0].values
    assert (got, type(got)) == (meant, type(meant))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e19, None])
def test_values_without_a_json_form_are_refused(value: object) -> None:
    with pytest.raises(InvalidSpec, match=r"spec.axes\[0\].values\[0\]"):
        a_matrix(axes=[{"name": "size", "values": [value]}])


def test_a_key_that_is_no_text_is_refused() -> None:
    obj = matrix_object(catalog={"hardware": {True: {}}})
    with pytest.raises(InvalidSpec, match=r"spec\.catalog\.hardware: the key true is not a text"):
        parse_matrix(obj)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("$(a) $(b)", ["a", "b"]),
        ("$$(a) $$$(b)", ["b"]),
        ("$(a", []),
        ("$(cat file) $(a-b)", []),
        ("$a ${a}", []),
    ],
)
def test_references_are_those_of_the_kubelet(text: str, names: list[str]) -> None:
    assert references(text) == names


def test_references_cannot_be_judged_with_variables_from_a_config_map() -> None:
    workload = {"image": "a:1", "args": ["$(x)"], "envFrom": [{"configMapRef": {"name": "c"}}]}
    assert a_matrix(workload=workload).spec.workload.args == ("$(x)",)


def test_status_of_another_version_is_tolerated() -> None:
    obj = {**matrix_object(), "status": {"observedGeneration": 3, "fromTheFuture": {"x": 1}, "progress": "1/2"}}
    status = parse_matrix(obj).status
    assert (status.observed_generation, status.progress) == (3, "1/2")


def test_status_starts_with_no_generation() -> None:
    assert a_matrix().status.observed_generation == -1


def test_every_rule_has_an_example_that_it_refuses() -> None:
    silent = set(RULES)
    for refusal in REFUSED:
        try:
            matrix = BatchMatrix.model_validate(refusal.object())
        except ValueError:
            continue
        silent -= {name for name, rule in RULES.items() if list(rule(matrix))}
    assert silent == set()


def test_rules_of_ours_alone_are_said_with_their_meaning() -> None:
    assert all(text[0].isupper() and not text.endswith(".") for text in PYDANTIC_ONLY.values())


@pytest.mark.parametrize(
    ("location", "path"),
    [
        (("spec", "axes", 0, "values", 2), "spec.axes[0].values[2]"),
        (("spec", "catalog", "hardware", "h 1", "[key]"), 'spec.catalog.hardware["h 1"]'),
        ((), ""),
    ],
)
def test_field_paths(location: tuple[int | str, ...], path: str) -> None:
    assert field_path(location) == path


def _never(change: Callable[[], object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        change()


def test_what_was_read_cannot_be_changed() -> None:
    spec = a_matrix().spec
    _never(lambda: setattr(spec, "trials", 5))
