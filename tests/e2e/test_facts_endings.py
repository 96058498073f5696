"""How real pods end, and what their Jobs make of it: what the outcome table takes for granted."""

from __future__ import annotations

from batchmatrix.base.clock import parse_rfc3339
from tests.support.cluster import Json, Kube
from tests.support.jobs import condition, container, pods_of, wait_for_job, wait_for_pod
from tests.support.real_pods import release, run_job, wait_for_log, when
from tests.support.wait import Pending, wait_for

FOREVER = "echo started; while :; do sleep 1; done"
GRACEFUL = "trap 'echo stopping; exit 0' TERM; echo started; while :; do sleep 0.1; done"


def assert_one_pod(kube: Kube, kind: str, pod: str) -> None:
    """The Job ended as `kind` and never had another pod than `pod`."""
    status = wait_for_job(kube, "one", kind, timeout=60)["status"]
    assert (status.get("failed", 0), status.get("succeeded", 0)) == ((1, 0) if kind == "Failed" else (0, 1))
    assert {other["metadata"]["name"] for other in pods_of(kube, "one")} <= {pod}
    created = [event["message"] for event in kube.list("events", fields="reason=SuccessfulCreate")]
    assert created == [f"Created pod: {pod}"]


def ended(kube: Kube, pod: str, *, what: str) -> Json:
    """The pod's object once its container has ended and its phase is final."""
    return when(kube, pod, lambda found: found["status"]["phase"] in ("Failed", "Succeeded"), what=what)


def test_an_exit_code_ends_the_job(kube: Kube, busybox: str) -> None:
    pod = run_job(kube, busybox, "exit 3")
    found = wait_for_pod(kube, pod, "Failed")
    assert (container(found)["exitCode"], container(found)["reason"]) == (3, "Error")
    assert_one_pod(kube, "Failed", pod)


def test_a_pod_deleted_by_hand_ends_the_job(kube: Kube, busybox: str) -> None:
    pod = run_job(kube, busybox, FOREVER)
    wait_for_log(kube, pod, b"started")
    kube.delete("pods", pod)
    assert_one_pod(kube, "Failed", pod)


def test_an_evicted_pod_is_failed_with_137(kube: Kube, busybox: str) -> None:
    pod = run_job(kube, busybox, FOREVER, keep=True)
    wait_for_log(kube, pod, b"started")
    kube.evict(pod)
    found = ended(kube, pod, what="the evicted pod to end")
    assert found["status"]["phase"] == "Failed"
    assert (container(found)["exitCode"], container(found)["reason"]) == (137, "Error")
    assert (condition(found, "DisruptionTarget") or {})["reason"] == "EvictionByEvictionAPI"
    assert found["metadata"]["deletionTimestamp"]
    release(kube, pod)
    assert_one_pod(kube, "Failed", pod)


def test_too_much_memory_is_oomkilled_with_137(kube: Kube, busybox: str) -> None:
    limits = {"resources": {"limits": {"memory": "24Mi"}, "requests": {"memory": "24Mi"}}}
    pod = run_job(kube, busybox, "exec tail /dev/zero", trial=limits)
    found = wait_for_pod(kube, pod, "Failed", timeout=60)
    assert (container(found)["exitCode"], container(found)["reason"]) == (137, "OOMKilled")
    assert_one_pod(kube, "Failed", pod)


def test_exit_0_under_deletion_completes_the_job(kube: Kube, busybox: str) -> None:
    """deletionTimestamp, less its grace, against finishedAt is all that tells it from a success."""
    pod = run_job(kube, busybox, GRACEFUL, keep=True, pod={"terminationGracePeriodSeconds": 20})
    wait_for_log(kube, pod, b"started")
    kube.delete("pods", pod)
    asked_for = kube.get("pods", pod)["metadata"]
    found = ended(kube, pod, what="the deleted pod to end")
    assert (found["status"]["phase"], container(found)["exitCode"]) == ("Succeeded", 0)
    asked = parse_rfc3339(asked_for["deletionTimestamp"]) - asked_for["deletionGracePeriodSeconds"]
    assert asked <= parse_rfc3339(container(found)["finishedAt"])
    release(kube, pod)
    assert_one_pod(kube, "Complete", pod)


def test_the_kubelet_overwrites_the_time_of_a_deletion_that_ended_a_container(kube: Kube, busybox: str) -> None:
    """Its last word has grace 0, and the time of the deletion is then after the end that the deletion brought about.

    So a reader must keep the time that it saw first: else an exit code of 0 under SIGTERM looks like a success.
    """
    slow = "trap 'sleep 2; exit 0' TERM; echo started; while :; do sleep 0.1; done"
    pod = run_job(kube, busybox, slow, keep=True, pod={"terminationGracePeriodSeconds": 20})
    wait_for_log(kube, pod, b"started")
    kube.delete("pods", pod)
    first = kube.get("pods", pod)["metadata"]
    asked = parse_rfc3339(first["deletionTimestamp"]) - first["deletionGracePeriodSeconds"]
    found = when(
        kube,
        pod,
        lambda one: one["metadata"]["deletionGracePeriodSeconds"] == 0,
        what="the kubelet to let the pod go",
    )
    finished = parse_rfc3339(container(found)["finishedAt"])
    assert asked < finished <= parse_rfc3339(found["metadata"]["deletionTimestamp"])
    release(kube, pod)


def test_the_active_deadline_fails_the_pod_and_the_job(kube: Kube, busybox: str) -> None:
    pod = run_job(kube, busybox, FOREVER, keep=True, pod={"activeDeadlineSeconds": 3})
    found = wait_for_pod(kube, pod, "Failed", timeout=60)
    assert found["status"]["reason"] == "DeadlineExceeded"
    assert "deletionTimestamp" not in found["metadata"]
    release(kube, pod)
    assert_one_pod(kube, "Failed", pod)


def test_resuming_a_suspended_job_runs_a_second_pod(kube: Kube, busybox: str) -> None:
    first = run_job(kube, busybox, FOREVER, keep=True)
    wait_for_log(kube, first, b"started")
    kube.patch("jobs", "one", {"spec": {"suspend": True}})
    found = ended(kube, first, what="the suspended Job's pod to end")
    assert found["status"]["phase"] == "Failed"
    assert condition(found, "DisruptionTarget") is None
    job = wait_for_job(kube, "one", "Suspended")
    assert job["status"].get("failed", 0) == 0
    kube.patch("jobs", "one", {"spec": {"suspend": False}})
    release(kube, first)
    (second,) = wait_for(lambda: _running(kube), timeout=60, what="a pod of the resumed Job to run")
    assert second != first
    release(kube, second)


def _running(kube: Kube) -> list[str] | Pending:
    pods = {str(pod["metadata"]["name"]): pod["status"]["phase"] for pod in pods_of(kube, "one")}
    return [name for name, phase in pods.items() if phase == "Running"] or Pending(pods)
