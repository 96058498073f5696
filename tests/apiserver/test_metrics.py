"""What a running operator shows to Prometheus, held against the store and the API server's own audit log."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.support.audit import AuditLog
from tests.support.cluster import Kube
from tests.support.fake_kubelet import FakeKubelet
from tests.support.kube import ensure_crds
from tests.support.metrics import Scrape
from tests.support.operators import Operator, ended, matrix_on, served
from tests.support.wait import Pending, wait_for

A100 = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"}
NOWHERE = {"nvidia.com/gpu.product": "NVIDIA-NONE"}


@pytest.fixture
def operator(kube: Kube, cluster: Kube, kubeconfig: Path, tmp_path: Path) -> Iterator[Operator]:
    ensure_crds(cluster)
    with served(kube, kubeconfig, tmp_path) as running:
        yield running


def text_of(operator: Operator) -> str:
    with urlopen(f"http://127.0.0.1:{operator.port}/metrics", timeout=10) as answer:
        body: bytes = answer.read()
    return body.decode()


def idle(operator: Operator) -> Scrape:
    """A scrape once nothing is open and this process acts."""

    def look() -> Scrape | Pending:
        seen = Scrape(text_of(operator))
        open_now = seen.by("open_attempts", "phase")
        return seen if seen("lease_held") == 1 and not open_now else Pending(open_now)

    return wait_for(look, timeout=30, what="the operator to hold its lease with nothing open")


def fail(kube: Kube, kubelet: FakeKubelet, *, trial: int, attempt: int) -> None:
    """Run that attempt of the cell `own` on a node that hands out no logs, and fail it."""
    selector = f"batchmatrix.dev/cell=own,batchmatrix.dev/trial={trial},batchmatrix.dev/attempt={attempt}"

    def look() -> str | Pending:
        names = [pod["metadata"]["name"] for pod in kube.list("pods", selector=selector)]
        return names[0] if names else Pending(selector)

    pod = wait_for(look, timeout=60, what="the pod to be made")
    kubelet.run(pod)
    kubelet.end(pod, 3)


def test_a_scrape_agrees_with_the_ledger_and_the_audit_log(
    kube: Kube, operator: Operator, kubelet: FakeKubelet
) -> None:
    audit = AuditLog()
    once_more = {"retry": {"UnexpectedExit": {"limit": 1}}, "pending": {"nodeLost": "2s"}}
    waits = {"noMatchingNode": "wait"}
    both = {"a100": A100, "own": NOWHERE}
    kube.create("batchmatrices", matrix_on("counted", both, trials=2, placement=waits, parallelism=4, **once_more))
    for attempt in (0, 1):
        for trial in (0, 1):
            fail(kube, kubelet, trial=trial, attempt=attempt)
    status = ended(kube, "counted")["status"]
    seen, found = idle(operator), operator.entries("record")
    assert len(found) == 6
    assert seen.by("attempts_total", "outcome") == Counter(record["outcome"] for record in found)
    assert seen.by("attempts_total", "outcome") == {"Succeeded": 2, "UnexpectedExit": 4}
    assert seen("retries_total") == status["retries"] == 2
    assert seen.by("logs_total", "state") == {"complete": 2, "lost": 4}
    assert status["logs"] == {"complete": 2, "truncated": 0, "lost": 4}
    summary = json.loads(kube.get("configmaps", "counted-summary")["data"]["summary.json"])
    assert summary["logs"] == {"complete": 2, "lost": 4}
    assert seen("log_bytes_total") == sum(record["log"]["bytes"] for record in found) > 0
    shards = len(list(operator.store.rglob("ledger/*.jsonl.zst")))
    assert seen("ledger_commit_seconds_count") == shards
    asked = Counter(
        (event["verb"], event["objectRef"]["resource"], str(event["responseStatus"]["code"]))
        for event in audit.events(namespace=kube.namespace)
        if event.get("userAgent", "").startswith("batchmatrix/") and event["objectRef"].get("subresource") is None
    )
    for verb, resource in (("create", "jobs"), ("patch", "pods")):
        made = {code: count for (*what, code), count in asked.items() if what == [verb, resource]}
        assert made
        for code, count in made.items():
            assert seen("kube_requests_total", verb=verb, resource=resource, code=code) == count
    # Each log is read, and once more for proof.
    assert seen("kube_requests_total", verb="get", resource="pods/log", code="200") == 2 * 2
    assert seen("store_requests_total", operation="put_new", result="ok") >= shards + 2
    assert (seen("matrices"), seen("queue_depth"), seen("followed_logs")) == (1, 0, 0)
    assert seen("pass_seconds_count", result="done") > 0
    assert seen("pass_seconds_count", result="failed") == 0
    text = text_of(operator)
    assert "counted" not in text
    assert kube.namespace not in text


def test_a_restarted_operator_counts_anew_and_nothing_twice(kube: Kube, operator: Operator) -> None:
    kube.create("batchmatrices", matrix_on("before", {"a100": A100}, trials=3))
    ended(kube, "before")
    assert idle(operator).by("attempts_total", "outcome") == {"Succeeded": 3}
    operator.kill()
    operator.start()
    assert idle(operator).by("attempts_total", "outcome") == {}
    kube.patch("batchmatrices", "before", {"spec": {"trials": 5}})
    ended(kube, "before", generation=2)
    seen = idle(operator)
    assert seen.by("attempts_total", "outcome") == {"Succeeded": 2}
    assert seen.by("logs_total", "state") == {"complete": 2}
    assert len(operator.entries("record")) == 5
