"""Every byte that a container wrote is in the store: small and large, read at the end and followed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pytest

from tests.support.cluster import Json, Kube
from tests.support.cluster_matrices import apply, children, matrix, probe_facts, raw_log, settled
from tests.support.installation import Installation, Results

CASES: dict[str, Json] = {
    "five-megabytes": {"LINES": 50_000, "LINE_BYTES": 105},
    "long-lines": {"LINES": 8, "LINE_BYTES": 102_400},
    "no-end-of-line": {"TAIL": "the last words"},
    "nothing-but-a-line": {},
    "not-ascii": {"TEXT": "größer → 5 µs"},
}


@dataclass(frozen=True, slots=True)
class Case:
    """One finished trial."""

    record: Json
    said: Json
    """What the container says that it wrote."""
    kept: bytes
    """What the store holds."""
    node: bytes
    """What the node still has."""


@pytest.fixture(scope="module", params=["end", "follow"])
def cases(
    request: pytest.FixtureRequest, operator: Installation, cluster: Kube, shared_namespace: str
) -> dict[str, Case]:
    """All cases by name, once read at their end and once followed while they still run."""
    mode: str = request.param
    kube = cluster.at(shared_namespace)
    name = f"logs-{mode}"
    common = {"SLEEP": 4, "TICK": 0.5} if mode == "follow" else {}
    environments = {
        case: {
            "image": operator.images["sample-workload-cuda"],
            "env": {f"PROBE_{key}": str(value) for key, value in {**common, **probe}.items()},
        }
        for case, probe in CASES.items()
    }
    axes = [{"name": "environment", "values": list(CASES)}]
    apply(kube, matrix(name, operator.images, axes=axes, catalog={"environments": environments}, logs={"mode": mode}))
    _, ledger, results = settled(operator, kube, name)
    pods = {pod["metadata"]["uid"]: pod for pod in children(kube, "pods", name)}
    return {record["cell"]: _case(kube, results, record, pods[record["podUid"]]) for record in ledger.records}


def _case(kube: Kube, results: Results, record: Json, pod: Json) -> Case:
    return Case(record, probe_facts(pod), raw_log(results, record), kube.logs(record["pod"]))


@pytest.mark.parametrize("name", CASES)
def test_the_store_has_the_bytes_that_were_written(cases: dict[str, Case], name: str) -> None:
    case = cases[name]
    log = case.record["log"]
    assert case.record["outcome"] == "Succeeded"
    assert hashlib.sha256(case.kept).hexdigest() == case.said["sha256"] == log["sha256"]
    assert len(case.kept) == case.said["bytes"] == log["bytes"]
    assert log["state"] == "complete"
    assert case.node == case.kept


def test_the_cases_are_what_they_say(cases: dict[str, Case]) -> None:
    assert cases["five-megabytes"].said["bytes"] > 5 * 2**20
    assert max(map(len, cases["long-lines"].kept.splitlines(keepends=True))) == 102_400
    assert cases["no-end-of-line"].kept.endswith(b"the last words")
    assert "größer → 5 µs\n".encode() in cases["not-ascii"].kept
