from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.cli import Done, run_cli
from tests.support.plan_cluster import ReadOnlyCluster, a_kubeconfig, matrix_path, read_only_cluster, summary_path

Json = dict[str, Any]

MATRIX: Json = {
    "apiVersion": "batchmatrix.dev/v1alpha1",
    "kind": "BatchMatrix",
    "metadata": {"name": "demo"},
    "spec": {
        "axes": [{"name": "size", "values": [8, 32]}],
        "trials": 3,
        "workload": {"image": "registry.example/app:1", "command": ["run", "--size", "$(size)"]},
    },
}
NODE: Json = {
    "metadata": {"name": "n1", "labels": {"pool": "a"}},
    "status": {"allocatable": {"cpu": "4"}, "conditions": [{"type": "Ready", "status": "True"}]},
}
FOLDER = "file:///var/lib/batchmatrix"
UID = "6f1c0e5a-1111-4222-8333-000000000001"


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReadOnlyCluster]:
    """A cluster of one node that the kubeconfig names, and a matrix file in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "matrix.yaml").write_text(yaml.safe_dump(MATRIX))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
        monkeypatch.delenv(name, raising=False)
    with read_only_cluster(tmp_path, {"/api/v1/nodes": {"kind": "NodeList", "items": [NODE]}}) as running:
        monkeypatch.setenv("KUBECONFIG", str(running.kubeconfig))
        yield running


def plan(*arguments: str) -> Done:
    done = run_cli("plan", "matrix.yaml", *arguments)
    assert "Traceback" not in done.err
    return done


def data(*arguments: str) -> Json:
    done = plan("-o", "json", *arguments)
    assert (done.code, done.err) == (0, "")
    found: Json = json.loads(done.out)
    return found


def live(results: str = "", change: Callable[[Json], None] | None = None) -> Json:
    """The matrix as the cluster has it, where `change` is what the file says in another way."""
    body = copy.deepcopy(MATRIX)
    body["metadata"] |= {"namespace": "default", "uid": UID, "generation": 4}
    if change is not None:
        change(body["spec"])
    status = {"observedGeneration": 4, **({"results": results} if results else {})}
    return {**body, "status": status}


def summary(done: dict[str, int], *, truncated: bool = False) -> Json:
    cells = [{"hash": cell_hash, "done": count} for cell_hash, count in done.items()]
    return {"data": {"summary.json": json.dumps({"schema": 1, "cells": cells, "truncated": truncated})}}


def states(report: Json) -> list[tuple[str, str, int | None]]:
    return [(cell["name"], cell["state"], cell["toRun"]) for cell in report["cells"]]


def test_nodes_are_those_of_the_cluster_and_every_request_is_a_read(cluster: ReadOnlyCluster) -> None:
    report = data()
    assert [cell["nodes"] for cell in report["cells"]] == [1, 1]
    assert report["notes"] == [f"nodes: 1 node of {cluster.url}"]
    assert {method for method, _ in cluster.asked} == {"GET"}
    assert {path for _, path in cluster.asked} == {"/api/v1/nodes", matrix_path("default", "demo")}


def test_offline_asks_nothing(cluster: ReadOnlyCluster) -> None:
    assert [cell["nodes"] for cell in data("--offline")["cells"]] == [None, None]
    assert cluster.asked == []


def test_nodes_that_may_not_be_listed_leave_placement_to_labels(cluster: ReadOnlyCluster) -> None:
    cluster.objects["/api/v1/nodes"] = 403
    (note,) = data()["notes"]
    assert note.endswith("does not let you list them); placement is by labels alone")


def test_a_cluster_that_does_not_answer_is_an_error_with_the_way_out(
    cluster: ReadOnlyCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(a_kubeconfig(tmp_path, "http://127.0.0.1:9")))
    done = plan()
    assert done.code == 1
    assert "http://127.0.0.1:9: get /api/v1/nodes: " in done.err
    assert done.err.endswith("; --offline plans without the cluster\n")
    cluster.objects["/api/v1/nodes"] = 500
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    assert plan().code == 1
    assert plan("--offline").code == 0


def test_a_matrix_that_was_not_applied_yet_is_all_new(cluster: ReadOnlyCluster) -> None:
    assert states(data()) == [("s8", "new", 3), ("s32", "new", 3)]


def test_the_namespace_is_the_files_or_the_options_then_the_contexts(cluster: ReadOnlyCluster, tmp_path: Path) -> None:
    cluster.kubeconfig = a_kubeconfig(tmp_path, cluster.url, namespace="ctx")
    assert data()["matrix"]["namespace"] == "ctx"
    assert data("-n", "other")["matrix"]["namespace"] == "other"
    (tmp_path / "matrix.yaml").write_text(yaml.safe_dump({**MATRIX, "metadata": {"name": "demo", "namespace": "own"}}))
    assert data()["matrix"]["namespace"] == "own"
    assert [path for _, path in cluster.asked if "batchmatrices" in path] == [
        matrix_path(namespace, "demo") for namespace in ("ctx", "other", "own")
    ]


def test_what_the_summary_counts_is_done_and_the_object_tells_what_changed(cluster: ReadOnlyCluster) -> None:
    new = {cell["name"]: cell["hash"] for cell in data("--offline")["cells"]}
    cluster.objects[matrix_path("default", "demo")] = live(f"{FOLDER}/default/demo/{UID}/runs/4")
    cluster.objects[summary_path("default", "demo")] = summary({new["s8"]: 3, new["s32"]: 1})
    report = data()
    assert states(report) == [("s8", "done", 0), ("s32", "more", 2)]
    assert "what is done is taken from ConfigMap demo-summary" in report["notes"][1]
    assert "is a folder that the operator's pod alone sees" in report["notes"][1]
    assert plan("--detailed-exitcode").code == 10
    cluster.objects[summary_path("default", "demo")] = summary({new["s8"]: 3, new["s32"]: 3})
    done = plan("--detailed-exitcode")
    assert done.code == 0
    assert done.out.endswith("Cells: 2 done.\nNothing to run. Plan: 0 trials to run, 6 recorded already.\n")


def test_an_edit_of_the_file_is_held_against_the_object_in_the_cluster(cluster: ReadOnlyCluster) -> None:
    def other_image(spec: Json) -> None:
        spec["workload"]["image"] = "registry.example/app:0"

    cluster.objects[matrix_path("default", "demo")] = live(change=other_image)
    report = data()
    assert states(report) == [("s8", "changed", 3), ("s32", "changed", 3)]
    assert report["cells"][0]["why"] == "changed: image registry.example/app:0 -> registry.example/app:1"


def test_without_store_and_summary_what_is_done_is_not_known(cluster: ReadOnlyCluster) -> None:
    results = f"s3://team/results/default/demo/{UID}/runs/4"
    cluster.objects[matrix_path("default", "demo")] = live(results)
    report = data()
    assert states(report) == [("s8", "unchanged", None), ("s32", "unchanged", None)]
    assert "what is done is not known, as the store was not read" in report["notes"][1]
    assert "s3://team has no credentials in the environment; set AWS_ACCESS_KEY_ID" in report["notes"][1]
    assert plan("--detailed-exitcode").code == 10


def test_a_summary_that_was_cut_claims_nothing_of_what_is_not_in_it(cluster: ReadOnlyCluster) -> None:
    new = {cell["name"]: cell["hash"] for cell in data("--offline")["cells"]}
    cluster.objects[matrix_path("default", "demo")] = live(f"{FOLDER}/default/demo/{UID}/runs/4")
    cluster.objects[summary_path("default", "demo")] = summary({new["s8"]: 3}, truncated=True)
    assert states(data()) == [("s8", "done", 0), ("s32", "unchanged", None)]


def test_cells_that_ran_with_what_catalogs_said_then_are_spoken_of(cluster: ReadOnlyCluster) -> None:
    cluster.objects[matrix_path("default", "demo")] = live(f"{FOLDER}/default/demo/{UID}/runs/4")
    cluster.objects[summary_path("default", "demo")] = summary({"0" * 64: 3})
    assert "1 of 1 cells of the last summary do not follow from the spec in the cluster" in data()["notes"][2]


def test_names_are_looked_up_in_the_catalogs_of_the_namespace(cluster: ReadOnlyCluster, tmp_path: Path) -> None:
    body = copy.deepcopy(MATRIX)
    body["spec"] |= {
        "catalogRefs": [{"name": "team"}],
        "axes": [{"name": "mitigation", "values": ["none", "xnack"]}],
        "workload": {"image": "registry.example/app:1", "command": ["run"]},
    }
    (tmp_path / "matrix.yaml").write_text(yaml.safe_dump(body))
    done = plan()
    assert done.code == 1
    assert "spec.catalogRefs[0].name: there is no MatrixCatalog 'team' in namespace 'default'" in done.err
    cluster.objects[matrix_path("default", "team", plural="matrixcatalogs")] = {
        "apiVersion": "batchmatrix.dev/v1alpha1",
        "kind": "MatrixCatalog",
        "metadata": {"name": "team", "namespace": "default", "uid": "u", "generation": 1},
        "spec": {"mitigations": {"xnack": {"env": {"HSA_XNACK": "1"}}}},
    }
    assert [cell["mitigations"] for cell in data()["cells"]] == [["none"], ["xnack"]]


def test_an_edit_of_how_results_are_read_runs_nothing_and_is_said(cluster: ReadOnlyCluster) -> None:
    def otherwise(spec: Json) -> None:
        spec["metrics"] = [{"name": "loss", "from": "keyvalue"}]

    new = {cell["name"]: cell["hash"] for cell in data("--offline")["cells"]}
    cluster.objects[matrix_path("default", "demo")] = live(f"{FOLDER}/default/demo/{UID}/runs/4", change=otherwise)
    cluster.objects[summary_path("default", "demo")] = summary({new["s8"]: 3, new["s32"]: 3})
    report = data()
    assert states(report) == [("s8", "done", 0), ("s32", "done", 0)]
    said = "what is recorded is read anew, as metrics, endMarker or allowedExitCodes are others now; that runs nothing"
    assert said in report["notes"]
    assert plan("--detailed-exitcode").code == 0
    cluster.objects[matrix_path("default", "demo")] = live(f"{FOLDER}/default/demo/{UID}/runs/4")
    assert said not in data()["notes"]


@pytest.mark.parametrize(
    "content", [b"a: [b", b"hello", b"{}", b"", b"\xff\xfe", b"apiVersion: v1\ncurrent-context: x\n"]
)
def test_a_kubeconfig_that_is_none_is_one_line(cluster: ReadOnlyCluster, content: bytes) -> None:
    cluster.kubeconfig.write_bytes(content)
    done = plan()
    assert done.code == 1
    assert done.err.startswith(f"batchmatrix: kubeconfig {cluster.kubeconfig} cannot be used: ")
    assert len(done.err.splitlines()) == 1
