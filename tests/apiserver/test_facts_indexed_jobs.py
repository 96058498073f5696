"""Why a trial is a Job of its own: how Indexed Jobs, the other way, behave."""

from __future__ import annotations

from tests.support.cluster import Json, Kube
from tests.support.fake_kubelet import NO_SCHEDULER, FakeKubelet
from tests.support.jobs import job_manifest, pods_of, wait_for_job
from tests.support.wait import Pending, wait_for

INDEX = "batch.kubernetes.io/job-completion-index"


def start(kube: Kube, kubelet: FakeKubelet, count: int) -> dict[str, str]:
    """An Indexed Job `many`, all its pods running; pod names by index."""
    spec: Json = {
        "backoffLimit": None,
        "completionMode": "Indexed",
        "completions": count,
        "parallelism": count,
        "backoffLimitPerIndex": 0,
        "maxFailedIndexes": count,
    }
    manifest = job_manifest("many", pod=NO_SCHEDULER, spec=spec)
    del manifest["spec"]["backoffLimit"]
    kube.create("jobs", manifest)
    pods = wait_for(lambda: _by_index(kube, count), timeout=20, what=f"{count} pods")
    for pod in pods.values():
        kubelet.run(pod)
    wait_for(lambda: _status(kube, active=count), timeout=20, what="the Job to count its pods")
    return pods


def test_failed_and_evicted_indexes_are_not_run_again(kube: Kube, kubelet: FakeKubelet) -> None:
    pods = start(kube, kubelet, 3)
    kubelet.end(pods["0"], 0)
    kubelet.end(pods["1"], 3)
    kube.evict(pods["2"])
    kubelet.end(pods["2"], 137)
    kubelet.let_go(pods["2"])
    status = wait_for_job(kube, "many", "Failed")["status"]
    assert (status["completedIndexes"], status["failedIndexes"]) == ("0", "1,2")
    assert {pod["metadata"]["name"] for pod in pods_of(kube, "many")} <= set(pods.values())


def test_lowering_parallelism_kills_a_pod_and_runs_its_index_twice_even_if_it_ended_well(
    kube: Kube, kubelet: FakeKubelet
) -> None:
    """An Indexed Job cannot be told to start nothing more without killing: its index loses a good result."""
    pods = start(kube, kubelet, 2)
    kube.patch("jobs", "many", {"spec": {"parallelism": 1}})
    index, pod = wait_for(lambda: _being_deleted(kube, pods), timeout=20, what="a pod to be deleted")
    kubelet.end(pod, 0)
    kubelet.let_go(pod)
    wait_for(lambda: _status(kube, active=1), timeout=20, what="the Job to count one pod")
    assert kube.get("jobs", "many")["status"].get("completedIndexes", "") == ""
    kube.patch("jobs", "many", {"spec": {"parallelism": 2}})
    again = wait_for(lambda: _by_index(kube, 2), timeout=20, what="a second pod for the index")
    assert again[index] != pod


def _by_index(kube: Kube, count: int) -> dict[str, str] | Pending:
    found = {
        pod["metadata"]["annotations"][INDEX]: str(pod["metadata"]["name"])
        for pod in pods_of(kube, "many")
        if "deletionTimestamp" not in pod["metadata"]
    }
    return found if len(found) == count else Pending(found)


def _status(kube: Kube, *, active: int) -> bool | Pending:
    status = kube.get("jobs", "many")["status"]
    return status.get("active", 0) == active or Pending(status)


def _being_deleted(kube: Kube, pods: dict[str, str]) -> tuple[str, str] | Pending:
    for index, name in pods.items():
        pod = kube.find("pods", name)
        if pod is None or "deletionTimestamp" in pod["metadata"]:
            return index, name
    return Pending("none")
