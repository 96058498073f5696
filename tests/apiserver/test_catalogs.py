"""MatrixCatalogs and an operator on a real control plane: looked up, pinned, waited for, and never followed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from batchmatrix.formats.matrix_file import load_matrix
from tests.support.cluster import Json, Kube
from tests.support.kube import ensure_crds
from tests.support.operators import Operator, ended, matrix_on, served
from tests.support.specs import catalog_object
from tests.support.wait import Pending, wait_for

A100 = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"}
MITIGATIONS = [{"name": "mitigation", "values": ["none", "fast"]}]


@pytest.fixture
def operator(kube: Kube, cluster: Kube, kubeconfig: Path, tmp_path: Path) -> Iterator[Operator]:
    ensure_crds(cluster)
    with served(kube, kubeconfig, tmp_path) as running:
        yield running


def message(kube: Kube, name: str, part: str) -> Json:
    """The matrix's status once its message holds this."""

    def look() -> Json | Pending:
        status: Json = kube.get("batchmatrices", name).get("status", {})
        return status if part in status.get("message", "") else Pending(status.get("message"))

    return wait_for(look, timeout=30, what=f"{name} to say {part!r}")


def pinned(operator: Operator, name: str) -> bytes:
    (path,) = operator.store.rglob(f"runs/1/{name}")
    return path.read_bytes()


def test_a_matrix_waits_for_its_catalog_and_is_pinned_with_it(kube: Kube, operator: Operator) -> None:
    kube.create("batchmatrices", matrix_on("named", {"a100": A100}, axes=MITIGATIONS, catalogRefs=[{"name": "team"}]))
    status = message(kube, "named", "there is no MatrixCatalog 'team'")
    assert {each["type"]: each["status"] for each in status["conditions"]}["Stalled"] == "True"
    assert kube.list("jobs") == []
    kube.create("matrixcatalogs", catalog_object())
    status = ended(kube, "named")["status"]
    assert (status["progress"], status["verdict"]) == ("2/2", "pass")
    assert json.loads(pinned(operator, "catalog.json"))["mitigations"]["fast"] == {
        "source": "MatrixCatalog team",
        "value": {"env": {"FAST": "1"}},
    }
    (matrix,) = load_matrix(pinned(operator, "matrix.resolved.yaml").decode(), source="matrix.resolved.yaml")
    assert matrix.spec.catalog.mitigations["fast"].env == {"FAST": "1"}
    envs = [
        {each["name"]: each["value"] for each in job["spec"]["template"]["spec"]["containers"][0]["env"]}
        for job in kube.list("jobs")
    ]
    assert sorted(env.get("FAST", "") for env in envs) == ["", "1"]


def test_a_catalog_that_changes_is_shown_over_a_restart_too_and_changes_no_cell(kube: Kube, operator: Operator) -> None:
    nowhere = {"nvidia.com/gpu.product": "NVIDIA-LATER"}
    kube.create("matrixcatalogs", catalog_object())
    more: Json = {"catalogRefs": [{"name": "team"}], "placement": {"noMatchingNode": "wait"}}
    waiting = matrix_on("held", {"none": nowhere}, axes=MITIGATIONS, **more)
    kube.create("batchmatrices", waiting)
    wait_for(lambda: len(kube.list("jobs")) == 2 or Pending("no Jobs"), timeout=30, what="two Jobs")
    jobs = {job["metadata"]["uid"] for job in kube.list("jobs")}
    kube.patch("matrixcatalogs", "team", {"spec": {"mitigations": {"fast": {"env": {"FAST": "2"}}}}})
    shown = "not what its catalog says now: mitigations fast (MatrixCatalog team)"
    message(kube, "held", shown)
    operator.kill()
    operator.start()
    kube.patch("batchmatrices", "held", {"spec": {"parallelism": 7}})

    def looked_at() -> Json | Pending:
        status: Json = kube.get("batchmatrices", "held")["status"]
        return status if status["observedGeneration"] == 2 else Pending(status)

    status = wait_for(looked_at, timeout=60, what="generation 2 to be looked at")
    assert shown in status["message"]
    assert {job["metadata"]["uid"] for job in kube.list("jobs")} == jobs
    kube.patch("matrixcatalogs", "team", {"spec": {"mitigations": {"fast": {"env": {"FAST": "1"}}}}})
    wait_for(
        lambda: shown not in kube.get("batchmatrices", "held")["status"]["message"] or Pending("still shown"),
        timeout=30,
        what="the message to go",
    )


def test_a_catalog_shows_up_by_its_short_name(kube: Kube, cluster: Kube) -> None:
    ensure_crds(cluster)
    kube.create("matrixcatalogs", catalog_object())
    assert "team" in kube.kubectl("get", "bmc").stdout
    assert "team" in kube.kubectl("get", "matrixcatalog", "team").stdout
