"""A container killed for want of memory is tried again with more of it, and both attempts are told."""

from __future__ import annotations

from batchmatrix.base.quantities import parse_quantity
from tests.support.cluster import Json, Kube
from tests.support.cluster_matrices import apply, by_environment, children, matrix, raw_log, settled
from tests.support.installation import Installation

MEBIBYTE = 2**20


def memory(kube: Kube, name: str) -> dict[str, Json]:
    """Bytes that each attempt's container asks for and may have, by its Job."""
    found = {}
    for job in children(kube, "jobs", name):
        resources = job["spec"]["template"]["spec"]["containers"][0]["resources"]
        found[job["metadata"]["name"]] = {
            kind: int(parse_quantity(resources[kind]["memory"])) for kind in ("requests", "limits")
        }
    return found


def test_an_oom_kill_is_retried_with_half_as_much_again(operator: Installation, kube: Kube) -> None:
    manifest = matrix(
        "hungry",
        operator.images,
        # Too much for the limit, and not for one and a half of it.
        **by_environment(operator.images, big={"MEMORY": 40 * MEBIBYTE}, small={}),
        workload={"resources": {"requests": {"memory": "20Mi"}, "limits": {"memory": "40Mi"}}},
    )
    apply(kube, manifest)
    found, after, results = settled(operator, kube, "hungry")
    assert after.outcomes() == {
        ("small", 0, 0): "Succeeded",
        ("big", 0, 0): "OOMKilled",
        ("big", 0, 1): "Succeeded",
    }
    asked = memory(kube, "hungry")
    for record in after.records:
        grown = (record["cell"], record["attempt"]) == ("big", 1)
        request, limit = (30, 60) if grown else (20, 40)
        assert asked[record["job"]] == {"requests": request * MEBIBYTE, "limits": limit * MEBIBYTE}, record["job"]
        assert raw_log(results, record).startswith(b"probe ")
    (killed,) = (record for record in after.records if record["outcome"] == "OOMKilled")
    assert (killed["exitCode"], killed["blame"], killed["log"]["state"]) == (137, "workload", "complete")
    assert "memory" in killed["message"]
    assert (found["status"]["retries"], found["status"]["verdict"]) == (1, "pass")


def test_an_oom_kill_that_may_not_be_retried_is_the_result(operator: Installation, kube: Kube) -> None:
    manifest = matrix(
        "starved",
        operator.images,
        **by_environment(operator.images, big={"MEMORY": 40 * MEBIBYTE}),
        workload={"resources": {"limits": {"memory": "40Mi"}}},
        retry={"OOMKilled": {"limit": 0}},
    )
    apply(kube, manifest)
    found, after, _ = settled(operator, kube, "starved")
    assert after.outcomes() == {("big", 0, 0): "OOMKilled"}
    assert (found["status"]["failed"], found["status"]["verdict"]) == (1, "fail")
