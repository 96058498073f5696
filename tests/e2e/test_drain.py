"""A node is emptied by its administrators: what ran there runs again elsewhere, and the drain does not wait for us."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

from batchmatrix.base.clock import parse_rfc3339
from tests.support.cluster import Json, Kube
from tests.support.cluster_matrices import (
    apply,
    by_environment,
    children,
    matrix,
    pod_of,
    probe_facts,
    raw_log,
    settled,
)
from tests.support.installation import Installation
from tests.support.jobs import FINALIZER, condition
from tests.support.nodes import Nodes
from tests.support.real_pods import wait_for_log
from tests.support.wait import Pending, wait_for

DRAIN_SECONDS = 45
FIRST_ATTEMPT_HANGS = "0.0:300,1"


def test_a_drained_node_is_let_go_and_what_ran_there_runs_elsewhere(
    operator: Installation, kube: Kube, nodes: Nodes
) -> None:
    """Also of a pod that ended before the drain, and was not recorded yet: the drain puts its marks on it too."""
    manifest = matrix(
        "drained",
        operator.images,
        **by_environment(
            operator.images,
            killed={"SLEEP": FIRST_ATTEMPT_HANGS, "TICK": 0.2},
            polite={"SLEEP": FIRST_ATTEMPT_HANGS, "TICK": 0.2, "SIGTERM": 0},
            ended={"SLEEP": 15, "TICK": 0.2},
        ),
        workload={"terminationGracePeriodSeconds": 10},
        logs={"mode": "follow"},
        # Exit code 0 of a pod that was being evicted is neither a success nor paid for by the evictions' budget.
        retry={"Evicted": {"limit": 1}, "Interrupted": {"limit": 1}},
    )
    with nodes.only(nodes.spare):
        apply(kube, manifest)
        for cell in ("killed", "polite", "ended"):
            wait_for_log(kube, pod_of(kube, "drained", cell), b"tick 60\n", timeout=90)
    ended = pod_of(kube, "drained", "ended")
    process = operator.process()
    os.kill(process, signal.SIGSTOP)
    try:
        with ThreadPoolExecutor() as pool:
            over = wait_for(lambda: _succeeded(kube, ended), timeout=30, what="a pod to end while nobody looks")
            assert condition(over, "DisruptionTarget") is None
            wait_for(lambda: _long_over(over), timeout=30, what="the pod to have ended for certain before the drain")
            draining = pool.submit(nodes.drain, nodes.spare, seconds=DRAIN_SECONDS)
            marked = wait_for(lambda: _marked(kube, ended), timeout=20, what="the drain to mark the pod that had ended")
            os.kill(process, signal.SIGCONT)
            drain = draining.result()
    finally:
        os.kill(process, signal.SIGCONT)
    assert drain.returncode == 0, drain.stdout + drain.stderr
    assert f"{ended} evicted" in drain.stdout

    _, found, results = settled(operator, kube, "drained")
    assert found.outcomes() == {
        ("ended", 0, 0): "Succeeded",
        ("killed", 0, 0): "Evicted",
        ("killed", 0, 1): "Succeeded",
        ("polite", 0, 0): "Incomplete",
        ("polite", 0, 1): "Succeeded",
    }
    by_attempt = {(record["cell"], record["attempt"]): record for record in found.records}
    assert {key: record["node"] for key, record in by_attempt.items()} == {
        ("ended", 0): nodes.spare,
        ("killed", 0): nodes.spare,
        ("killed", 1): nodes.home,
        ("polite", 0): nodes.spare,
        ("polite", 1): nodes.home,
    }
    record = by_attempt["ended", 0]
    said = probe_facts(marked)
    assert record["log"]["state"] == "complete", record["log"]["message"]
    assert hashlib.sha256(raw_log(results, record)).hexdigest() == record["log"]["sha256"] == said["sha256"]
    for cell, code in (("killed", 143), ("polite", 0)):
        record = by_attempt[cell, 0]
        assert (record["exitCode"], record["blame"]) == (code, "infrastructure")
        assert "EvictionByEvictionAPI" in record["message"]
        assert raw_log(results, record).endswith(b"sigterm\n")


def _long_over(pod: Json) -> bool | Pending:
    """Two clocks with whole seconds tell an end from a later mark when they are two seconds apart."""
    (container,) = pod["status"]["containerStatuses"]
    ended = parse_rfc3339(container["state"]["terminated"]["finishedAt"])
    return time.time() >= ended + 3 or Pending(ended)


def _succeeded(kube: Kube, pod: str) -> Json | Pending:
    found = kube.get("pods", pod)
    return found if found["status"]["phase"] == "Succeeded" else Pending(found["status"])


def _marked(kube: Kube, pod: str) -> Json | Pending:
    found = kube.get("pods", pod)
    held = FINALIZER in found["metadata"].get("finalizers", [])
    assert held, "the pod was recorded before the drain, so this proves nothing"
    marked = condition(found, "DisruptionTarget") and "deletionTimestamp" in found["metadata"]
    return found if marked else Pending(found["status"])


def test_a_taint_that_nothing_tolerates_moves_its_trials(operator: Installation, kube: Kube, nodes: Nodes) -> None:
    manifest = matrix(
        "tainted",
        operator.images,
        **by_environment(operator.images, moved={"SLEEP": FIRST_ATTEMPT_HANGS, "TICK": 0.2}),
        logs={"mode": "follow"},
    )
    with nodes.only(nodes.spare):
        apply(kube, manifest)
        pod = pod_of(kube, "tainted", "moved")
        wait_for_log(kube, pod, b"tick 25\n", timeout=90)
    nodes.taint(nodes.spare)
    found, after, results = settled(operator, kube, "tainted")
    first, second = sorted(after.records, key=lambda record: int(record["attempt"]))
    assert (first["node"], second["node"]) == (nodes.spare, nodes.home)
    assert (first["outcome"], first["blame"], second["outcome"]) == ("Evicted", "infrastructure", "Succeeded")
    assert "DeletionByTaintManager" in first["message"]
    assert "may still run" not in first["message"], "its node has confirmed that it does not"
    assert (first["exitCode"], first["log"]["state"]) == (143, "complete"), first["log"]["message"]
    assert raw_log(results, first).endswith(b"sigterm\n")
    assert found["status"]["verdict"] == "pass"
    assert len(children(kube, "jobs", "tainted")) == len(after.records) == 2
