"""Names that are taken, and names that come again with another uid: rows 9 and 10."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager

from tests.support.cluster import Json
from tests.support.faults import acts
from tests.support.faults.bench import Bench, conditions
from tests.support.faults.matrices import plain
from tests.support.faults.oracle import created
from tests.support.faults.plays import PodPlay, Trial
from tests.support.faults.proxy import Call
from tests.support.wait import Pending

Stage = Callable[..., AbstractContextManager[Bench]]


def test_row_09_a_foreign_job_of_the_name_that_is_needed_is_left_alone(stage: Stage) -> None:
    """It even bears our labels; only its owner tells."""
    with stage() as case:
        foreign: list[Json] = []

        def occupy(call: Call) -> bytes:
            job = json.loads(call.body)
            del job["metadata"]["ownerReferences"], job["spec"]["template"]["metadata"]["finalizers"]
            foreign.append(case.kube.at(case.kube.namespace).create("jobs", job))
            return call.body

        case.api.add(acts.rewrite(occupy), "create jobs")
        case.operator.start()
        case.kube.create("batchmatrices", plain("taken"))
        found = case.settled("taken")
        assert found["status"]["outcomes"] == {"NameConflict": 1, "Succeeded": 1}
        assert found["status"]["verdict"] == "inconclusive"
        name = foreign[0]["metadata"]["name"]
        assert name in next(each["message"] for each in case.records() if each["outcome"] == "NameConflict")
        assert conditions(found)["Succeeded"]["status"] == "False"
        job = case.kube.get("jobs", name)
        assert job["metadata"]["uid"] == foreign[0]["metadata"]["uid"]
        assert job["spec"] == {**foreign[0]["spec"]}
        # Nothing was asked of it, and its pod was neither read nor touched.
        about = [call.what.kind for call in case.api.calls if call.what.name.startswith(name)]
        assert about == ["create jobs", "get jobs"]
        case.kube.delete("jobs", name)


def first_holds(trial: Trial) -> PodPlay:
    return PodPlay(delay="15s") if trial.trial else PodPlay()


def test_row_10_a_matrix_that_is_made_anew_under_its_name_starts_anew(stage: Stage) -> None:
    matrix = plain("again", trials=2)
    with stage(play=first_holds) as case:
        case.operator.start()
        first = case.kube.create("batchmatrices", matrix)["metadata"]["uid"]

        def midway() -> bool | Pending:
            return len(case.records()) >= 1 or Pending(case.kinds())

        case.wait(midway, what="a trial to be recorded")
        case.operator.kill()
        case.kube.delete("batchmatrices", "again")
        case.wait_without(lambda: case.kube.find("batchmatrices", "again") is None, what="the first matrix to be gone")
        second = case.kube.create("batchmatrices", matrix)["metadata"]["uid"]
        case.operator.start()
        found = case.settled("again")
        assert found["metadata"]["uid"] == second
        assert found["status"]["outcomes"] == {"Succeeded": 4}
        records = by_uid(case)
        assert len(records[second]) == 4
        assert {record["outcome"] for record in records[second]} == {"Succeeded"}
        assert not {record["podUid"] for record in records[second]} & {record["podUid"] for record in records[first]}
        # Each name was used by both, and by each once.
        assert set(created(case.api.calls, matrix="again").values()) == {2}
        case.wait(
            lambda: len(by_uid(case)[first]) == 4 or Pending(by_uid(case)[first]),
            what="the first one's trials to be recorded",
        )


def by_uid(case: Bench) -> dict[str, list[Json]]:
    """Records by the uid of their matrix; each lies in the folder of its own."""
    found: dict[str, list[Json]] = {}
    for record in case.records():
        found.setdefault(record["matrixUid"], []).append(record)
    folders = {path.parent.parent.name for path in case.operator.store.rglob("ledger/*.jsonl.zst")}
    assert folders == set(found)
    return found


def test_row_10_a_job_that_is_made_anew_under_its_name_has_a_record_of_its_own(stage: Stage) -> None:
    """As `kubectl replace --force` does it: another uid, and all else the same."""
    with stage(play=lambda _trial: PodPlay(delay="12s")) as case:
        case.operator.start()
        case.kube.create("batchmatrices", plain("twice", cells=1))

        def running() -> Json | Pending:
            pods = case.kube.list("pods")
            return pods[0] if pods and pods[0]["status"].get("phase") == "Running" else Pending(case.kinds())

        old = case.wait(running, what="the trial to run")
        case.operator.kill()
        (job,) = case.kube.list("jobs")
        name = job["metadata"]["name"]
        case.kube.delete("jobs", name)
        case.wait_without(lambda: case.kube.find("jobs", name) is None, what="the Job to be gone")
        for key in ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"):
            job["metadata"].pop(key, None)
        for labels in (job["metadata"]["labels"], job["spec"]["template"]["metadata"]["labels"]):
            for label in ("controller-uid", "batch.kubernetes.io/controller-uid"):
                labels.pop(label, None)
        del job["spec"]["selector"], job["status"]
        case.kube.create("jobs", job)
        case.operator.start()
        case.settled("twice")
        records = case.records()
        pods = {record["podUid"]: record["outcome"] for record in records}
        assert len(pods) == len(records) == 2
        assert pods.pop(old["metadata"]["uid"]) == "Interrupted"
        assert list(pods.values()) == ["Succeeded"]
        assert [call.committed for call in case.api.made("create jobs")] == [201]
