"""What the operator takes for granted about Jobs, each fact by itself.

A new Kubernetes version that changes one of them must be noticed here and not in somebody's results.
"""

from __future__ import annotations

from batchmatrix.base.clock import parse_rfc3339
from tests.support.cluster import Json, Kube
from tests.support.fake_kubelet import NO_SCHEDULER, FakeKubelet
from tests.support.jobs import FINALIZER, condition, container, job_manifest, one_pod, pods_of, wait_for_job
from tests.support.wait import Pending, wait_for


def start(kube: Kube, kubelet: FakeKubelet, *, finalizers: tuple[str, ...] = ()) -> str:
    """A Job `one` with a running pod; the pod's name."""
    kube.create("jobs", job_manifest("one", pod=NO_SCHEDULER, finalizers=finalizers))
    name: str = one_pod(kube, "one")["metadata"]["name"]
    kubelet.run(name)
    wait_for(lambda: kube.get("jobs", "one")["status"].get("active") == 1, timeout=10, what="the Job to count its pod")
    return name


def assert_ended_without_a_second_pod(kube: Kube, kind: str, pod: str) -> Json:
    """The Job has ended as `kind`, counts one pod, and no other pod than `pod` was ever made."""
    job = wait_for_job(kube, "one", kind)
    assert {other["metadata"]["name"] for other in pods_of(kube, "one")} <= {pod}
    status = job["status"]
    assert (status.get("failed", 0), status.get("succeeded", 0)) == ((1, 0) if kind == "Failed" else (0, 1))
    made = {
        event["involvedObject"]["name"]: event["message"]
        for event in kube.list("events", fields="reason=SuccessfulCreate")
    }
    assert made == {"one": f"Created pod: {pod}"}
    return job


def test_a_failed_pod_ends_its_job(kube: Kube, kubelet: FakeKubelet) -> None:
    pod = start(kube, kubelet)
    kubelet.end(pod, 3)
    job = assert_ended_without_a_second_pod(kube, "Failed", pod)
    assert (condition(job, "Failed") or {})["reason"] == "BackoffLimitExceeded"


def test_a_pod_deleted_by_hand_ends_its_job(kube: Kube, kubelet: FakeKubelet) -> None:
    pod = start(kube, kubelet)
    kube.delete("pods", pod)
    kubelet.end(pod, 137)
    kubelet.let_go(pod)
    assert_ended_without_a_second_pod(kube, "Failed", pod)


def test_an_evicted_pod_ends_its_job(kube: Kube, kubelet: FakeKubelet) -> None:
    pod = start(kube, kubelet)
    kube.evict(pod)
    marked = kube.get("pods", pod)
    assert (condition(marked, "DisruptionTarget") or {})["reason"] == "EvictionByEvictionAPI"
    assert marked["metadata"]["deletionTimestamp"]
    kubelet.end(pod, 137)
    kubelet.let_go(pod)
    assert_ended_without_a_second_pod(kube, "Failed", pod)


def test_a_pod_deleted_by_force_leaves_its_job_open_until_somebody_reports_its_end(
    kube: Kube, kubelet: FakeKubelet
) -> None:
    """The Job controller's own finalizer holds the object, and podReplacementPolicy Failed waits for a final phase."""
    pod = start(kube, kubelet)
    kube.delete("pods", pod, grace=0)
    status = wait_for(lambda: _terminating(kube), timeout=20, what="the Job to count a terminating pod")
    assert (status.get("active", 0), status.get("failed", 0)) == (0, 0)
    assert kube.get("pods", pod)["metadata"]["finalizers"] == ["batch.kubernetes.io/job-tracking"]
    kubelet.end(pod, 137)
    assert_ended_without_a_second_pod(kube, "Failed", pod)


def test_a_pod_that_is_deleted_and_exits_with_0_completes_its_job(kube: Kube, kubelet: FakeKubelet) -> None:
    """Kubernetes calls it a success; only the deletionTimestamp against finishedAt says that it was cut short."""
    pod = start(kube, kubelet, finalizers=(FINALIZER,))
    kube.delete("pods", pod)
    kept = kubelet.end(pod, 0)
    asked = parse_rfc3339(kept["metadata"]["deletionTimestamp"]) - kept["metadata"]["deletionGracePeriodSeconds"]
    assert asked <= parse_rfc3339(container(kept)["finishedAt"])
    kubelet.let_go(pod)
    assert_ended_without_a_second_pod(kube, "Complete", pod)
    assert kube.get("pods", pod)["status"]["phase"] == "Succeeded"
    release(kube, pod)


def test_the_time_of_a_deletion_is_overwritten_when_the_kubelet_lets_a_held_pod_go(
    kube: Kube, kubelet: FakeKubelet
) -> None:
    """Afterwards deletionTimestamp less its grace is later than the end of the container that the deletion ended."""
    pod = start(kube, kubelet, finalizers=(FINALIZER,))
    kube.delete("pods", pod, grace=300)
    before = kubelet.end(pod, 0)["metadata"]
    assert before["deletionGracePeriodSeconds"] == 300
    kubelet.let_go(pod)
    after = kube.get("pods", pod)["metadata"]
    assert after["deletionGracePeriodSeconds"] == 0
    assert parse_rfc3339(before["deletionTimestamp"]) - parse_rfc3339(after["deletionTimestamp"]) > 200
    release(kube, pod)


