"""What the operator writes, from the API server's own audit log: what it needs and nothing else."""

from __future__ import annotations

from collections import Counter

from tests.support.audit import AuditLog
from tests.support.cluster import Json, Kube
from tests.support.cluster_matrices import apply, children, matrix, settled
from tests.support.installation import ACCOUNT, NAMESPACE, Installation
from tests.support.jobs import FINALIZER
from tests.support.wait import Pending, wait_for

ALLOWED = {
    ("create", "jobs"),
    ("delete", "jobs"),
    ("delete", "pods"),
    ("patch", "pods"),
    ("patch", "batchmatrices/status"),
    ("create", "events"),
    ("create", "configmaps"),
    ("update", "configmaps"),
}
MANAGER = "batchmatrix"
"""As the API server names the operator, after its user agent."""
LEASE = {("create", "leases"), ("update", "leases")}
TRIALS = 8
CALLS_PER_TRIAL = 4
"""Create and delete the Job, take the finalizer off, and one to spare."""


def test_the_operator_writes_nothing_but_what_it_needs(operator: Installation, kube: Kube) -> None:
    audit = AuditLog()
    manifest = matrix(
        "frugal",
        operator.images,
        axes=[{"name": "hardware", "values": ["h100", "mi300x"]}],
        # One trial fails and one is deleted by its retention, so that everything that can be written is.
        probe={"EXIT": "1:3"},
        trials=TRIALS // 2,
        retry={"UnexpectedExit": {"limit": 0}},
        retention={"jobs": "none"},
    )
    apply(kube, manifest)
    settled(operator, kube, "frugal")
    wait_for(
        lambda: not children(kube, "jobs", "frugal") or Pending(len(children(kube, "jobs", "frugal"))),
        timeout=90,
        what="finished Jobs to be deleted",
        interval=0.5,
    )
    seen: Counter[tuple[str, str]] = Counter()
    for event in audit.writes(user=ACCOUNT):
        target = event["objectRef"]
        resource = "/".join(filter(None, (target["resource"], target.get("subresource", ""))))
        call = (event["verb"], resource)
        if call in LEASE:
            assert (target["namespace"], target.get("name")) == (NAMESPACE, "batchmatrix")
            continue
        assert call in ALLOWED, event
        assert target["namespace"] != NAMESPACE or resource == "events", event
        if resource == "configmaps":
            assert target["name"].endswith("-summary"), event
        if target["namespace"] == kube.namespace:
            assert event["responseStatus"]["code"] < 300, event
            seen[call] += 1
    assert seen["create", "jobs"] == seen["delete", "jobs"] == TRIALS
    per_trial = sum(seen[call] for call in seen if call[1] in ("jobs", "pods"))
    assert per_trial <= TRIALS * CALLS_PER_TRIAL
    # One status a pass, not one a trial and change; no events for single trials.
    assert seen["create", "events"] < TRIALS
    told = [event for event in kube.list("events") if event["source"].get("component") == MANAGER]
    assert len(told) == seen["create", "events"] > 0
    assert {event["involvedObject"]["kind"] for event in told} == {"BatchMatrix"}


def test_the_object_itself_is_never_written(operator: Installation, kube: Kube) -> None:
    """No finalizer, no annotation, no field of the spec: managers of fields say who wrote what."""
    apply(kube, matrix("clean", operator.images, axes=[{"name": "hardware", "values": ["h100"]}]))
    found, _, _ = settled(operator, kube, "clean")
    metadata = found["metadata"]
    assert metadata.get("finalizers", []) == []
    assert metadata.get("annotations", {}) == {}
    assert metadata["generation"] == 1
    for manager in metadata["managedFields"]:
        if manager.get("subresource") != "status":
            assert "f:spec" in manager["fieldsV1"]
            assert manager["manager"] != "kopf"
        else:
            assert set(manager["fieldsV1"]) == {"f:status"}


def test_of_its_pods_only_the_finalizer_is_written(operator: Installation, kube: Kube) -> None:
    """What was written has a manager; a finalizer that was taken off has none."""
    apply(kube, matrix("pods", operator.images, axes=[{"name": "hardware", "values": ["h100"]}]))
    settled(operator, kube, "pods")
    (job,) = children(kube, "jobs", "pods")
    assert MANAGER in {entry["manager"] for entry in job["metadata"]["managedFields"]}
    assert FINALIZER in job["spec"]["template"]["metadata"]["finalizers"]

    def released() -> Json | Pending:
        (pod,) = children(kube, "pods", "pods")
        left = pod["metadata"].get("finalizers", [])
        return Pending(left) if FINALIZER in left else pod

    pod = wait_for(released, timeout=30, what="the pod to be released")
    assert MANAGER not in {entry["manager"] for entry in pod["metadata"]["managedFields"]}
