"""Catalogs put together, and what only shows once their entries are written into the spec."""

from __future__ import annotations

from typing import Any

import pytest

from batchmatrix.base.errors import InvalidSpec
from batchmatrix.model.v1alpha1 import Entries, parse_entries
from batchmatrix.plan.builtin import BUILT_IN
from batchmatrix.plan.catalogs import INLINE, catalogs_of, merge, self_contained
from tests.support.specs import a_matrix


def entries(**kinds: Any) -> Entries:
    return parse_entries(kinds)


def problems(matrix: Any, *others: tuple[str, Entries]) -> list[str]:
    with pytest.raises(InvalidSpec) as caught:
        self_contained(matrix, catalogs_of(matrix, [("built-in", BUILT_IN), *others]))
    return [str(problem) for problem in caught.value.problems]


def test_every_entry_knows_where_it_was_written() -> None:
    one, other = entries(mitigations={"a": {}}), entries(hardware={"h": {}})
    found = merge([("file one.yaml", one), (INLINE, other)])
    assert (found.mitigations["a"].source, found.hardware["h"].source) == ("file one.yaml", "inline")


def test_the_same_entry_in_two_catalogs_is_no_clash_and_is_the_first_ones() -> None:
    same = entries(mitigations={"a": {"env": {"A": "1"}}})
    assert merge([("one", same), ("two", same)]).mitigations["a"].source == "one"


def test_entries_that_differ_by_description_alone_are_no_clash_and_the_first_description_stays() -> None:
    for kind, contents in (
        ("mitigations", {"env": {"A": "1"}}),
        ("environments", {"image": "a:1"}),
        ("hardware", {"nodeLabels": {"a": "b"}}),
        ("workloads", {"image": "a:1"}),
    ):
        one, other, bare = (
            entries(**{kind: {"a": {**contents, **said}}})
            for said in ({"description": "One."}, {"description": "Other."}, {})
        )
        found = getattr(merge([("one", one), ("other", other), ("bare", bare)]), kind)["a"]
        assert (found.source, found.value.description) == ("one", "One.")


def test_a_name_that_stands_for_different_things_is_refused_with_both_places() -> None:
    one, other = (entries(mitigations={"a": {"env": {"A": value}}}) for value in "12")
    with pytest.raises(InvalidSpec) as caught:
        merge([("file one.yaml", one), ("MatrixCatalog team", other)])
    assert str(caught.value) == (
        "MatrixCatalog team: mitigations: 'a' is in two catalogs with different contents: file one.yaml and "
        "MatrixCatalog team; rename one of them"
    )


def test_a_name_may_stand_for_different_kinds_of_things() -> None:
    found = merge([("one", entries(mitigations={"a": {}}, hardware={"a": {}}))])
    assert set(found.mitigations) == set(found.hardware) == {"a"}


def test_entries_from_outside_count_into_the_size_of_the_spec() -> None:
    large = entries(mitigations={"m": {"env": {f"A{i}": "x" * 16_000 for i in range(9)}}})
    matrix = a_matrix(axes=[{"name": "mitigation", "values": ["m"]}], workload={"image": "a:1"})
    (problem,) = problems(matrix, ("MatrixCatalog team", large))
    assert problem.startswith("spec: has 144")
    assert "at most 131072 are taken" in problem


def test_more_entries_than_a_resolved_file_can_hold_are_refused() -> None:
    first = entries(mitigations={f"a{i}": {"env": {f"A{i}": "1"}} for i in range(64)})
    second = entries(mitigations={"b": {}})
    values: list[Any] = [*(f"a{i}" for i in range(63)), ["a63", "b"]]
    matrix = a_matrix(axes=[{"name": "mitigation", "values": values}], workload={"image": "a:1"})
    assert problems(matrix, ("one", first), ("two", second)) == [
        "spec: uses 65 mitigations; at most 64 are taken: split the matrix"
    ]


def test_what_the_matrix_says_itself_replaces_what_the_named_workload_says() -> None:
    named = entries(workloads={"app": {"image": "app:1", "command": ["app"], "args": ["--fast"], "timeout": "5m"}})
    matrix = a_matrix(workload={"ref": "app", "command": ["other"], "imagesByNode": [
        {"nodeLabels": {"a": "b"}, "image": "b:1"},
    ]})  # fmt: skip
    workload = self_contained(matrix, catalogs_of(matrix, [("team", named)])).spec.workload
    assert (workload.command, workload.args, workload.timeout, workload.ref) == (("other",), ("--fast",), "5m", None)
    assert workload.image is None
    assert workload.images_by_node is not None


def test_metrics_of_the_named_workload_come_first_and_are_replaced_by_name() -> None:
    named = entries(workloads={"app": {"image": "a:1", "metrics": [
        {"name": "x", "from": "json"}, {"name": "y", "from": "json"},
    ]}})  # fmt: skip
    own = [{"name": "z", "from": "json"}, {"name": "x", "from": "keyvalue"}]
    matrix = a_matrix(workload={"ref": "app"}, metrics=own)
    metrics = self_contained(matrix, catalogs_of(matrix, [("team", named)])).spec.metrics
    assert [(metric.name, metric.source) for metric in metrics] == [("x", "keyvalue"), ("y", "json"), ("z", "json")]
