"""Deleting a matrix in the middle of its work leaves nothing in the cluster, and everything in the store."""

from __future__ import annotations

import hashlib

from tests.support.audit import AuditLog
from tests.support.cluster import Kube
from tests.support.cluster_matrices import HARDWARE, apply, children, ledger, matrix, raw_log
from tests.support.installation import ACCOUNT, Installation
from tests.support.wait import Pending, wait_for


def test_deleting_a_matrix_removes_its_jobs_and_pods_and_keeps_its_results(
    operator: Installation, kube: Kube, audit: AuditLog
) -> None:
    image = operator.images["sample-workload-cuda"]
    environments = {
        "short": {"image": image, "env": {"PROBE_LINES": "10"}},
        "long": {"image": image, "env": {"PROBE_SLEEP": "300", "PROBE_TICK": "0.5"}},
    }
    manifest = matrix(
        "gone",
        operator.images,
        # Some finish, some run, and for the others no node ever comes.
        axes=[{"name": "environment", "values": ["short", "long"]}, {"name": "hardware", "values": ["h100", "never"]}],
        catalog={
            "environments": environments,
            "hardware": {**HARDWARE, "never": {"nodeLabels": {"batchmatrix.test/never": "yes"}}},
        },
        placement={"noMatchingNode": "wait"},
        # In mode `auto` a log that is not followed yet can go with its pod.
        logs={"mode": "follow"},
        trials=2,
    )
    found = apply(kube, manifest)

    def in_the_middle() -> bool | Pending:
        trials = kube.get("batchmatrices", "gone").get("status", {}).get("trials", {})
        pods = children(kube, "pods", "gone")
        unfollowed = audit.unfollowed(pods, user=ACCOUNT, namespace=kube.namespace)
        seen = (trials.get("done"), trials.get("running"), len(pods))
        return (seen == (2, 2, 8) and not unfollowed) or Pending((trials, len(pods), unfollowed))

    wait_for(in_the_middle, timeout=60, what="two trials done, two running and followed, four waiting", interval=0.25)
    kube.delete("batchmatrices", "gone")

    def nothing_left() -> bool | Pending:
        left = [
            f"{kind}/{item['metadata']['name']} {item['metadata'].get('finalizers')}"
            for kind in ("jobs", "pods")
            for item in children(kube, kind, "gone")
        ]
        return not left or Pending(left)

    wait_for(nothing_left, timeout=45, what="its Jobs and pods to be gone", interval=0.25)
    assert kube.find("batchmatrices", "gone") is None
    wait_for(lambda: kube.find("configmaps", "gone-summary") is None, timeout=20, what="its ConfigMap to be gone")
    results = operator.results(found)
    kept = ledger(results)
    done = [cell for (cell, _, _), outcome in kept.outcomes().items() if outcome == "Succeeded"]
    assert done == ["short-h100"] * 2
    # What ran was recorded too: no pod goes without its record.
    ran = [record for record in kept.records if record["cell"] == "long-h100"]
    assert [record["outcome"] for record in ran] == ["Cancelled"] * 2
    for record in (record for record in kept.records if record["started"]):
        log = raw_log(results, record)
        assert log.startswith(b"probe ")
        assert hashlib.sha256(log).hexdigest() == record["log"]["sha256"]
