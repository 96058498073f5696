"""What goes wrong shows where it went wrong, and only there; what is tried again is tried with the same numbers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.audit import AuditLog
from tests.support.cluster import Json, Kube
from tests.support.cluster_matrices import (
    HARDWARE,
    apply,
    by_environment,
    children,
    finished,
    ledger,
    matrix,
    probe_facts,
    raw_log,
    settled,
    summary,
)
from tests.support.installation import ACCOUNT, Installation
from tests.support.jobs import condition
from tests.support.wait import Pending, wait_for

ON_BOTH = {"name": "hardware", "values": ["h100", "mi300x"]}


def test_an_exit_code_shows_in_its_trial_and_leaves_the_others_alone(operator: Installation, kube: Kube) -> None:
    apply(
        kube,
        matrix("exits", operator.images, **by_environment(operator.images, good={}, bad={"EXIT": "1:3"}), trials=3),
    )
    found, ledger, _ = settled(operator, kube, "exits")
    assert ledger.outcomes() == {
        ("good", 0, 0): "Succeeded",
        ("good", 1, 0): "Succeeded",
        ("good", 2, 0): "Succeeded",
        ("bad", 0, 0): "Succeeded",
        ("bad", 1, 0): "UnexpectedExit",
        ("bad", 2, 0): "Succeeded",
    }
    (bad,) = (record for record in ledger.records if record["outcome"] != "Succeeded")
    assert (bad["exitCode"], bad["blame"], bad["log"]["state"]) == (3, "workload", "complete")
    assert "exit code 3" in bad["message"]
    cells = {cell["name"]: cell for cell in summary(kube, "exits")["cells"]}
    assert (cells["good"]["succeeded"], cells["good"]["failed"], cells["good"]["message"]) == (3, 0, "")
    assert (cells["bad"]["succeeded"], cells["bad"]["failed"]) == (2, 1)
    assert cells["bad"]["exitCodes"] == {"0": 2, "3": 1}
    assert "exit code 3" in cells["bad"]["message"]
    status = found["status"]
    assert (status["failed"], status["verdict"], status["progress"]) == (1, "fail", "6/6")
    assert status["outcomes"] == {"Succeeded": 5, "UnexpectedExit": 1}
    (succeeded,) = (one for one in status["conditions"] if one["type"] == "Succeeded")
    assert (succeeded["status"], succeeded["reason"]) == ("False", "CellsFailed")
    assert condition(found, "Stalled")


def test_failed_trials_are_retried_with_their_own_number_and_seed(
    operator: Installation, kube: Kube, audit: AuditLog
) -> None:
    manifest = matrix(
        "retries",
        operator.images,
        axes=[{"name": "hardware", "values": ["h100"]}],
        # Trial 0 fails once, trial 2 fails as often as it is tried.
        probe={"EXIT": "0.0:3,2:5", "METRICS": '{"loss": 0.5}'},
        metrics=[{"name": "loss", "from": "prefix", "required": True}],
        trials=3,
        seed=70,
        retry={"UnexpectedExit": {"limit": 1}},
    )
    apply(kube, manifest)
    found, ledger, results = settled(operator, kube, "retries")
    assert ledger.outcomes() == {
        ("h100", 0, 0): "UnexpectedExit",
        ("h100", 0, 1): "Succeeded",
        ("h100", 1, 0): "Succeeded",
        ("h100", 2, 0): "UnexpectedExit",
        ("h100", 2, 1): "UnexpectedExit",
    }
    pods = {pod["metadata"]["uid"]: pod for pod in children(kube, "pods", "retries")}
    for record in ledger.records:
        said = probe_facts(pods[record["podUid"]])
        assert (said["trial"], said["attempt"]) == (str(record["trial"]), str(record["attempt"]))
        assert said["seed"] == str(70 + record["trial"]) == str(record["seed"])
        assert raw_log(results, record).startswith(b"probe ")
    jobs = audit.created_jobs(user=ACCOUNT, namespace=kube.namespace)
    assert len(jobs) == len(set(jobs)) == 5
    assert {record["job"] for record in ledger.records} == set(jobs)
    status = found["status"]
    assert (status["retries"], status["failed"], status["progress"]) == (2, 1, "3/3")
    (cell,) = summary(kube, "retries")["cells"]
    assert (cell["attempts"], cell["succeeded"], cell["failed"]) == (5, 2, 1)


def test_exit_code_0_without_a_required_metric_is_no_success(operator: Installation, kube: Kube) -> None:
    manifest = matrix(
        "proof",
        operator.images,
        **by_environment(
            operator.images,
            whole={"METRICS": '{"loss": 1}'},
            silent={},
            broken={"TEXT": '::metric {"name": "loss", "value": NaN}'},
        ),
        metrics=[{"name": "loss", "from": "prefix", "required": True}],
    )
    apply(kube, manifest)
    _, ledger, _ = settled(operator, kube, "proof")
    assert ledger.outcomes() == {
        ("whole", 0, 0): "Succeeded",
        ("silent", 0, 0): "Incomplete",
        ("broken", 0, 0): "Incomplete",
    }
    for record in ledger.records:
        if record["outcome"] == "Incomplete":
            assert record["exitCode"] == 0
            assert "loss" in record["message"]


def test_a_cell_that_fits_no_node_is_unschedulable_at_once(operator: Installation, kube: Kube, audit: AuditLog) -> None:
    hardware = {**HARDWARE, "b200": {"nodeLabels": {"nvidia.com/gpu.product": "NVIDIA-B200"}}}
    axes = [{"name": "hardware", "values": ["h100", "b200"]}]
    catalog = {"hardware": hardware}
    # "At once" is before the others, which start at the same time, are done.
    apply(kube, matrix("nowhere", operator.images, axes=axes, catalog=catalog, probe={"SLEEP": 15}, trials=2))

    def look() -> Json | Pending:
        status = kube.get("batchmatrices", "nowhere").get("status", {})
        return status if status.get("outcomes", {}).get("Unschedulable") == 2 else Pending(status)

    status = wait_for(look, timeout=60, what="both trials to be Unschedulable")
    assert status["trials"]["done"] == 2
    found, ledger, _ = settled(operator, kube, "nowhere")
    assert ledger.outcomes() == {
        ("h100", 0, 0): "Succeeded",
        ("h100", 1, 0): "Succeeded",
        ("b200", 0, 0): "Unschedulable",
        ("b200", 1, 0): "Unschedulable",
    }
    for record in ledger.records:
        if record["cell"] == "b200":
            assert "nvidia.com/gpu.product=NVIDIA-B200" in record["message"]
            assert (record["job"], record["podUid"], record["log"]["state"]) == ("", "", "none")
    jobs = audit.created_jobs(user=ACCOUNT, namespace=kube.namespace)
    assert len(jobs) == 2
    assert found["status"]["verdict"] != "pass"


@pytest.fixture
def late_node(cluster: Kube, namespace: str) -> Iterator[str]:
    """A label that no node has; afterwards none has it either."""
    label = f"{namespace}.batchmatrix.test/late"
    yield label
    cluster.patch("nodes", "bmx-node-1", {"metadata": {"labels": {label: None}}})


def test_with_wait_a_cell_waits_for_its_node_to_come(operator: Installation, kube: Kube, late_node: str) -> None:
    hardware = {"late": {"nodeLabels": {late_node: "yes"}}}
    manifest = matrix(
        "waits",
        operator.images,
        axes=[{"name": "hardware", "values": ["late"]}],
        catalog={"hardware": hardware},
        placement={"noMatchingNode": "wait"},
        workload={"image": operator.images["sample-workload-cuda"], "imagesByNode": None},
    )
    del manifest["spec"]["workload"]["imagesByNode"]
    apply(kube, manifest)

    def look() -> Json | Pending:
        pods = children(kube, "pods", "waits")
        waits = [
            one for pod in pods for one in pod["status"].get("conditions", []) if one.get("reason") == "Unschedulable"
        ]
        return waits[0] if waits else Pending([pod["status"] for pod in pods])

    wait_for(look, timeout=30, what="the scheduler to find no node")
    found = kube.get("batchmatrices", "waits")
    assert condition(found, "Finished") is None
    kube.patch("nodes", "bmx-node-1", {"metadata": {"labels": {late_node: "yes"}}})
    finished(kube, "waits")
    # The scheduler can learn of the label before the kubelet does, which then refuses the pod: nothing ran there.
    records = [one for one in ledger(operator.results(found)).records if "NodeAffinity" not in one["message"]]
    assert [(one["cell"], one["trial"], one["outcome"]) for one in records] == [("late", 0, "Succeeded")]


def test_a_timeout_ends_the_pod_and_keeps_its_log(operator: Installation, kube: Kube) -> None:
    manifest = matrix(
        "slow",
        operator.images,
        axes=[{"name": "hardware", "values": ["h100"]}],
        probe={"SLEEP": 600, "TICK": 0.2, "SIGTERM": 0},
        # Time for the program to start, and then to answer, on a machine that has a lot else to do.
        workload={"timeout": "15s", "terminationGracePeriodSeconds": 30},
    )
    apply(kube, manifest)
    _, found, results = settled(operator, kube, "slow")
    (record,) = found.records
    assert record["outcome"] == "Timeout", record["message"]
    assert record["exitCode"] == 0, "the container was killed before it could answer"
    # The probe's last words come after the signal: the log was followed before the pod was ended.
    assert raw_log(results, record).endswith(b"sigterm\n")
    assert record["log"]["state"] == "complete", record["log"]["message"]
    assert [intent["action"] for intent in found.intents] == ["timeout"]


@pytest.mark.parametrize("way", ["deleted", "evicted", "kubectl"])
def test_exit_code_0_of_a_pod_that_somebody_ended_is_no_success(operator: Installation, kube: Kube, way: str) -> None:
    """Kubernetes counts such a Job as Complete; here it is tried again and the first attempt says what happened."""
    manifest = matrix(
        way,
        operator.images,
        axes=[{"name": "hardware", "values": ["h100"]}],
        # The first attempt runs until somebody ends it, and then says that all is well.
        probe={"SLEEP": 300, "TICK": 0.2, "SIGTERM": 0},
        workload={"terminationGracePeriodSeconds": 30},
        logs={"mode": "follow"},
        retry={"Evicted": {"limit": 0}, "Interrupted": {"limit": 0}, "Incomplete": {"limit": 0}},
    )
    apply(kube, manifest)
    # Ten seconds of ticks: by then it is followed, on a busy machine too.
    pod = wait_for(lambda: _ticking(kube, way), timeout=90, what="the trial to run")
    if way == "deleted":
        kube.delete("pods", pod)
    elif way == "evicted":
        kube.evict(pod)
    else:
        kube.kubectl("delete", "pod", pod)  # which waits until nothing holds the object any more
    _, found, results = settled(operator, kube, way)
    (record,) = found.records
    assert record["outcome"] != "Succeeded"
    assert record["exitCode"] == 0
    assert record["blame"] != "workload"
    assert raw_log(results, record).endswith(b"sigterm\n")
    assert record["log"]["state"] == "complete", record["log"]["message"]


def _ticking(kube: Kube, name: str) -> str | Pending:
    for pod in children(kube, "pods", name):
        if pod["status"]["phase"] == "Running" and b"tick 50\n" in kube.logs(pod["metadata"]["name"]):
            return str(pod["metadata"]["name"])
    return Pending([pod["status"] for pod in children(kube, "pods", name)])
