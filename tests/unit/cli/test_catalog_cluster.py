"""`batchmatrix catalog --cluster`: MatrixCatalogs beside what is known without a cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Done, run_cli
from tests.support.plan_cluster import ReadOnlyCluster, read_only_cluster

PATH = "/apis/batchmatrix.dev/v1alpha1/namespaces/{}/matrixcatalogs"


def catalog(name: str, value: str) -> dict[str, Any]:
    """As it stands in a list: without kind and version."""
    metadata = {"name": name, "namespace": "default", "uid": "u", "generation": 1, "managedFields": []}
    return {"metadata": metadata, "spec": {"mitigations": {"xnack": {"env": {"HSA_XNACK": value}}}}}


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReadOnlyCluster]:
    objects = {
        PATH.format("default"): {"items": [catalog("two", "2"), catalog("one", "1")]},
        PATH.format("other"): {"items": []},
        PATH.format("closed"): 403,
    }
    with read_only_cluster(tmp_path, objects) as running:
        monkeypatch.setenv("KUBECONFIG", str(running.kubeconfig))
        yield running


def listed(*arguments: str) -> Done:
    return run_cli("catalog", "list-mitigations", *arguments)


def test_every_catalog_of_the_namespace_is_listed_with_its_own_meaning(cluster: ReadOnlyCluster) -> None:
    done = listed("--cluster", "-o", "json")
    assert (done.code, done.err) == (0, "")
    found = [one for one in json.loads(done.out) if one["source"] != "built-in"]
    assert [(one["name"], one["source"], one["entry"]["env"]["HSA_XNACK"]) for one in found] == [
        ("xnack", "MatrixCatalog one", "1"),
        ("xnack", "MatrixCatalog two", "2"),
    ]
    assert cluster.asked == [("GET", PATH.format("default"))]


def test_without_it_no_cluster_is_asked(cluster: ReadOnlyCluster) -> None:
    without = listed().out
    assert cluster.asked == []
    assert listed("--cluster", "-n", "other").out == without
    assert listed("--cluster", "-n", "nothing").out == without


def test_what_cannot_be_read_is_one_line(cluster: ReadOnlyCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    body = catalog("bad", "1")
    body["spec"]["mitigations"]["xnack"]["env"] = {"1": "x"}
    cluster.objects[PATH.format("broken")] = {"items": [body]}
    for arguments, said in (
        (("--cluster", "-n", "closed"), "without --cluster it is not asked"),
        (("--cluster", "-n", "broken"), 'batchmatrix: MatrixCatalog bad: spec.mitigations.xnack.env["1"]: '),
        (("--cluster", "-n", "A"), "--namespace: 'A' cannot be the name of a namespace"),
        (("-n", "other"), "--context and --namespace are for --cluster"),
        (("--context", "here"), "--context and --namespace are for --cluster"),
        (("--cluster", "--context", "there"), "compare with: kubectl config get-contexts"),
    ):
        done = listed(*arguments)
        assert (done.code, done.out, len(done.err.splitlines())) == (1, "", 1), done
        assert said in done.err
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert (
        listed("--cluster").err == "batchmatrix: --cluster: there is no kubeconfig; set KUBECONFIG, or leave it out\n"
    )
