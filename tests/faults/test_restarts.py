"""Restarts of an operator that has done much, and ends in the middle of work: rows 24 and 25."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from tests.support.cluster import Json
from tests.support.faults import acts
from tests.support.faults.bench import QUICK, Bench, conditions
from tests.support.faults.matrices import A100, METRICS, plain
from tests.support.faults.plays import PodPlay, Trial
from tests.support.operators import matrix_on
from tests.support.wait import Pending

Stage = Callable[..., AbstractContextManager[Bench]]
Undisturbed = Callable[..., Any]

NOWHERE = {"nvidia.com/gpu.product": "NVIDIA-NONE"}


def holds(_trial: Trial) -> PodPlay:
    return PodPlay(hold=True)


def running(case: Bench, count: int) -> list[Json]:
    def look() -> list[Json] | Pending:
        pods = [pod for pod in case.kube.list("pods") if pod["status"].get("phase") == "Running"]
        return pods if len(pods) == count else Pending([pod["metadata"]["name"] for pod in pods])

    found: list[Json] = case.wait(look, what=f"{count} trials to run")
    return found


def shown(case: Bench, name: str, **wanted: int) -> None:
    def look() -> bool | Pending:
        trials = case.kube.get("batchmatrices", name).get("status", {}).get("trials", {})
        return all(trials.get(key) == value for key, value in wanted.items()) or Pending(trials)

    case.wait(look, what=f"{wanted} of {name}")


def test_row_24_a_restart_over_ten_thousand_results_makes_and_rewrites_nothing(stage: Stage) -> None:
    """All but one cell fit no node, so that as many results are had in seconds; the last trial runs."""
    axes = [{"name": name, "values": list(range(10))} for name in ("a", "b")]
    others = [{"hardware": "a100", name: list(range(1, 10))} for name in ("a", "b")]
    once = {"match": {"hardware": "a100"}, "set": {"trials": 1}}
    hardware = {"none": NOWHERE, "a100": A100}
    matrix = matrix_on("many", hardware, axes=axes, exclude=others, trials=100, overrides=[once])
    total = 10_001
    with stage(play=holds, settings={"logLevel": "info"}) as case:
        case.operator.start()
        case.kube.create("batchmatrices", matrix)
        shown(case, "many", done=total - 1, running=1)
        before = {path: path.read_bytes() for path in case.operator.store.rglob("*") if path.is_file()}
        case.operator.kill()
        passes = len(case.api.made("update leases"))
        case.operator.start()
        case.wait(
            lambda: len(case.api.made("update leases")) >= passes + 4 or Pending(case.kinds()),
            what="the restarted one to have been at work for a while",
        )
        assert {path: path.read_bytes() for path in before} == before
        (pod,) = running(case, 1)
        case.kube.delete("pods", pod["metadata"]["name"])
        found = case.settled("many")
        assert found["status"]["outcomes"] == {"Interrupted": 1, "Unschedulable": total - 1}
        assert len(case.records()) == total
        assert len(case.api.made("create jobs")) == 1


def test_row_24_attempts_are_counted_on_after_every_restart(stage: Stage) -> None:
    """Killed before each launch: the budget of retries is what the ledger says, not what a process remembers."""
    matrix = plain("budget", cells=1, retry={"OOMKilled": {"limit": 2, "memory": "x1.5"}})
    with stage(play=lambda _trial: PodPlay(exit_code=137, reason="OOMKilled")) as case:
        rules = [case.api.add(acts.before(case.strike), "create jobs", name=f"*-a{number}") for number in range(3)]
        case.operator.start()
        case.kube.create("batchmatrices", matrix)
        for rule in rules:
            case.until_done(rule)
        found = case.settled("budget")
        assert [record["attempt"] for record in case.records()] == [0, 1, 2]
        assert {record["outcome"] for record in case.records()} == {"OOMKilled"}
        assert found["status"]["retries"] == 2
        assert case.deaths == [-signal.SIGKILL] * 3


def test_row_25_an_edit_while_trials_run_holds_through_a_kill(stage: Stage) -> None:
    """What the edit drops is cancelled once, what it keeps runs on, what it adds is started; also if killed at it."""
    with stage(play=lambda trial: PodPlay(hold=trial.cell != "a100-s2")) as case:
        case.operator.start()
        case.kube.create("batchmatrices", plain("edit", cells=2, metrics=[]))
        first = {pod["metadata"]["uid"] for pod in running(case, 2)}
        rule = case.api.add(acts.before(case.strike), "delete pods")
        axes = [{"name": "hardware", "values": ["a100"]}, {"name": "size", "values": [1, 2]}]
        case.kube.patch("batchmatrices", "edit", {"spec": {"axes": axes}})
        case.until_done(rule)
        shown(case, "edit", done=1, running=1)
        (kept,) = running(case, 1)
        assert kept["metadata"]["uid"] in first
        case.kube.delete("pods", kept["metadata"]["name"])
        found = case.settled("edit", generation=2)
        assert found["status"]["outcomes"] == {"Interrupted": 1, "Succeeded": 1}
        outcomes = {record["cell"]: record["outcome"] for record in case.records()}
        assert outcomes == {"a100-s0": "Cancelled", "a100-s1": "Interrupted", "a100-s2": "Succeeded"}
        assert len(case.records()) == len({call.what.name for call in case.api.made("create jobs")}) == 3


def test_row_25_suspended_while_trials_run_and_killed_it_starts_nothing_until_it_goes_on(stage: Stage) -> None:
    matrix = plain("rest", cells=2, trials=2, parallelism=2, metrics=METRICS)
    with stage(play=lambda trial: PodPlay(delay="" if trial.trial else "8s")) as case:
        case.operator.start()
        case.kube.create("batchmatrices", matrix)
        running(case, 2)
        case.kube.patch("batchmatrices", "rest", {"spec": {"suspend": True}})
        case.operator.kill()
        case.operator.start()
        shown(case, "rest", done=2, running=0)
        found = case.kube.get("batchmatrices", "rest")
        assert conditions(found)["Succeeded"]["reason"] == "Suspended"
        assert len(case.kube.list("jobs")) == len(case.records()) == 2
        case.operator.kill()
        case.operator.start()
        case.kube.patch("batchmatrices", "rest", {"spec": {"suspend": False}})
        case.settled("rest", generation=3)
        assert len(case.records()) == len(case.api.made("create jobs")) == 4
        assert {record["outcome"] for record in case.records()} == {"Succeeded"}


def test_row_25_cancelled_while_trials_run_it_keeps_what_is_done_through_a_kill_and_goes_on_when_asked(
    stage: Stage,
) -> None:
    """Killed as it is about to end the first of two trials; a rerun of what is not as wanted brings the rest back."""

    def play(trial: Trial) -> PodPlay:
        return PodPlay(hold=trial.cell in ("a100-s1", "a100-s2") and trial.attempt == 0)

    with stage(play=play) as case:
        case.operator.start()
        case.kube.create("batchmatrices", plain("stop", cells=4, order="cells", parallelism=2))
        shown(case, "stop", done=1, running=2)
        rule = case.api.add(acts.before(case.strike), "delete pods")
        case.kube.patch("batchmatrices", "stop", {"metadata": {"annotations": {"batchmatrix.dev/cancel": "enough"}}})
        case.until_done(rule)
        found = case.settled("stop")
        assert conditions(found)["Succeeded"]["reason"] == "Cancelled"
        outcomes = {record["cell"]: record["outcome"] for record in case.records()}
        assert outcomes == {"a100-s0": "Succeeded", "a100-s1": "Cancelled", "a100-s2": "Cancelled"}
        case.kube.patch("batchmatrices", "stop", {"metadata": {"annotations": {"batchmatrix.dev/rerun": "again"}}})
        shown(case, "stop", done=4, succeeded=4)
        found = case.settled("stop")
        assert found["status"]["verdict"] == "pass"
        attempts = sorted((record["cell"], record["attempt"]) for record in case.records())
        again = [(f"a100-s{cell}", attempt) for cell, attempt in ((0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (3, 0))]
        assert attempts == again
        assert len({call.what.name for call in case.api.made("create jobs")}) == len(again)


FOLLOWED = 500


def test_row_25_sigterm_with_hundreds_of_logs_under_way_ends_in_time_and_gives_the_lease_back(stage: Stage) -> None:
    settings = {
        "limits": {"followedLogs": FOLLOWED},
        "api": {**QUICK["api"], "requestTimeout": "30s"},
        "lease": {"name": "batchmatrix", "duration": "30s"},
        "logLevel": "info",
    }
    matrix = plain("logs", cells=20, trials=FOLLOWED // 20, parallelism=FOLLOWED, logs={"mode": "follow"})
    with stage(play=holds, settings=settings) as case:
        case.operator.start()
        case.kube.create("batchmatrices", matrix)

        def open_streams() -> bool | Pending:
            streams = [call for call in case.api.made("get pods/log") if call.told == 200]
            return len(streams) >= FOLLOWED or Pending(len(streams))

        case.wait(open_streams, what=f"{FOLLOWED} logs to be followed")
        assert case.operator.stop() == 0  # fails where it takes longer than a pod's grace period
        lease = case.kube.get("leases", "batchmatrix")["spec"]
        assert lease["holderIdentity"] == ""
        assert case.records() == []
        held = [pod for pod in case.kube.list("pods") if "batchmatrix.dev/record" in pod["metadata"]["finalizers"]]
        assert len(held) == FOLLOWED  # nothing was let go for which there is no record
