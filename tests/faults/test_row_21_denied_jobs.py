"""Row 21: a quota, a policy or a broken webhook denies Jobs: it is said, asked again ever more seldom, and goes on."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.audit import AuditLog
from tests.support.cluster import Json, Kube
from tests.support.kube import ensure_crds
from tests.support.operators import Operator, ended, matrix_on, served
from tests.support.wait import Pending, wait_for

A100 = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"}
pytestmark = pytest.mark.timeout(400)  # tries lie up to a minute apart

GROUP = "admissionregistration.k8s.io"
TRIALS = 12
TRIES = 2
"""Rounds of refusals that a test waits for."""


@pytest.fixture
def operator(kube: Kube, cluster: Kube, kubeconfig: Path, tmp_path: Path) -> Iterator[Operator]:
    ensure_crds(cluster)
    with served(kube, kubeconfig, tmp_path) as running:
        yield running


def jobs_of(name: str) -> Json:
    """What an admission rule matches: creations of Jobs of this matrix."""
    return {"matchLabels": {"batchmatrix.dev/matrix": name}}


RULE: Json = {
    "apiGroups": ["batch"],
    "apiVersions": ["v1"],
    "operations": ["CREATE"],
    "resources": ["jobs"],
    "scope": "Namespaced",
}


@pytest.fixture
def policy(kube: Kube, cluster: Kube) -> Iterator[str]:
    """A policy that denies the Jobs of matrix `by-policy`; gives its name."""
    name = f"{kube.namespace}-deny"
    here = {"matchLabels": {"kubernetes.io/metadata.name": kube.namespace}}
    matched = {"resourceRules": [RULE], "namespaceSelector": here, "objectSelector": jobs_of("by-policy")}
    spec: Json = {
        "failurePolicy": "Fail",
        "matchConstraints": matched,
        "validations": [{"expression": "false", "message": "no Jobs on a Sunday"}],
    }
    kinds = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
    meta = {"apiVersion": f"{GROUP}/v1", "metadata": {"name": name}}
    cluster.create("validatingadmissionpolicies", {**meta, "kind": kinds[0], "spec": spec})
    binding = {"policyName": name, "validationActions": ["Deny"]}
    cluster.create("validatingadmissionpolicybindings", {**meta, "kind": kinds[1], "spec": binding})
    yield name
    cluster.delete("validatingadmissionpolicybindings", name, missing_ok=True)
    cluster.delete("validatingadmissionpolicies", name, missing_ok=True)


@pytest.fixture
def webhook(kube: Kube, cluster: Kube) -> Iterator[str]:
    """A webhook that judges the Jobs of matrix `by-webhook` and where nobody listens; gives its name."""
    name = f"{kube.namespace}-broken"
    hook: Json = {
        "name": "broken.batchmatrix.test",
        "clientConfig": {"url": "https://127.0.0.1:1/deny"},
        "rules": [RULE],
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 2,
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": kube.namespace}},
        "objectSelector": jobs_of("by-webhook"),
    }
    meta = {"apiVersion": f"{GROUP}/v1", "kind": "ValidatingWebhookConfiguration", "metadata": {"name": name}}
    cluster.create("validatingwebhookconfigurations", {**meta, "webhooks": [hook]})
    yield name
    cluster.delete("validatingwebhookconfigurations", name, missing_ok=True)


def asked(audit: AuditLog, kube: Kube, matrix: str, *, made: bool) -> int:
    """How often the Jobs of a matrix were sent and taken, or denied."""
    events = audit.events(namespace=kube.namespace, resource="jobs", verb="create")
    codes = [event["responseStatus"]["code"] for event in events if event["objectRef"]["name"].startswith(f"{matrix}-")]
    return sum((code == 201) == made for code in codes)


def denied(audit: AuditLog, kube: Kube, matrix: str, words: str, *, first: int) -> None:
    """Wait for refusals after the first round; the status tells of them, and they came ever more seldom."""
    began = time.monotonic()

    def look() -> bool | Pending:
        status = kube.get("batchmatrices", matrix).get("status", {})
        times = asked(audit, kube, matrix, made=False)
        said = words in status.get("message", "")
        return (said and times >= first + TRIES - 1) or Pending(f"{times} times denied: {status}")

    wait_for(look, timeout=120, what=f"Jobs of {matrix} to be denied")
    seconds = time.monotonic() - began
    status = kube.get("batchmatrices", matrix)["status"]
    reasons = {each["type"]: each["reason"] for each in status["conditions"]}
    assert reasons["Succeeded"] in ("Pending", "Running")
    # 2, 4, 8, ... seconds lie between one try and the next
    assert asked(audit, kube, matrix, made=False) <= first + math.log2(seconds + 2) + 1


def went_on(audit: AuditLog, kube: Kube, matrix: str) -> None:
    """It finishes, and each trial had one Job."""
    status = ended(kube, matrix, timeout=150)["status"]
    assert status["trials"]["succeeded"] == TRIALS
    assert status["retries"] == 0
    assert asked(audit, kube, matrix, made=True) == TRIALS


def test_a_policy_and_a_broken_webhook_hold_their_own_matrices_up_and_no_other(
    kube: Kube, cluster: Kube, operator: Operator, policy: str, webhook: str
) -> None:
    audit = AuditLog()
    for name in ("by-policy", "by-webhook"):
        wait_for(lambda name=name: _in_force(kube, name), timeout=20, what=f"{name} to be denied")  # type: ignore[misc]
    for name in ("by-policy", "by-webhook", "neighbour"):
        kube.create("batchmatrices", matrix_on(name, {"a100": A100}, trials=TRIALS))
    went_on(audit, kube, "neighbour")
    denied(audit, kube, "by-policy", "no Jobs on a Sunday", first=TRIALS)
    denied(audit, kube, "by-webhook", "failed calling webhook", first=TRIALS)
    cluster.delete("validatingadmissionpolicybindings", policy)
    cluster.delete("validatingwebhookconfigurations", webhook)
    went_on(audit, kube, "by-policy")
    went_on(audit, kube, "by-webhook")
    assert operator.running


def _in_force(kube: Kube, matrix: str) -> bool | Pending:
    """A Job like one of the matrix is denied; nothing is stored."""
    container = {"name": "trial", "image": "fake:1"}
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "looks-like-one", "labels": {"batchmatrix.dev/matrix": matrix}},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}},
    }
    try:
        kube.create("jobs", job, dry_run=True)
    except Exception as refused:
        return "denied" in str(refused) or "webhook" in str(refused) or Pending(str(refused))
    return Pending("allowed")


def test_a_quota_lets_some_through_and_the_others_come_when_it_is_raised(kube: Kube, operator: Operator) -> None:
    audit = AuditLog()
    few = 3
    quota: Json = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"}}
    kube.create("resourcequotas", {**quota, "spec": {"hard": {"count/jobs.batch": str(few)}}})
    wait_for(
        lambda: kube.get("resourcequotas", "few").get("status", {}).get("hard") or Pending("not counted yet"),
        timeout=20,
        what="the quota to be in force",
    )
    kube.create("batchmatrices", matrix_on("by-quota", {"a100": A100}, trials=TRIALS))
    denied(audit, kube, "by-quota", "exceeded quota", first=TRIALS - few)
    assert asked(audit, kube, "by-quota", made=True) == few
    kube.patch("resourcequotas", "few", {"spec": {"hard": {"count/jobs.batch": "100"}}})
    went_on(audit, kube, "by-quota")
    assert operator.running
