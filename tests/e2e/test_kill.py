"""The operator is killed with SIGKILL in the middle of its work: nothing is lost, nothing runs or counts twice."""

from __future__ import annotations

import hashlib
import os
import signal

from tests.support.audit import AuditLog
from tests.support.cluster import Json, Kube
from tests.support.cluster_matrices import apply, children, ledger, matrix, probe_facts, raw_log, settled
from tests.support.installation import ACCOUNT, Installation, wait_until_restarted
from tests.support.wait import Pending, wait_for

LONG = {"LINES": 90, "LINE_BYTES": 102_400, "SLEEP": 25, "TICK": 0.5, "LATER_LINES": 60, "LATER_SECONDS": 12}
"""More than one chunk's 8 MiB at once, and less than the 10 MiB after which the node begins a new file.

That comes only when the operator has had time to be back: what it has not read by then the node does not show any more.
"""


def test_a_kill_in_the_middle_changes_no_result(operator: Installation, kube: Kube, audit: AuditLog) -> None:
    axes = [
        {"name": "environment", "values": ["long", "short"]},
        {"name": "hardware", "values": ["h100"]},
    ]
    image = operator.images["sample-workload-cuda"]
    environments = {
        "long": {"image": image, "env": {f"PROBE_{key}": str(value) for key, value in LONG.items()}},
        "short": {"image": image, "env": {"PROBE_SLEEP": "3", "PROBE_METRICS": '{"loss": [3, 2, 1]}'}},
    }
    manifest = matrix(
        "killed",
        operator.images,
        axes=axes,
        catalog={"environments": environments},
        logs={"mode": "follow"},
        metrics=[{"name": "loss", "from": "prefix"}],
        trials=3,
        parallelism=3,  # so that there is something left to launch after the kill
        retention={"jobs": "all"},
    )
    found = apply(kube, manifest)
    results = operator.results(found)

    def in_the_middle() -> dict[str, bytes] | Pending:
        """At least one trial is recorded, one runs, one is not launched, and a running one's log has a sealed chunk."""
        trials = kube.get("batchmatrices", "killed").get("status", {}).get("trials", {})
        sealed = [key for key in results.keys("logs/") if key.endswith("/00000001.log.zst") and "/long" in key]
        if all(trials.get(state, 0) >= 1 for state in ("done", "running", "waiting")) and sealed:
            return {key: results.read(key) for key in (*sealed, *results.keys("ledger/"))}
        return Pending({"trials": trials, "sealed": sealed})

    before = wait_for(in_the_middle, timeout=90, what="the matrix to be in the middle", interval=0.2)
    restarts = operator.pod()["status"]["containerStatuses"][0]["restartCount"]
    os.kill(operator.process(), signal.SIGKILL)
    wait_until_restarted(operator, restarts + 1)

    _, after, _ = settled(operator, kube, "killed", timeout=240)
    outcomes = after.outcomes()
    assert len(outcomes) == len(after.records) == 6
    assert set(outcomes.values()) == {"Succeeded"}
    # Nothing that was durable has changed.
    assert {key: results.read(key) for key in before} == before
    # No launch was sent twice, nor did a finished one get a second Job.
    created = audit.created_jobs(user=ACCOUNT, namespace=kube.namespace)
    assert len(created) == len(set(created)) == 6
    pods = {pod["metadata"]["uid"]: pod for pod in children(kube, "pods", "killed")}
    assert len(pods) == 6
    assert {record["writer"] for record in after.records} > {after.records[0]["writer"]}, "all have one writer"
    for record in after.records:
        _assert_whole(results.keys("logs/"), raw_log(results, record), record, pods[record["podUid"]])
        if record["cell"].startswith("long"):
            assert len(kube.logs(record["pod"])) < record["log"]["bytes"], "the node has not begun a new file"
    # The chunk that was sealed before the kill is the beginning of a log that went on after it.
    went_on = [
        key
        for key in before
        if key.startswith("logs/") and key.replace("00000001", "00000002") in results.keys("logs/")
    ]
    assert went_on


def _assert_whole(keys: list[str], kept: bytes, record: Json, pod: Json) -> None:
    said = probe_facts(pod)
    assert record["log"]["state"] == "complete", record["log"]["message"]
    assert hashlib.sha256(kept).hexdigest() == said["sha256"] == record["log"]["sha256"]
    assert len(kept) == said["bytes"]
    assert keys
    losses = {metric["name"]: (metric["value"], metric["count"]) for metric in record["log"]["metrics"]}
    assert losses["loss"] == ((1, 3) if record["cell"].startswith("short") else (None, 0))


def test_ledgers_of_other_matrices_are_left_alone_by_a_restart(operator: Installation, kube: Kube) -> None:
    """A finished matrix is not written to again, whatever happens to the operator."""
    manifest = matrix("quiet", operator.images, axes=[{"name": "hardware", "values": ["h100"]}])
    apply(kube, manifest)
    found, before, results = settled(operator, kube, "quiet")
    keys = results.keys()
    restarts = operator.pod()["status"]["containerStatuses"][0]["restartCount"]
    os.kill(operator.process(), signal.SIGKILL)
    wait_until_restarted(operator, restarts + 1)
    apply(kube, matrix("after", operator.images, axes=[{"name": "hardware", "values": ["h100"]}]))
    settled(operator, kube, "after")
    assert results.keys() == keys
    assert ledger(results).shards == before.shards
    again = kube.get("batchmatrices", "quiet")
    assert again["metadata"]["resourceVersion"] == found["metadata"]["resourceVersion"]
