"""On a real control plane: an edit of how results are read makes no Job, and results say something else after it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cluster import Json, Kube
from tests.support.kube import ensure_crds
from tests.support.operators import Operator, ended, matrix_on, served

A100 = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"}


@pytest.fixture
def operator(kube: Kube, cluster: Kube, kubeconfig: Path, tmp_path: Path) -> Iterator[Operator]:
    ensure_crds(cluster)
    with served(kube, kubeconfig, tmp_path) as running:
        yield running


def cells(kube: Kube, name: str) -> list[Json]:
    found: list[Json] = json.loads(kube.get("configmaps", f"{name}-summary")["data"]["summary.json"])["cells"]
    return found


def edit(kube: Kube, name: str, spec: Json, *, generation: int) -> Json:
    kube.patch("batchmatrices", name, {"spec": spec})
    status: Json = ended(kube, name, generation=generation)["status"]
    return status


def test_an_edit_of_metrics_reads_stored_logs_and_makes_no_job(kube: Kube, operator: Operator) -> None:
    kube.create("batchmatrices", matrix_on("read", {"a100": A100}, trials=4))
    assert ended(kube, "read")["status"]["verdict"] == "pass"
    jobs = {job["metadata"]["uid"] for job in kube.list("jobs")}
    kept = {path: path.read_bytes() for path in operator.store.rglob("logs/**/*.zst")}
    loss = {"name": "loss", "from": "keyvalue", "required": True}
    operator.kill()
    kube.patch("batchmatrices", "read", {"spec": {"metrics": [loss]}})
    operator.start()
    status = ended(kube, "read", generation=2)["status"]
    assert status["verdict"] == "pass"
    (cell,) = cells(kube, "read")
    assert (cell["metrics"][0]["n"], cell["metrics"][0]["mean"]) == (4, 1.98)
    nothing = {"name": "nothing", "from": "keyvalue", "required": True}
    status = edit(kube, "read", {"metrics": [loss, nothing], "retry": {"Incomplete": {"limit": 2}}}, generation=3)
    assert status["outcomes"] == {"Incomplete": 4}
    status = edit(kube, "read", {"metrics": [loss]}, generation=4)
    assert (status["outcomes"], status["verdict"]) == ({"Succeeded": 4}, "pass")
    assert {job["metadata"]["uid"] for job in kube.list("jobs")} == jobs
    assert len(operator.entries("record")) == 4
    assert {record["outcome"] for record in operator.entries("record")} == {"Succeeded"}
    readings = operator.entries("reading")
    assert [reading["generation"] for reading in readings] == [2] * 4 + [3] * 4 + [4] * 4
    assert {path: path.read_bytes() for path in operator.store.rglob("logs/**/*.zst")} == kept


def test_an_edit_of_exit_codes_judges_anew_and_makes_no_job(kube: Kube, operator: Operator) -> None:
    manifest = matrix_on("codes", {"a100": A100}, trials=2)
    kube.create("batchmatrices", manifest)
    assert ended(kube, "codes")["status"]["outcomes"] == {"Succeeded": 2}
    workload = manifest["spec"]["workload"]
    status = edit(kube, "codes", {"workload": {**workload, "allowedExitCodes": [7]}}, generation=2)
    assert (status["outcomes"], status["verdict"]) == ({"UnexpectedExit": 2}, "fail")
    status = edit(kube, "codes", {"workload": {**workload, "allowedExitCodes": [0, 7]}}, generation=3)
    assert (status["outcomes"], status["verdict"]) == ({"Succeeded": 2}, "pass")
    assert len(kube.list("jobs")) == 2
    assert len(operator.entries("reading")) == 4
