"""The CRD on a real API server: it refuses what our own parser refuses, but for the rules that are ours alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from batchmatrix.formats.matrix_file import load_matrix
from batchmatrix.model.crd import catalog_crd, crd
from batchmatrix.model.v1alpha1 import parse_catalog, parse_matrix
from tests.support.cluster import ApiError, Json, Kube
from tests.support.full_specs import FULL_CATALOG, FULL_SPEC
from tests.support.refusals import ALLOWED, REFUSED, Refusal
from tests.support.specs import catalog_object, matrix_object
from tests.support.wait import wait_for

CRD = "batchmatrices.batchmatrix.dev"


@pytest.fixture(scope="module")
def installed(cluster: Kube) -> Json:
    """The CRD as the server holds it; applied as Helm or kubectl would and left there, as other tests need it too."""
    for definition in (crd(), catalog_crd()):
        cluster.patch("customresourcedefinitions", definition["metadata"]["name"], definition, kind="apply")

    def established() -> Json | None:
        found = cluster.get("customresourcedefinitions", CRD)
        states = {one["type"]: one["status"] for one in (found.get("status", {}).get("conditions") or ())}
        return found if states.get("Established") == "True" else None

    found: Json = wait_for(established, timeout=30, what=f"{CRD} is established")
    return found


@pytest.fixture
def matrices(installed: Json, kube: Kube) -> Kube:
    """A namespace for matrices of one test."""
    assert installed["spec"]["names"]["kind"] == "BatchMatrix"
    return kube


@pytest.fixture
def dry(installed: Json, cluster: Kube) -> Kube:
    """For tests that store nothing."""
    assert installed["spec"]["names"]["kind"] == "BatchMatrix"
    return cluster.at("default")


@pytest.mark.parametrize("definition", [crd(), catalog_crd()], ids=lambda one: one["spec"]["names"]["plural"])
def test_it_is_installed_whole(installed: Json, cluster: Kube, definition: Json) -> None:
    """Every rule is within the server's budget: it refuses a definition with one that is not."""
    assert installed["kind"] == "CustomResourceDefinition"

    def accepted() -> Json | None:
        found = cluster.get("customresourcedefinitions", definition["metadata"]["name"])
        states = {one["type"]: one["status"] for one in (found.get("status", {}).get("conditions") or ())}
        assert "NonStructuralSchema" not in states
        return found if (states.get("Established"), states.get("NamesAccepted")) == ("True", "True") else None

    found = wait_for(accepted, timeout=30, what="the definition is accepted")
    schema = found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    ours = json.loads(json.dumps(definition))["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert schema["properties"]["spec"] == ours["properties"]["spec"]


@pytest.mark.parametrize("name", ALLOWED)
def test_what_is_right_is_taken(dry: Kube, name: str) -> None:
    obj = matrix_object()
    ALLOWED[name](obj)
    stored = dry.create("batchmatrices", obj, dry_run=True)
    # the server stores every default: what it stored must mean what was written
    written = parse_matrix(obj)
    assert parse_matrix(stored).spec == written.spec


@pytest.mark.parametrize("refusal", [one for one in REFUSED if one.server], ids=lambda one: one.id)
def test_what_is_wrong_is_refused(dry: Kube, refusal: Refusal) -> None:
    with pytest.raises(ApiError) as caught:
        dry.create(refusal.plural, refusal.object(), dry_run=True)
    assert caught.value.code in (400, 422)


@pytest.mark.parametrize("refusal", [one for one in REFUSED if not one.server], ids=lambda one: one.id)
def test_what_only_we_refuse_is_stored(dry: Kube, refusal: Refusal) -> None:
    """If a server learns to refuse one of these, the list of rules that are ours alone gets shorter."""
    stored = dry.create(refusal.plural, refusal.object(), dry_run=True)
    assert stored["spec"]


def test_status_starts_with_no_generation(matrices: Kube) -> None:
    assert matrices.create("batchmatrices", matrix_object())["status"] == {"observedGeneration": -1}


def _missing(written: Any, default: Any, path: str) -> Iterator[str]:
    """What the server wrote that the types do not have as their default."""
    if isinstance(written, dict):
        for key, value in written.items():
            if key not in default:
                yield f"{path}.{key}"
            else:
                yield from _missing(value, default[key], f"{path}.{key}")
    elif isinstance(written, list) and isinstance(default, list) and len(written) == len(default):
        for index, (value, other) in enumerate(zip(written, default, strict=True)):
            yield from _missing(value, other, f"{path}[{index}]")
    elif written != default:
        yield f"{path}: {written!r} instead of {default!r}"


def test_defaults_are_those_of_the_types(matrices: Kube) -> None:
    stored = matrices.create("batchmatrices", matrix_object())["spec"]
    ours = parse_matrix(matrix_object()).spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert list(_missing(stored, ours, "spec")) == []
    assert stored["retry"]["NodeLost"] == {"limit": 3, "avoidNode": True}
    assert stored["pending"]["imagePull"] == "15m"


def test_defaults_of_a_catalog_are_those_of_the_types(matrices: Kube) -> None:
    obj = {**catalog_object(), "spec": FULL_CATALOG}
    stored = matrices.create("matrixcatalogs", obj)["spec"]
    ours = parse_catalog(obj).spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert list(_missing(stored, ours, "spec")) == []
    assert parse_catalog(matrices.get("matrixcatalogs", "team")).spec == parse_catalog(obj).spec


def test_an_unknown_field_is_refused_when_strict_and_dropped_when_not(matrices: Kube) -> None:
    text = json.dumps(matrix_object(trails=5))
    strict = matrices.kubectl("create", "--validate=strict", "-f", "-", stdin=text, check=False)
    assert strict.returncode != 0
    assert 'unknown field "spec.trails"' in strict.stderr
    stored = matrices.create("batchmatrices", matrix_object(trails=5), validation="Ignore")
    assert "trails" not in stored["spec"]


@pytest.mark.parametrize("field", ["hostPath", "privileged", "nodeName", "hostNetwork", "securityContext"])
def test_what_would_open_the_node_cannot_be_written(dry: Kube, field: str) -> None:
    obj = matrix_object()
    obj["spec"]["workload"][field] = True
    stored = dry.create("batchmatrices", obj, validation="Ignore", dry_run=True)
    assert field not in stored["spec"]["workload"]


def test_the_columns_show_how_it_is_doing(matrices: Kube) -> None:
    created = matrices.create("batchmatrices", matrix_object())
    created["status"] = {
        "observedGeneration": 1,
        "progress": "1/2",
        "running": 1,
        "failed": 0,
        "verdict": "",
        "cells": 2,
        "retries": 3,
        "message": "runs",
        "conditions": [
            {"type": "Succeeded", "status": "Unknown", "reason": "Running", "message": "", "observedGeneration": 1}
        ],
    }
    matrices.replace("batchmatrices", created, subresource="status")
    head, row = matrices.kubectl("get", "bmx", "-o", "wide").stdout.splitlines()
    assert " ".join(head.split()) == "NAME STATUS PROGRESS RUNNING FAILED VERDICT AGE CELLS RETRIES MESSAGE"
    assert row.split()[:5] == ["demo", "Running", "1/2", "1", "0"]
    assert row.split()[-3:] == ["2", "3", "runs"]
    assert "demo" in matrices.kubectl("get", "batchmatrix").stdout


def test_one_matrix_is_named_by_its_kind(matrices: Kube) -> None:
    """A category of this name with two kinds in it makes kubectl ask for one resource."""
    matrices.create("batchmatrices", matrix_object())
    assert matrices.kubectl("get", "batchmatrix", "demo", "-o", "name").stdout.strip().endswith("/demo")
    matrices.kubectl("delete", "batchmatrix", "demo")


def test_a_spec_cannot_be_changed_through_the_status(matrices: Kube) -> None:
    created = matrices.create("batchmatrices", matrix_object())
    matrices.patch(
        "batchmatrices", "demo", {"spec": {"trials": 9}, "status": {"progress": "0/1"}}, subresource="status"
    )
    after = matrices.get("batchmatrices", "demo")
    assert after["spec"] == created["spec"]
    assert after["metadata"]["generation"] == created["metadata"]["generation"]
    assert after["status"]["progress"] == "0/1"


def test_the_full_example_is_stored_as_it_was_written(matrices: Kube) -> None:
    obj = {**matrix_object(), "spec": FULL_SPEC}
    stored = matrices.create("batchmatrices", obj)
    assert parse_matrix(stored).spec == parse_matrix(obj).spec


SCALARS = (
    "1e3 1E3 1.0 1.5 0.1 -0.0 1_000 010 0o10 0x1F 0b11 +5 -5 .5 5. 1e 1e+3 yes Yes no on Off y Y n N true tRue FALSE "
    "2026-11-22 2026-11-22T10:00:00Z 12:30:45 190:20:30 9223372036854775807 -9223372036854775808 0.00001 0.0000001 "
    "09 00 -010 0b2 1__0 _1 1_ 1.5e3 1e-7 1E400 0o8 0X1F = 1.2.3 --1 abc 'yes' \"5\" 'a b' !!str 5 0.30000000000000004"
)


def _scalars() -> list[str]:
    words = SCALARS.replace("'a b'", "'a_b'").replace("!!str 5", "!!str_5").split()
    return [word.replace("a_b", "a b").replace("!!str_5", "!!str 5") for word in words]


def test_files_mean_to_us_what_they_mean_to_kubectl(matrices: Kube) -> None:
    """One matrix for each scalar, through kubectl to the server and through our own loader."""
    template = (
        "apiVersion: batchmatrix.dev/v1alpha1\nkind: BatchMatrix\nmetadata: {{name: s{index}}}\n"
        "spec:\n  axes:\n  - name: x\n    values:\n    - {scalar}\n  workload: {{image: 'a:1'}}\n"
    )
    scalars = _scalars()
    text = "---\n".join(template.format(index=index, scalar=scalar) for index, scalar in enumerate(scalars))
    matrices.kubectl("create", "-f", "-", stdin=text)
    there = {obj["metadata"]["name"]: obj["spec"]["axes"][0]["values"][0] for obj in matrices.list("batchmatrices")}
    ours = {matrix.metadata.name: matrix.spec.axes[0].values[0] for matrix in load_matrix(text, source="x.yaml")}
    assert {scalars[int(name[1:])]: (value, type(value)) for name, value in ours.items()} == {
        scalars[int(name[1:])]: (value, type(value)) for name, value in there.items()
    }
