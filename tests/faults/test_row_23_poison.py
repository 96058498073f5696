"""Row 23: poisoned objects beside ten good ones: only they fail, the operator lives, the good ones finish."""

from __future__ import annotations

from pathlib import Path

from tests.support.cluster import ApiError, Json, Kube
from tests.support.kube import ensure_crds
from tests.support.operators import Operator, ended, matrix_on, served
from tests.support.wait import Pending, wait_for

A100 = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"}
TURNED = "\u202etxt.exe"
BELL = "a\u0007\u001b[2Jb"

GARBAGE = "\u202e%n${jndi}'\"<script>\U0001f4a9" * 40

SPECS: dict[str, Json] = {
    "regex-open": {"metrics": [{"name": "m", "from": "regex", "pattern": "(a"}]},
    "regex-huge": {"metrics": [{"name": "m", "from": "regex", "pattern": "((((x{900}){900}){900}){900})"}]},
    "regex-look": {"metrics": [{"name": "m", "from": "regex", "pattern": "(?=(a+)+$)(b)"}]},
    "no-store": {"store": {"name": "nowhere"}},
    "no-catalog": {"catalogRefs": [{"name": "nobody"}]},
    "no-account": {"workload": {"image": "fake:1", "command": ["run"], "serviceAccountName": "cluster-admin"}},
}
"""Specs that the server takes and nobody can run."""

STATUSES: dict[str, Json] = {
    "ledger-ahead": {"ledger": {"shard": 10**9, "records": 5, "sha256": "0" * 64}},
    "ledger-other": {"ledger": {"shard": 1, "records": 1, "sha256": GARBAGE[:64]}},
    "counts": {"trials": {"total": -5, "done": 10**9}, "progress": GARBAGE, "cells": -1, "retries": 10**12},
    "times": {"startTime": "yesterday", "completionTime": GARBAGE},
    "outcomes": {"outcomes": {GARBAGE[:40]: 7}, "logs": {"lost": -7}, "verdict": "pass", "results": "s3://elsewhere"},
    "conditions": {"conditions": [{"type": GARBAGE[:40], "status": "True", "reason": "X", "message": GARBAGE}]},
    "finished": {
        "observedGeneration": 1,
        "verdict": "pass",
        "conditions": [{"type": "Finished", "status": "Maybe", "reason": "X", "message": "m"}],
    },
}
"""What somebody else wrote into the status of a matrix before the operator came."""

REFUSED = {"ledger-ahead", "ledger-other"}
"""Those that say that records exist which the store does not have: to run would be to run twice."""


def annotated(manifest: Json) -> Json:
    """With annotations that look like ours and hold nothing that makes sense."""
    names = ("rerun", "cancel", "refresh", "record", "cell-hash", "trial", "attempt")
    annotations = {f"batchmatrix.dev/{name}": GARBAGE for name in names}
    annotations["example.com/big"] = "x" * 200_000
    manifest["metadata"]["annotations"] = annotations
    return manifest


def stalled(kube: Kube, name: str) -> Json:
    """The matrix's Stalled condition, once it is true."""

    def look() -> Json | Pending:
        status = kube.get("batchmatrices", name).get("status", {})
        found = {each["type"]: each for each in status.get("conditions", [])}.get("Stalled", {})
        return found if found.get("status") == "True" else Pending(status)

    return wait_for(look, timeout=40, what=f"{name} to be refused")


def poison(kube: Kube) -> set[str]:
    """Bring everything in while no operator runs; gives the statuses that the server lets anybody write."""
    kube.create("batchmatrices", annotated(matrix_on("annotations", {"a100": A100})))
    kube.create(
        "batchmatrices", matrix_on("characters", {"a100": A100}, axes=[{"name": "x", "values": [TURNED, BELL]}])
    )
    for name, spec in SPECS.items():
        kube.create("batchmatrices", matrix_on(name, {"a100": A100}, **spec))
    written: set[str] = set()
    for name, status in STATUSES.items():
        kube.create("batchmatrices", matrix_on(f"status-{name}", {"a100": A100}))
        try:
            kube.patch("batchmatrices", f"status-{name}", {"status": status}, subresource="status")
            written.add(name)
        except ApiError as refused:
            if refused.code not in (400, 422):
                raise
    return written


def test_only_the_poisoned_ones_fail(kube: Kube, cluster: Kube, kubeconfig: Path, tmp_path: Path) -> None:
    ensure_crds(cluster)
    idle = Operator(kubeconfig=kubeconfig, namespace=kube.namespace, folder=tmp_path)
    assert not idle.running
    written = poison(kube)
    assert {"ledger-ahead", "outcomes"} <= written
    foreign = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "good-0-summary"}, "data": {"mine": "x"}}
    kube.create("configmaps", foreign)
    with served(kube, kubeconfig, tmp_path) as operator:
        for number in range(10):
            kube.create("batchmatrices", matrix_on(f"good-{number}", {"a100": A100}, trials=2))
        for number in range(10):
            assert ended(kube, f"good-{number}")["status"]["verdict"] == "pass"
        for name in SPECS:
            condition = stalled(kube, name)
            assert condition["reason"] == "InvalidSpec"
            assert condition["message"].isprintable()
        for name in sorted(written):
            if name in REFUSED:
                assert "ledger" in stalled(kube, f"status-{name}")["message"]
            else:
                assert ended(kube, f"status-{name}")["status"]["progress"] == "1/1"
        for name, trials in {"annotations": 1, "characters": 2}.items():
            assert ended(kube, name)["status"]["trials"]["succeeded"] == trials
        assert kube.get("configmaps", "good-0-summary")["data"] == {"mine": "x"}
        texts = kube.get("configmaps", "characters-summary")["data"].values()
        assert not any(mark in text for text in texts for mark in ("\u202e", "\u0007", "\u001b"))
        jobs = {job["metadata"]["labels"]["batchmatrix.dev/matrix"] for job in kube.list("jobs")}
        assert not jobs & ({*SPECS} | {f"status-{name}" for name in REFUSED})
        log = operator.log.read_text(errors="replace")
        assert "Traceback" not in log
        assert log.count('"message":"acting"') + log.count('"message": "acting"') == 1  # it never began anew
