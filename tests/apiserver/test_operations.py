"""Reruns, cancels and early stops on a real control plane: by annotation, once, whatever the operator lived through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.cluster import Json, Kube
from tests.support.fake_kubelet import FakeKubelet
from tests.support.kube import ensure_crds
from tests.support.operators import Operator, ended, matrix_on, served
from tests.support.wait import Pending, wait_for

A100 = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"}
NOWHERE = {"nvidia.com/gpu.product": "NVIDIA-NONE"}
OWN: Json = {
    "placement": {"noMatchingNode": "wait"},
    "pending": {"nodeLost": "5s"},  # nobody answers for the test's own node when its logs are asked for
}
"""For matrices whose pods the test plays itself."""


@pytest.fixture
def operator(kube: Kube, cluster: Kube, kubeconfig: Path, tmp_path: Path) -> Iterator[Operator]:
    ensure_crds(cluster)
    with served(kube, kubeconfig, tmp_path) as running:
        yield running


def attempts(operator: Operator) -> Counter[tuple[str, int, int, int, str]]:
    """Cell, trial, attempt, rerun and outcome of every record."""
    return Counter(
        (each["cell"], each["trial"], each["attempt"], each["rerun"], each["outcome"])
        for each in operator.entries("record")
    )


def annotate(kube: Kube, name: str, action: str, value: str) -> None:
    kube.patch("batchmatrices", name, {"metadata": {"annotations": {f"batchmatrix.dev/{action}": value}}})


def handled(kube: Kube, name: str, action: str, token: str, *, timeout: float = 60) -> Json:
    """The status once this token was handled and the matrix has finished."""

    def look() -> Json | Pending:
        status: Json = kube.get("batchmatrices", name).get("status", {})
        over = {each["type"]: each["status"] for each in status["conditions"]}["Finished"] == "True"
        return status if over and status.get("operations", {}).get(action) == token else Pending(status)

    return wait_for(look, timeout=timeout, what=f"{action} {token} of {name} to be handled and over")


def reason(status: Json) -> str:
    return {each["type"]: str(each["reason"]) for each in status["conditions"]}["Succeeded"]


def pods_of(kube: Kube, count: int) -> list[str]:
    """Names of the pods that the matrix has now, once there are so many."""

    def look() -> list[str] | Pending:
        names = sorted(pod["metadata"]["name"] for pod in kube.list("pods"))
        return names if len(names) == count else Pending(names)

    return wait_for(look, timeout=60, what=f"{count} pods")


def status_of(kube: Kube, name: str, holds: Callable[[Json], bool], what: str) -> Json:
    def look() -> Json | Pending:
        status: Json = kube.get("batchmatrices", name).get("status", {})
        return status if holds(status) else Pending(status)

    return wait_for(look, timeout=60, what=what)


def test_cells_and_what_failed_run_again_once_per_token(kube: Kube, operator: Operator) -> None:
    annotated = matrix_on("again", {"a100": A100, "none": NOWHERE}, trials=2)
    annotated["metadata"]["annotations"] = {"batchmatrix.dev/cancel": "old", "batchmatrix.dev/rerun": "old:all"}
    kube.create("batchmatrices", annotated)
    status = ended(kube, "again")["status"]
    assert status["outcomes"] == {"Succeeded": 2, "Unschedulable": 2}
    assert status["operations"] == {"cancel": "old", "rerun": "old"}

    annotate(kube, "again", "rerun", "t1:cells=a100")
    status = handled(kube, "again", "rerun", "t1")
    assert status["progress"] == "4/4"
    ran = {("a100", trial, attempt, attempt, "Succeeded") for trial in (0, 1) for attempt in (0, 1)}
    unplaced = {("none", trial, 0, 0, "Unschedulable") for trial in (0, 1)}
    assert attempts(operator) == Counter(ran | unplaced)
    assert sorted(job["metadata"]["name"][-6:] for job in kube.list("jobs")) == ["-t0-a0", "-t0-a1", "-t1-a0", "-t1-a1"]

    operator.kill()
    annotate(kube, "again", "rerun", "t2")
    operator.start()
    handled(kube, "again", "rerun", "t2")
    assert attempts(operator) == Counter(ran | unplaced | {("none", t, 1, 1, "Unschedulable") for t in (0, 1)})

    before = len(operator.entries("record"))
    annotate(kube, "again", "rerun", "t1:all")
    handled(kube, "again", "rerun", "t1")
    annotate(kube, "again", "rerun", "t3:cells=nobody")
    status = handled(kube, "again", "rerun", "t3")
    assert "there is no cell 'nobody'" in status["message"]
    assert len(operator.entries("record")) == before
    tokens = [(entry["action"], entry["token"]) for entry in operator.entries("operation")]
    assert tokens == [("seen", "old"), ("seen", "old"), ("rerun", "t1"), ("rerun", "t2"), ("rerun", "t3")]
    reasons = Counter(event["reason"] for event in kube.list("events") if event["involvedObject"]["name"] == "again")
    assert (reasons["Rerun"], reasons["Refused"]) == (2, 1)


def test_a_cancelled_matrix_ends_what_runs_and_a_rerun_brings_it_back(
    kube: Kube, operator: Operator, kubelet: FakeKubelet
) -> None:
    nowhere = {"test.batchmatrix.dev/none": "x"}
    kube.create("batchmatrices", matrix_on("stop", {"own": nowhere}, trials=4, parallelism=2, order="cells", **OWN))
    running, waiting = pods_of(kube, 2)
    kubelet.run(running)
    status_of(kube, "stop", lambda status: status.get("running") == 1, "one trial to run")
    operator.kill()
    annotate(kube, "stop", "cancel", "enough")
    operator.start()

    def terminating() -> bool | Pending:
        pods = {pod["metadata"]["name"]: pod["metadata"].get("deletionTimestamp") for pod in kube.list("pods")}
        return (waiting not in pods and pods.get(running) is not None) or Pending(pods)

    wait_for(terminating, timeout=60, what="what runs to be deleted, and what waited to be gone")
    kubelet.end(running, 143)
    kubelet.let_go(running)
    status = handled(kube, "stop", "cancel", "enough")
    assert (reason(status), status["verdict"]) == ("Cancelled", "inconclusive")
    assert attempts(operator) == Counter({("own", 0, 0, 0, "Cancelled"): 1, ("own", 1, 0, 0, "Cancelled"): 1})
    assert kube.list("pods") == []
    kube.patch("batchmatrices", "stop", {"spec": {"trials": 5}})
    status_of(kube, "stop", lambda status: status["observedGeneration"] == 2, "the edit to be seen")
    assert kube.list("pods") == []

    annotate(kube, "stop", "rerun", "on")
    names = pods_of(kube, 2)
    assert [name.rsplit("-", 3)[1:3] for name in names] == [["t0", "a1"], ["t1", "a1"]]
    status = status_of(kube, "stop", lambda status: reason(status) == "Pending", "the matrix to be on its way")
    assert status["progress"] == "0/5"


def test_fail_fast_lets_what_runs_finish_and_starts_nothing(
    kube: Kube, operator: Operator, kubelet: FakeKubelet
) -> None:
    nowhere = {"test.batchmatrix.dev/none": "x"}
    spec: Json = {"trials": 5, "parallelism": 3, "order": "cells", "failFast": True, **OWN}
    kube.create("batchmatrices", matrix_on("fast", {"own": nowhere}, **spec))
    fails, runs, waits = pods_of(kube, 3)
    kubelet.run(fails)
    kubelet.run(runs)
    status_of(kube, "fast", lambda status: status.get("running") == 2, "two trials to run")
    kubelet.end(fails, 1)

    def taken_back() -> bool | Pending:
        names = [pod["metadata"]["name"] for pod in kube.list("pods")]
        return waits not in names or Pending(names)

    wait_for(taken_back, timeout=60, what="the trial that had not begun to be taken back")
    assert len(kube.list("jobs")) == 3
    kubelet.end(runs, 1)
    status = ended(kube, "fast")["status"]
    assert (reason(status), status["verdict"]) == ("CellsFailed", "fail")
    assert status["message"].startswith("stopped after 2 failed trials (failFast): 3 trials were not started; ")
    assert Counter(key[-1] for key in attempts(operator)) == {"UnexpectedExit": 2, "Cancelled": 1}
    assert len(kube.list("jobs")) == 3


def test_a_deadline_takes_back_what_waits(kube: Kube, operator: Operator) -> None:
    nowhere = {"test.batchmatrix.dev/none": "x"}
    kube.create("batchmatrices", matrix_on("late", {"own": nowhere}, trials=3, parallelism=2, deadline="4s", **OWN))
    status = ended(kube, "late")["status"]
    assert (reason(status), status["verdict"], status["progress"]) == ("DeadlineExceeded", "inconclusive", "0/3")
    assert "stopped at its deadline (4s): 3 trials were not started" in status["message"]
    assert sorted(attempts(operator).values()) == [1, 1]
    assert {key[2:] for key in attempts(operator)} == {(0, 0, "Cancelled")}


def test_results_go_with_their_matrix(kube: Kube, operator: Operator) -> None:
    for name, what in (("gone", "delete"), ("kept", "keep")):
        kube.create("batchmatrices", matrix_on(name, {"a100": A100}, retention={"jobs": "none", "onDelete": what}))
        ended(kube, name)
    assert {path.name for path in (operator.store / kube.namespace).iterdir()} == {"gone", "kept"}
    for name in ("gone", "kept"):
        kube.delete("batchmatrices", name)

    def files() -> bool | Pending:
        found = [str(path) for path in operator.store.rglob("*") if path.is_file() and "kept" not in path.parts]
        return not found or Pending(found)

    wait_for(files, timeout=60, what="the results of the one to be deleted")
    assert any(path.is_file() for path in (operator.store / kube.namespace / "kept").rglob("plan.json"))
