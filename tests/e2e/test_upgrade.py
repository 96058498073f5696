"""`helm upgrade` replaces the operator while trials run: nothing is lost, nothing runs twice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from tests.support.audit import AuditLog
from tests.support.cluster import Json, Kube
from tests.support.cluster_matrices import apply, children, matrix, probe_facts, raw_log, settled
from tests.support.installation import ACCOUNT, Installation
from tests.support.wait import Pending, wait_for

TRIALS = 25


@pytest.fixture
def upgradable(operator: Installation) -> Iterator[Installation]:
    """The operator, which is as it was before when the test is over."""
    yield operator
    operator.upgrade()


def test_an_upgrade_in_the_middle_of_fifty_trials_loses_and_repeats_nothing(
    upgradable: Installation, kube: Kube, audit: AuditLog
) -> None:
    operator = upgradable
    manifest = matrix(
        "upgraded",
        operator.images,
        axes=[{"name": "hardware", "values": ["h100", "mi300x"]}],
        probe={"LINES": 200, "SLEEP": 12, "TICK": 1, "METRICS": '{"loss": [3, 2, 1]}'},
        metrics=[{"name": "loss", "from": "prefix", "required": True}],
        logs={"mode": "follow"},
        trials=TRIALS,
        parallelism=25,
    )
    apply(kube, manifest)

    def in_the_middle() -> Json | Pending:
        trials: Json = kube.get("batchmatrices", "upgraded").get("status", {}).get("trials", {})
        least = {"done": 1, "running": 1, "waiting": 10}
        return trials if all(trials.get(state, 0) >= few for state, few in least.items()) else Pending(trials)

    wait_for(in_the_middle, timeout=120, what="trials to be done, running and waiting")
    before = operator.pod()
    operator.upgrade(logLevel="debug")
    after = operator.pod()
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    config = "batchmatrix.dev/config"
    assert after["metadata"]["annotations"][config] != before["metadata"]["annotations"][config]

    found, records, results = settled(operator, kube, "upgraded", timeout=240)
    wanted = {(cell, trial, 0): "Succeeded" for cell in ("h100", "mi300x") for trial in range(TRIALS)}
    assert records.outcomes() == wanted
    jobs = audit.created_jobs(user=ACCOUNT, namespace=kube.namespace)
    assert len(jobs) == len(set(jobs)) == 2 * TRIALS
    pods = {pod["metadata"]["uid"]: pod for pod in children(kube, "pods", "upgraded")}
    assert len(pods) == 2 * TRIALS
    assert len({record["writer"] for record in records.records}) == 2, "not both pods have written records"
    for record in records.records:
        said = probe_facts(pods[record["podUid"]])
        assert record["log"]["state"] == "complete", record["log"]["message"]
        kept = raw_log(results, record)
        assert hashlib.sha256(kept).hexdigest() == said["sha256"] == record["log"]["sha256"]
        assert [(metric["value"], metric["count"]) for metric in record["log"]["metrics"]] == [(1, 3)]
    assert (found["status"]["progress"], found["status"]["verdict"]) == ("50/50", "pass")
