"""A namespace is deleted under a running matrix: it goes at once, and what ran is in the store."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from tests.support.audit import AuditLog
from tests.support.cluster import Kube
from tests.support.cluster_matrices import apply, by_environment, children, ledger, matrix, raw_log
from tests.support.installation import ACCOUNT, Installation
from tests.support.jobs import condition
from tests.support.namespaces import drop_namespace, make_namespace
from tests.support.wait import Pending, wait_for

GONE_SECONDS = 60.0


@pytest.fixture
def doomed(cluster: Kube, dropped_namespaces: list[str]) -> Iterator[Kube]:
    """A namespace that the test deletes itself."""
    name = make_namespace(cluster)
    yield cluster.at(name)
    if cluster.find("namespaces", name) is not None:
        drop_namespace(cluster, name, failed=True)
    dropped_namespaces.append(name)


def test_a_namespace_is_deleted_under_a_running_matrix(
    operator: Installation, cluster: Kube, doomed: Kube, audit: AuditLog
) -> None:
    manifest = matrix(
        "doomed",
        operator.images,
        **by_environment(operator.images, short={"LINES": 10}, long={"SLEEP": 300, "TICK": 0.5}),
        placement={"noMatchingNode": "wait"},
        # In mode `auto` a log that is not followed yet can go with its pod.
        logs={"mode": "follow"},
        trials=3,
        # One trial after the other of each, so that there is always one more to start.
        parallelism=4,
    )
    found = apply(doomed, manifest)

    def in_the_middle() -> list[str] | Pending:
        trials = doomed.get("batchmatrices", "doomed").get("status", {}).get("trials", {})
        pods = children(doomed, "pods", "doomed")
        unfollowed = audit.unfollowed(pods, user=ACCOUNT, namespace=doomed.namespace)
        if (trials.get("done"), trials.get("running")) != (3, 3) or unfollowed:
            return Pending({"trials": trials, "unfollowed": unfollowed})
        return sorted(pod["metadata"]["uid"] for pod in pods)

    pods = wait_for(
        in_the_middle, timeout=60, what="three trials done and three running, with their logs followed", interval=0.25
    )
    cluster.delete("namespaces", doomed.namespace)

    def gone() -> bool | Pending:
        left = cluster.find("namespaces", doomed.namespace)
        return left is None or Pending(left["status"])

    wait_for(gone, timeout=GONE_SECONDS, what="the namespace to be gone", interval=0.25)
    left = [each["metadata"]["name"] for each in cluster.list("namespaces") if each["status"]["phase"] != "Active"]
    assert doomed.namespace not in left

    results = operator.results(found)
    kept = ledger(results)
    ran = [record for record in kept.records if record["started"]]
    assert sorted(record["podUid"] for record in ran) == pods
    assert sorted((record["cell"], record["outcome"] == "Succeeded") for record in ran) == [
        *[("long", False)] * 3,
        *[("short", True)] * 3,
    ]
    for record in ran:
        log = raw_log(results, record)
        assert log.startswith(b"probe ")
        assert hashlib.sha256(log).hexdigest() == record["log"]["sha256"]
    # The operator is as well as before.
    assert condition(operator.pod(), "Ready")
