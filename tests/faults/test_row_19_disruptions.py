"""Row 19: evicted, drained, out of memory, killed, no image, no node: each has its own outcome, blame and budget."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable

from tests.faults.conftest import Benches
from tests.support.cluster import Json, Kube
from tests.support.faults.bench import Bench
from tests.support.faults.matrices import A100
from tests.support.faults.plays import PodPlay, Trial
from tests.support.faults.proxy import Call
from tests.support.operators import matrix_on
from tests.support.wait import Pending

NOWHERE = {"nvidia.com/gpu.product": "NVIDIA-NONE"}
WAYS = ["good", "evicted", "ended-then-evicted", "oom", "killed", "image"]
NOBODY_PULLS = "1h"


def play(trial: Trial) -> PodPlay:
    """What the pods of each cell do by themselves."""
    match trial.cell.partition("-")[2], trial.attempt:
        case "evicted", 0:
            return PodPlay(hold=True)
        case "oom", _:
            return PodPlay(exit_code=137, reason="OOMKilled")
        case "killed", _:
            return PodPlay(exit_code=137)
        case _:
            return PodPlay()


def without_image(call: Call) -> None:
    """Pods of cell `image` are never started by kwok."""
    if call.what.kind == "create jobs":
        job = json.loads(call.body)
        if job["metadata"]["labels"]["batchmatrix.dev/cell"].endswith("-image"):
            annotations = job["spec"]["template"]["metadata"].setdefault("annotations", {})
            annotations["kwok.batchmatrix.dev/start-delay"] = NOBODY_PULLS
            call.body = json.dumps(job).encode()


def pod_of(kube: Kube, cell: str, *, phase: str) -> Callable[[], Json | Pending]:
    """The one pod of a cell, once it is on a node and in this phase."""

    def look() -> Json | Pending:
        pods = kube.list("pods", selector=f"batchmatrix.dev/cell=any-{cell}")
        there = [pod for pod in pods if pod["status"].get("phase") == phase and pod["spec"].get("nodeName")]
        return there[0] if there else Pending([pod["status"] for pod in pods])

    return look


def report_no_image(kube: Kube, pod: str) -> None:
    """What a kubelet says of an image that it cannot have."""
    waiting = {"reason": "ImagePullBackOff", "message": "Back-off pulling image fake:1"}
    status = {
        "name": "trial",
        "state": {"waiting": waiting},
        "ready": False,
        "restartCount": 0,
        "image": "fake:1",
        "imageID": "",
    }
    kube.patch("pods", pod, {"status": {"containerStatuses": [status]}}, subresource="status")


def confirm_the_end(case: Bench, pod: str) -> None:
    """What a kubelet reports of a deleted pod whose container never started, and kwok does not."""
    case.wait(
        lambda: case.kube.get("pods", pod)["metadata"].get("deletionTimestamp") or Pending("it is not given up yet"),
        what="the pod without an image to be given up",
    )
    case.kube.patch("pods", pod, {"status": {"phase": "Failed"}}, subresource="status")


def test_each_disruption_is_told_from_the_workloads_own_failures(stage: Benches) -> None:
    with stage(play=play) as case:
        case.api.prepare.append(without_image)
        case.operator.start()
        spec = {
            "retry": {"OOMKilled": {"limit": 0}, "ImageError": {"limit": 0}, "Evicted": {"limit": 1}},
            "pending": {"imagePull": "4s"},
            "retention": {"jobs": "all"},
        }
        axes = [{"name": "way", "values": WAYS}]
        exclude = [{"hardware": "none", "way": [way for way in WAYS if way != "good"]}]
        matrix = matrix_on("rough", {"any": A100, "none": NOWHERE}, axes=axes, exclude=exclude, **spec)
        case.kube.create("batchmatrices", matrix)
        image = case.wait(pod_of(case.kube, "image", phase="Pending"), what="the pod without an image")
        report_no_image(case.kube, image["metadata"]["name"])
        running = case.wait(pod_of(case.kube, "evicted", phase="Running"), what="the pod to evict")
        case.kube.evict(running["metadata"]["name"])
        confirm_the_end(case, image["metadata"]["name"])
        case.settled("rough")
        ended = case.wait(pod_of(case.kube, "ended-then-evicted", phase="Succeeded"), what="the pod that has ended")
        case.kube.evict(ended["metadata"]["name"])
        assert judged(case) == {
            "any-good": [("Succeeded", "nobody")],
            "any-evicted": [("Evicted", "infrastructure"), ("Succeeded", "nobody")],
            "any-ended-then-evicted": [("Succeeded", "nobody")],
            "any-oom": [("OOMKilled", "workload")],
            "any-killed": [("UnexpectedExit", "workload")],
            "any-image": [("ImageError", "infrastructure")],
            "none-good": [("Unschedulable", "infrastructure")],
        }
        status = case.kube.get("batchmatrices", "rough")["status"]
        assert status["retries"] == 1
        assert status["trials"]["succeeded"] == 3
        assert status["verdict"] == "fail"  # the workload ran out of memory, whatever else went wrong
        assert case.deaths == []


def judged(case: Bench) -> dict[str, list[tuple[str, str]]]:
    """Outcome and blame of every attempt, by cell."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for record in sorted(case.records(), key=lambda record: record["attempt"]):
        found[record["cell"]].append((record["outcome"], record["blame"]))
    return dict(found)
