"""Metadata has the bounds that the API server holds; what the server itself adds is always taken."""

from __future__ import annotations

from typing import Any

import pytest

from batchmatrix.base.errors import InvalidSpec
from batchmatrix.model.v1alpha1 import parse_catalog, parse_matrix
from batchmatrix.model.v1alpha1.meta import check_namespace
from tests.support.specs import catalog_object, matrix_object


def refused(**metadata: Any) -> list[str]:
    obj = matrix_object()
    obj["metadata"] |= metadata
    with pytest.raises(InvalidSpec) as caught:
        parse_matrix(obj)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("text", ["Triage", "a.b", "a_b", "-a", "a" * 64, "a\n", "", "a b"])
def test_what_no_namespace_is_called_is_refused_where_it_is_asked_for(text: str) -> None:
    with pytest.raises(InvalidSpec, match=r"^--namespace: .* cannot be the name of a namespace; write at most 63"):
        check_namespace(text)


def test_a_name_of_a_namespace_is_given_back() -> None:
    assert check_namespace("a-1") == "a-1"
    assert check_namespace("a" * 63) == "a" * 63


@pytest.mark.parametrize("text", ["Triage", "a.b", "a" * 64])
def test_a_namespace_is_a_dns_label(text: str) -> None:
    (said,) = refused(namespace=text)
    assert said.startswith("metadata.namespace: ")


@pytest.mark.parametrize("field", ["labels", "annotations"])
@pytest.mark.parametrize(
    "key", ["", "a b", "/a", "a/", "a/b/c", "a..b/c", "a_b/c", "-a", "x" * 64, "x" * 254 + "/a", "ü"]
)
def test_keys_are_those_of_kubernetes(field: str, key: str) -> None:
    (said,) = refused(**{field: {key: "x"}})
    assert said.startswith(f"metadata.{field}")
    assert "is no key; write one such as" in said


def test_only_labels_tell_capitals_of_a_domain_apart() -> None:
    (said,) = refused(labels={"Example.com/a": "x"}, annotations={"Example.com/a": "x"})
    assert said.startswith('metadata.labels["Example.com/a"]: ')


@pytest.mark.parametrize("value", ["a b", "x" * 64, "-a", "a/b", "a\n"])
def test_values_of_labels_are_short_words_and_those_of_annotations_any_text(value: str) -> None:
    (said,) = refused(labels={"a": value}, annotations={"a": value})
    assert said.startswith("metadata.labels.a: ")


def test_a_label_that_is_no_text_is_said_at_its_key() -> None:
    assert refused(labels={"a": True}) == ["metadata.labels.a: true is not a text; put it in quotes"]


def test_annotations_have_a_size_together() -> None:
    half = "x" * 131_071
    parse_matrix(_with(annotations={"a": half, "b": half}))
    assert refused(annotations={"a": half, "b": half + "x"}) == [
        "metadata.annotations: have 262145 bytes together; write at most 262144"
    ]


def _with(**metadata: Any) -> dict[str, Any]:
    obj = matrix_object()
    obj["metadata"] |= metadata
    return obj


def test_what_the_server_writes_is_taken() -> None:
    metadata = {
        "namespace": "triage",
        "uid": "1",
        "generation": 3,
        "resourceVersion": "7",
        "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}],
        "labels": {"app.kubernetes.io/name": "a_b.C", "empty": ""},
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}\n"},
        "finalizers": ["example.com/a"],
    }
    parsed = parse_matrix(_with(**metadata)).metadata
    assert (parsed.namespace, parsed.generation, parsed.labels["empty"]) == ("triage", 3, "")


def test_null_means_not_given_as_it_does_to_the_server() -> None:
    parsed = parse_matrix(_with(labels=None, annotations=None, namespace=None)).metadata
    assert (parsed.labels, parsed.annotations, parsed.namespace) == ({}, {}, "")


@pytest.mark.parametrize("name", ["Team", "a_b", "a..b", "x" * 254])
def test_a_catalog_has_a_name_that_objects_can_have(name: str) -> None:
    with pytest.raises(InvalidSpec, match=r"^metadata\.name: .* is not a DNS name; write at most 253"):
        parse_catalog(catalog_object(name))
    assert parse_catalog(catalog_object("team.v1")).metadata.name == "team.v1"
