"""A node falls silent while its containers run on: after its patience is over the trial runs elsewhere."""

from __future__ import annotations

from batchmatrix.base.clock import parse_rfc3339
from tests.support.audit import AuditLog
from tests.support.cluster import Kube
from tests.support.cluster_matrices import apply, by_environment, matrix, pod_of, raw_log, settled
from tests.support.installation import ACCOUNT, Installation
from tests.support.jobs import FINALIZER
from tests.support.nodes import Nodes
from tests.support.real_pods import wait_for_log
from tests.support.wait import Pending, wait_for

PATIENCE = 6.0
GRACE = 2


def test_a_trial_on_a_node_that_does_not_answer_is_given_up_and_runs_elsewhere(
    operator: Installation, kube: Kube, nodes: Nodes, audit: AuditLog
) -> None:
    manifest = matrix(
        "silent",
        operator.images,
        **by_environment(operator.images, stays={"SLEEP": "0.0:600,1", "TICK": 0.2}),
        workload={"terminationGracePeriodSeconds": GRACE},
        logs={"mode": "follow"},
        pending={"nodeLost": f"{PATIENCE:.0f}s"},
    )
    with nodes.only(nodes.spare):
        apply(kube, manifest)
        pod = pod_of(kube, "silent", "stays")
        wait_for_log(kube, pod, b"tick 25\n", timeout=90)
    nodes.stop_kubelet(nodes.spare)
    # Kubernetes itself takes 50 s to believe it, and the pod's toleration of that 10 s more.
    deleted = wait_for(
        lambda: kube.get("pods", pod)["metadata"].get("deletionTimestamp"), timeout=100, what="the pod to be given up"
    )
    assert not nodes.is_ready(nodes.spare)
    found, after, results = settled(operator, kube, "silent", timeout=120)

    lost, again = sorted(after.records, key=lambda record: int(record["attempt"]))
    assert (lost["outcome"], lost["blame"], lost["node"]) == ("NodeLost", "infrastructure", nodes.spare)
    assert "may still run" in lost["message"]
    assert lost["exitCode"] is None
    (intent,) = after.intents
    assert intent["action"] == "nodelost"
    # The mark already holds the grace period of the pod.
    assert parse_rfc3339(intent["time"]) >= parse_rfc3339(deleted) + PATIENCE
    # What had been followed until then is kept, and it is not said to be all.
    assert b"tick 20\n" in raw_log(results, lost)
    assert lost["log"]["state"] == "truncated"
    assert (again["outcome"], again["node"]) == ("Succeeded", nodes.home)
    assert parse_rfc3339(again["created"]) >= parse_rfc3339(intent["time"]) - 1
    assert len(audit.created_jobs(user=ACCOUNT, namespace=kube.namespace)) == 2
    assert found["status"]["verdict"] == "pass"

    # The object is there until its node answers again; then nothing holds it.
    assert FINALIZER not in kube.get("pods", pod)["metadata"].get("finalizers", [])
    nodes.restore()
    wait_for(
        lambda: (there := kube.find("pods", pod)) is None or Pending(there["metadata"]),
        timeout=60,
        what="the old pod to be gone once its node is back",
    )
