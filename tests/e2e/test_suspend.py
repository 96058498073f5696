"""A suspended matrix starts nothing and finishes what runs; a cell is held against what is expected of it."""

from __future__ import annotations

from tests.support.audit import AuditLog
from tests.support.cluster import Json, Kube
from tests.support.cluster_matrices import apply, children, matrix, settled, summary
from tests.support.installation import ACCOUNT, Installation
from tests.support.jobs import condition
from tests.support.wait import Pending, wait_for


def suspended(kube: Kube, name: str, *, running: int) -> Json:
    """The matrix, once its status says that it is suspended and that so many trials run."""

    def look() -> Json | Pending:
        found = kube.get("batchmatrices", name)
        status = found.get("status", {})
        said = condition(found, "Reconciling")
        reason = next((one["reason"] for one in status.get("conditions", []) if one["type"] == "Succeeded"), "")
        current = status.get("observedGeneration") == found["metadata"]["generation"]
        if said and reason == "Suspended" and current and status.get("running", 0) == running:
            return found
        return Pending(status)

    return wait_for(look, timeout=60, what=f"matrix {name} to be suspended with {running} running")


def test_a_matrix_that_is_suspended_on_its_way_goes_on_without_running_anything_twice(
    operator: Installation, kube: Kube, audit: AuditLog
) -> None:
    manifest = matrix(
        "pauses",
        operator.images,
        axes=[{"name": "hardware", "values": ["h100"]}],
        probe={"SLEEP": 20},  # long enough to be met running on a busy machine
        trials=3,
        parallelism=1,
        suspend=True,
    )
    apply(kube, manifest)
    suspended(kube, "pauses", running=0)
    assert audit.created_jobs(user=ACCOUNT, namespace=kube.namespace) == []

    kube.patch("batchmatrices", "pauses", {"spec": {"suspend": False}})
    wait_for(
        lambda: (
            kube.get("batchmatrices", "pauses")["status"].get("running") == 1
            or Pending(children(kube, "pods", "pauses"))
        ),
        timeout=60,
        what="the first trial to run",
    )
    kube.patch("batchmatrices", "pauses", {"spec": {"suspend": True}})
    done = suspended(kube, "pauses", running=0)
    assert done["status"]["progress"] == "1/3"
    assert len(audit.created_jobs(user=ACCOUNT, namespace=kube.namespace)) == 1
    assert [job["spec"].get("suspend", False) for job in children(kube, "jobs", "pauses")] == [False]

    kube.patch("batchmatrices", "pauses", {"spec": {"suspend": False}})
    found, records, _ = settled(operator, kube, "pauses", timeout=200)
    assert set(records.outcomes().values()) == {"Succeeded"}
    jobs = audit.created_jobs(user=ACCOUNT, namespace=kube.namespace)
    assert len(jobs) == len(set(jobs)) == 3
    assert found["status"]["verdict"] == "pass"


def test_a_cell_that_fails_as_expected_does_not_fail_the_matrix(operator: Installation, kube: Kube) -> None:
    image = operator.images["sample-workload-cuda"]
    environments = {"good": {"image": image}, "bad": {"image": image, "env": {"PROBE_EXIT": "3"}}}
    manifest = matrix(
        "expects",
        operator.images,
        axes=[{"name": "environment", "values": ["good", "bad"]}],
        catalog={"environments": environments},
        overrides=[{"match": {"environment": "bad"}, "set": {"expect": {"outcome": "fail"}}}],
    )
    apply(kube, manifest)
    found, records, _ = settled(operator, kube, "expects")
    assert records.outcomes() == {("good", 0, 0): "Succeeded", ("bad", 0, 0): "UnexpectedExit"}
    assert (found["status"]["verdict"], found["status"]["failed"]) == ("pass", 1)
    assert {cell["name"]: (cell["expect"], cell["met"]) for cell in summary(kube, "expects")["cells"]} == {
        "good": ("success", True),
        "bad": ("fail", True),
    }


def test_an_allowed_exit_code_is_a_success_of_its_cell_alone(operator: Installation, kube: Kube) -> None:
    manifest = matrix(
        "codes",
        operator.images,
        axes=[{"name": "hardware", "values": ["h100", "mi300x"]}],
        probe={"EXIT": "3"},
        overrides=[{"match": {"hardware": "h100"}, "set": {"allowedExitCodes": [3]}}],
    )
    apply(kube, manifest)
    found, records, _ = settled(operator, kube, "codes")
    assert records.outcomes() == {("h100", 0, 0): "Succeeded", ("mi300x", 0, 0): "UnexpectedExit"}
    assert {record["exitCode"] for record in records.records} == {3}
    assert found["status"]["verdict"] == "fail"