def test_an_eviction_marks_pods_that_had_finished(kube: Kube, kubelet: FakeKubelet) -> None:
    """So a disruption mark alone proves nothing: its time must be compared with the end of the container."""
    pod = start(kube, kubelet, finalizers=(FINALIZER,))
    kubelet.end(pod, 0)
    wait_for_job(kube, "one", "Complete")
    kube.evict(pod)
    marked = kube.get("pods", pod)
    mark = condition(marked, "DisruptionTarget")
    assert mark is not None
    assert mark["reason"] == "EvictionByEvictionAPI"
    assert marked["metadata"]["deletionTimestamp"]
    assert marked["status"]["phase"] == "Succeeded"
    assert parse_rfc3339(container(marked)["finishedAt"]) <= parse_rfc3339(mark["lastTransitionTime"])
    assert condition(kube.get("jobs", "one"), "Complete")
    release(kube, pod)


def test_the_job_controller_keeps_our_finalizer_on_the_pods(kube: Kube, kubelet: FakeKubelet) -> None:
    """It takes its own off when it has counted the pod, and ours holds the deleted pod's object."""
    pod = start(kube, kubelet, finalizers=(FINALIZER,))
    kubelet.end(pod, 3)
    wait_for_job(kube, "one", "Failed")
    kube.delete("jobs", "one")
    kubelet.let_go(pod)
    kept = wait_for(
        lambda: _deleted_with(kube.get("pods", pod), [FINALIZER]), timeout=20, what="only our finalizer on the pod"
    )
    assert container(kept)["exitCode"] == 3
    release(kube, pod)


def test_a_drain_waits_for_our_finalizer(kube: Kube, kubelet: FakeKubelet) -> None:
    pod = start(kube, kubelet, finalizers=(FINALIZER,))
    kubelet.end(pod, 0)
    wait_for_job(kube, "one", "Complete")
    drain = ("drain", kubelet.node, "--ignore-daemonsets", "--pod-selector=test-job=one", "--timeout=2s")
    held = kube.kubectl(*drain, check=False)
    assert held.returncode != 0
    assert f'waiting for pod "{pod}"' in held.stderr
    release(kube, pod)
    kubelet.let_go(pod)
    assert kube.kubectl(*drain, check=False).returncode == 0


def test_suspending_a_running_job_deletes_its_pod_and_resuming_makes_a_second(kube: Kube, kubelet: FakeKubelet) -> None:
    """So one Job may have two pods, and records are keyed by pod. The first carries no DisruptionTarget."""
    first = start(kube, kubelet, finalizers=(FINALIZER,))
    kube.patch("jobs", "one", {"spec": {"suspend": True}})
    gone = wait_for(lambda: _deleted(kube.get("pods", first)), timeout=20, what="the suspended Job's pod to be deleted")
    assert condition(gone, "DisruptionTarget") is None
    kubelet.end(first, 137)
    kubelet.let_go(first)
    job = wait_for_job(kube, "one", "Suspended")
    assert condition(job, "Failed") is None
    release(kube, first)
    wait_for(lambda: kube.find("pods", first) is None, timeout=10, what="the first pod to be gone")
    kube.patch("jobs", "one", {"spec": {"suspend": False}})
    second: str = one_pod(kube, "one")["metadata"]["name"]
    assert second != first
    kubelet.run(second)
    kubelet.end(second, 0)
    status = wait_for_job(kube, "one", "Complete")["status"]
    assert (status.get("failed", 0), status["succeeded"]) == (0, 1)
    release(kube, second)


def test_a_bare_delete_of_a_job_orphans_its_pod(kube: Kube, kubelet: FakeKubelet) -> None:
    """Which is why every delete of ours says propagationPolicy=Background."""
    pod = start(kube, kubelet)
    kube.call("DELETE", kube.path("jobs", "one"))
    wait_for(lambda: kube.find("jobs", "one") is None, timeout=20, what="the Job to be gone")
    left = wait_for(
        lambda: _without_owner(kube.get("pods", pod)), timeout=20, what="the pod to lose its owner reference"
    )
    assert "deletionTimestamp" not in left["metadata"]


def release(kube: Kube, pod: str) -> None:
    """Take our finalizer off, as the operator does."""
    kube.drop_finalizer(pod, FINALIZER)


def _terminating(kube: Kube) -> Json | Pending:
    status: Json = kube.get("jobs", "one")["status"]
    return status if status.get("terminating") == 1 else Pending(status)


def _deleted(pod: Json) -> Json | Pending:
    return pod if "deletionTimestamp" in pod["metadata"] else Pending(pod["metadata"])


def _deleted_with(pod: Json, finalizers: list[str]) -> Json | Pending:
    metadata = pod["metadata"]
    return pod if _deleted(pod) and metadata.get("finalizers") == finalizers else Pending(metadata)


def _without_owner(pod: Json) -> Json | Pending:
    return pod if not pod["metadata"].get("ownerReferences") else Pending(pod["metadata"])
