"""The operator on a real control plane with fake nodes: what starts, what does not, and what is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cluster import Json, Kube
from tests.support.fake_kubelet import FakeKubelet
from tests.support.kube import ensure_crds
from tests.support.operators import Operator, ended, matrix_on, served
from tests.support.wait import Pending, wait_for

A100 = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"}
MI250 = {"amd.com/gpu.product-name": "AMD_Instinct_MI250X"}


@pytest.fixture
def operator(kube: Kube, cluster: Kube, kubeconfig: Path, tmp_path: Path) -> Iterator[Operator]:
    ensure_crds(cluster)
    with served(kube, kubeconfig, tmp_path) as running:
        yield running


def outcomes(operator: Operator) -> Counter[tuple[str, str]]:
    return Counter((record["cell"], record["outcome"]) for record in operator.entries("record"))


def test_every_trial_runs_once_on_its_kind_of_node(kube: Kube, operator: Operator) -> None:
    axes = [{"name": "threads", "values": [1, 2]}]
    kube.create("batchmatrices", matrix_on("first", {"a100": A100, "mi250": MI250}, axes=axes, trials=3))
    status = ended(kube, "first")["status"]
    assert (status["progress"], status["verdict"]) == ("12/12", "pass")
    assert status["logs"] == {"complete": 12, "truncated": 0, "lost": 0}
    jobs = {job["metadata"]["name"]: job for job in kube.list("jobs")}
    assert len(jobs) == 12
    assert all(name.endswith("-a0") for name in jobs)
    found = operator.entries("record")
    assert {record["job"] for record in found} == set(jobs)
    assert {(record["cell"].split("-")[0], record["node"]) for record in found} == {
        ("a100", "bmx-fake-0"),
        ("mi250", "bmx-fake-1"),
    }
    summary = kube.get("configmaps", "first-summary")["data"]
    assert set(summary) == {"summary.json", "matrix.md", "cells.csv"}


def test_kills_at_any_time_lose_nothing_and_repeat_nothing(kube: Kube, operator: Operator) -> None:
    total = 60
    axes = [{"name": "size", "values": list(range(10))}]
    kube.create("batchmatrices", matrix_on("often", {"a100": A100, "mi250": MI250}, axes=axes, trials=3, parallelism=8))
    for share in (0.1, 0.3, 0.6):

        def far(share: float = share) -> bool | Pending:
            done = kube.get("batchmatrices", "often").get("status", {}).get("trials", {}).get("done", 0)
            return done >= share * total or Pending(done)

        wait_for(far, timeout=60, what=f"{share:.0%} of the trials to be done", interval=0.02)
        operator.kill()
        operator.start()
    status = ended(kube, "often", timeout=90)["status"]
    assert status["trials"]["succeeded"] == total
    found = operator.entries("record")
    assert len(found) == total
    assert len({(record["cellHash"], record["trial"]) for record in found}) == total
    assert len({record["podUid"] for record in found}) == total
    assert {record["attempt"] for record in found} == {0}
    assert status["ledger"]["records"] == total


def test_a_cell_without_a_node_is_unschedulable_at_once_and_the_others_run(kube: Kube, operator: Operator) -> None:
    nowhere = {"nvidia.com/gpu.product": "NVIDIA-NONE"}
    kube.create("batchmatrices", matrix_on("partly", {"a100": A100, "none": nowhere}, trials=2))
    status = ended(kube, "partly", timeout=20)["status"]
    assert status["outcomes"] == {"Succeeded": 2, "Unschedulable": 2}
    assert status["verdict"] == "inconclusive"
    assert outcomes(operator) == {("a100", "Succeeded"): 2, ("none", "Unschedulable"): 2}
    message = next(record["message"] for record in operator.entries("record") if record["cell"] == "none")
    assert "nvidia.com/gpu.product=NVIDIA-NONE" in message
    assert len(kube.list("jobs")) == 2


def test_a_preflight_passes_before_the_first_trial(kube: Kube, operator: Operator) -> None:
    checked = matrix_on("checked", {"a100": A100}, trials=2, preflight={"command": ["check"]})
    kube.create("batchmatrices", checked)
    status = ended(kube, "checked")["status"]
    assert (status["progress"], status["verdict"]) == ("2/2", "pass")
    found = operator.entries("record")
    assert found[0]["job"] == "checked-preflight-0"
    assert (found[0]["cellHash"], found[0]["trial"], found[0]["log"]["state"]) == ("preflight", 1, "complete")
    jobs = {job["metadata"]["name"]: job for job in kube.list("jobs")}
    assert len(jobs) == 3
    del jobs["checked-preflight-0"]
    passed = found[0]["finished"]  # the record counts; the Job controller may note the Job's end after it
    assert all(job["metadata"]["creationTimestamp"] >= passed for job in jobs.values())


def test_a_trial_waits_for_room_in_a_quota(kube: Kube, operator: Operator) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"}, "spec": {"hard": {"pods": "0"}}}
    kube.create("resourcequotas", quota)
    kube.create("batchmatrices", matrix_on("crowded", {"a100": A100}, pending={"other": "20s"}))

    def queued() -> Json | Pending:
        status: Json = kube.get("batchmatrices", "crowded").get("status", {})
        return status if status.get("trials", {}).get("queued") == 1 else Pending(status)

    status = wait_for(queued, timeout=60, what="the trial to be queued")
    assert "exceeded quota: few" in status["message"]
    assert operator.entries("record") == []
    kube.delete("resourcequotas", "few")
    assert ended(kube, "crowded", timeout=90)["status"]["verdict"] == "pass"  # the Job controller has backed off
    assert outcomes(operator) == {("a100", "Succeeded"): 1}


def test_a_cell_may_wait_for_a_node_to_come(kube: Kube, operator: Operator) -> None:
    nowhere = {"nvidia.com/gpu.product": "NVIDIA-LATER"}
    kube.create("batchmatrices", matrix_on("later", {"none": nowhere}, placement={"noMatchingNode": "wait"}))

    def queued() -> Json | Pending:
        status: Json = kube.get("batchmatrices", "later").get("status", {})
        return status if status.get("trials", {}).get("queued") == 1 else Pending(status)

    status = wait_for(queued, timeout=30, what="the trial to be queued")
    assert {each["type"]: each["reason"] for each in status["conditions"]}["Succeeded"] == "Queued"
    assert len(kube.list("jobs")) == 1
    assert operator.entries("record") == []


def test_an_edit_runs_the_new_cells_and_nothing_else(kube: Kube, operator: Operator) -> None:
    hardware = {"a100": A100}
    kube.create("batchmatrices", matrix_on("edit", hardware, axes=[{"name": "size", "values": [1, 2]}], trials=2))
    ended(kube, "edit")
    before = {job["metadata"]["name"]: job["metadata"]["uid"] for job in kube.list("jobs")}
    edited = matrix_on("edit", hardware, axes=[{"name": "size", "values": [2, 3]}], trials=3)
    edited["spec"]["workload"]["timeout"] = "30m"
    kube.patch("batchmatrices", "edit", edited)
    status = ended(kube, "edit", generation=2)["status"]
    assert status["progress"] == "6/6"
    after = {job["metadata"]["name"]: job["metadata"]["uid"] for job in kube.list("jobs")}
    assert before.items() <= after.items()
    assert len(after) == 4 + 1 + 3
    assert len(operator.entries("record")) == 8
    again = Counter((record["cell"], record["trial"]) for record in operator.entries("record"))
    assert set(again.values()) == {1}


def test_an_invalid_edit_stalls_and_changes_nothing(kube: Kube, operator: Operator) -> None:
    kube.create("batchmatrices", matrix_on("bad", {"a100": A100}))
    ended(kube, "bad")
    kube.patch("batchmatrices", "bad", {"spec": {"workload": {"command": ["run", "$(NOBODY)"]}}})

    def stalled() -> Json | Pending:
        status: Json = kube.get("batchmatrices", "bad")["status"]
        return status if status["observedGeneration"] == 2 else Pending(status)

    status = wait_for(stalled, timeout=20, what="generation 2 to be refused")
    conditions = {each["type"]: each for each in status["conditions"]}
    assert conditions["Stalled"]["status"] == "True"
    assert conditions["Succeeded"]["reason"] == "InvalidSpec"
    assert "NOBODY" in conditions["Stalled"]["message"]
    assert len(kube.list("jobs")) == 1
    kube.patch("batchmatrices", "bad", {"spec": {"workload": {"command": ["run"]}}})
    assert ended(kube, "bad", generation=3)["status"]["progress"] == "1/1"
    assert len(operator.entries("record")) == 1


def test_a_foreign_job_of_our_name_is_left_alone_and_said(kube: Kube, operator: Operator) -> None:
    manifest = matrix_on("taken", {"a100": A100})
    kube.create("batchmatrices", manifest)
    ended(kube, "taken")
    (job,) = kube.list("jobs")
    name = job["metadata"]["name"]
    kube.delete("batchmatrices", "taken")
    wait_for(lambda: kube.find("jobs", name) is None, timeout=30, what="the first Job to go")
    container = {"name": "other", "image": "fake:1"}
    pod = {"restartPolicy": "Never", "containers": [container], "nodeSelector": {"nobody": "home"}}
    foreign = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"template": {"spec": pod}},
    }
    uid = kube.create("jobs", foreign)["metadata"]["uid"]
    kube.create("batchmatrices", manifest)
    status = ended(kube, "taken")["status"]
    assert status["outcomes"] == {"NameConflict": 1}
    assert kube.get("jobs", name)["metadata"]["uid"] == uid
    kube.delete("jobs", name)


def test_no_more_jobs_at_once_than_the_parallelism_and_a_deleted_matrix_leaves_records(
    kube: Kube, operator: Operator, kubelet: FakeKubelet
) -> None:
    nowhere = {"test.batchmatrix.dev/none": "x"}
    waits = {"noMatchingNode": "wait"}
    quick = {"pending": {"nodeLost": "5s"}}  # nobody answers for this node when its logs are asked for
    kube.create("batchmatrices", matrix_on("held", {"own": nowhere}, trials=6, parallelism=2, placement=waits, **quick))

    def two() -> list[Json] | Pending:
        pods = kube.list("pods")
        return pods if len(pods) == 2 else Pending([pod["metadata"]["name"] for pod in pods])

    pods = wait_for(two, timeout=30, what="two pods to be made")
    for pod in pods:
        kubelet.run(pod["metadata"]["name"])

    def running() -> bool | Pending:
        status = kube.get("batchmatrices", "held").get("status", {})
        return status.get("running") == 2 or Pending(status)

    wait_for(running, timeout=30, what="two trials to run")
    assert len(kube.list("jobs")) == 2
    operator.kill()
    kube.delete("batchmatrices", "held")

    def terminating() -> bool | Pending:
        marks = [pod["metadata"].get("deletionTimestamp") for pod in kube.list("pods")]
        return (len(marks) == 2 and all(marks)) or Pending(marks)

    wait_for(terminating, timeout=30, what="the pods to be held by their finalizer")
    for pod in pods:
        kubelet.end(pod["metadata"]["name"], 143)
    operator.start()

    def released() -> bool | Pending:
        held = [pod["metadata"].get("finalizers", []) for pod in kube.list("pods")]
        return not any("batchmatrix.dev/record" in finalizers for finalizers in held) or Pending(held)

    wait_for(released, timeout=60, what="the pods to be released")
    for pod in pods:
        kubelet.let_go(pod["metadata"]["name"])
    assert outcomes(operator) == {("own", "Cancelled"): 2}
