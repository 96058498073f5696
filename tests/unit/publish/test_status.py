"""Conditions as kstatus reads them, counters as the columns show them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from batchmatrix.model.v1alpha1.status import Status
from batchmatrix.publish.status import Progress, status_body

NOW, LATER = "2026-11-22T07:00:00Z", "2026-11-22T07:05:00Z"
RUNNING = Progress(generation=2, cells=12, total=36, done=7, succeeded=6, failed=1, running=4, pending=2, waiting=23)
DONE = replace(RUNNING, done=36, succeeded=36, failed=0, running=0, pending=0, waiting=0, complete=True)


def body(progress: Progress, previous: dict[str, Any] | None = None, now: str = NOW) -> dict[str, Any]:
    return status_body(progress, previous=previous, now=now)


def statuses(status: dict[str, Any]) -> dict[str, str]:
    return {condition["type"]: condition["status"] for condition in status["conditions"]}


def reason(status: dict[str, Any]) -> str:
    (only,) = {condition["reason"] for condition in status["conditions"]}
    return str(only)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, "Running"),
        ({"running": 0}, "Pending"),
        ({"running": 0, "pending": 0, "queued": 3}, "Queued"),
        ({"running": 0, "pending": 1, "queued": 3}, "Pending"),
        ({"running": 0, "pending": 0, "done": 0}, "Pending"),
    ],
)
def test_while_it_is_active(changes: dict[str, Any], word: str) -> None:
    status = body(replace(RUNNING, **changes))
    assert statuses(status) == {
        "Reconciling": "True",
        "Ready": "False",
        "Succeeded": "Unknown",
        "Stalled": "False",
        "Finished": "False",
    }
    assert reason(status) == word
    assert status["verdict"] == ""


def test_suspended_is_active_says_how_to_go_on_and_gives_way_to_the_end() -> None:
    status = body(replace(RUNNING, suspended=True, sent=2, waiting_for="a node"))
    assert statuses(status) == statuses(body(RUNNING))
    assert reason(status) == "Suspended"
    assert status["message"] == (
        "7 of 36 trials done, 4 running, 2 starting, 1 failed; "
        "suspended, nothing new starts; 2 trials already sent to the cluster will still run; "
        "set spec.suspend to false to go on; a node"
    )
    queued = body(replace(RUNNING, queued=1, suspended=True, sent=1))["message"]
    assert "; 1 trial already sent to the cluster will still run; set" in queued
    assert "already sent" not in body(replace(RUNNING, suspended=True))["message"]
    assert reason(body(replace(RUNNING, running=0, suspended=True))) == "Suspended"
    assert reason(body(replace(DONE, verdict="pass", suspended=True))) == "Succeeded"


def test_a_status_stays_small_whatever_is_to_be_said() -> None:
    text = "\U0001f525" * 100_000
    for progress in (
        replace(RUNNING, suspended=True, waiting_for=text, drift=text),
        replace(RUNNING, problem=text),
        replace(DONE, verdict="fail", reason=text, drift=text),
    ):
        assert len(json.dumps(body(progress), ensure_ascii=False).encode()) < 32 * 1024


def test_a_good_end() -> None:
    status = body(replace(DONE, verdict="pass", reason="all 36 trials succeeded"))
    assert statuses(status) == {
        "Reconciling": "False",
        "Ready": "True",
        "Succeeded": "True",
        "Stalled": "False",
        "Finished": "True",
    }
    assert (reason(status), status["verdict"], status["message"]) == ("Succeeded", "pass", "all 36 trials succeeded")


@pytest.mark.parametrize(
    ("verdict", "word"), [("fail", "CellsFailed"), ("inconclusive", "Inconclusive"), ("", "Inconclusive")]
)
def test_a_bad_end(verdict: str, word: str) -> None:
    status = body(replace(DONE, verdict=verdict, reason="why", cells_failed=word == "CellsFailed"))
    assert statuses(status) == {
        "Reconciling": "False",
        "Ready": "False",
        "Succeeded": "False",
        "Stalled": "True",
        "Finished": "True",
    }
    assert reason(status) == word


@pytest.mark.parametrize("progress", [Progress(generation=2), RUNNING, replace(DONE, verdict="pass")])
def test_a_spec_that_cannot_be_used(progress: Progress) -> None:
    status = body(replace(progress, problem="spec.axes[0].name: a-b is no name; use letters"))
    assert statuses(status) == {
        "Reconciling": "False",
        "Ready": "False",
        "Succeeded": "Unknown",
        "Stalled": "True",
        "Finished": "False",
    }
    assert reason(status) == "InvalidSpec"
    assert status["message"].startswith("spec.axes[0].name: a-b is no name; use letters")
    assert ("goes on" in status["message"]) == (progress is RUNNING)


def test_every_condition_speaks_of_the_generation_that_was_looked_at() -> None:
    status = body(replace(RUNNING, generation=9))
    assert status["observedGeneration"] == 9
    assert {condition["observedGeneration"] for condition in status["conditions"]} == {9}


def test_a_condition_keeps_its_time_until_its_status_changes() -> None:
    first = body(replace(RUNNING, running=0))
    second = body(RUNNING, first, LATER)
    assert {condition["lastTransitionTime"] for condition in second["conditions"]} == {NOW}
    third = body(replace(DONE, verdict="fail"), second, LATER)
    times = {condition["type"]: condition["lastTransitionTime"] for condition in third["conditions"]}
    assert times == {"Reconciling": LATER, "Ready": NOW, "Succeeded": LATER, "Stalled": LATER, "Finished": LATER}


def test_the_same_again_is_the_same_status() -> None:
    first = body(RUNNING, {"observedGeneration": -1})
    assert body(RUNNING, first, LATER) == first


def test_counters_and_message() -> None:
    status = body(
        replace(
            RUNNING,
            queued=1,
            outcomes={"UnexpectedExit": 1, "Succeeded": 6, "Timeout": 0},
            logs={"complete": 6, "none": 1},
            waiting_for="0/2 nodes\n\x1b[31mare free",
            start_time=NOW,
        )
    )
    assert status["progress"] == "7/36"
    assert (status["running"], status["failed"], status["cells"]) == (4, 1, 12)
    assert status["trials"] == {
        "total": 36,
        "done": 7,
        "succeeded": 6,
        "failed": 1,
        "running": 4,
        "pending": 2,
        "queued": 1,
        "waiting": 23,
    }
    assert status["outcomes"] == {"Succeeded": 6, "UnexpectedExit": 1}
    assert status["logs"] == {"complete": 6, "truncated": 0, "lost": 0}
    assert status["message"] == (
        "7 of 36 trials done, 4 running, 2 starting, 1 queued, 1 failed; 0/2 nodes �[31mare free"
    )
    assert status["startTime"] == NOW
    assert "completionTime" not in status


@pytest.mark.parametrize("progress", [RUNNING, DONE])
def test_what_catalogs_say_otherwise_is_added_to_the_message_and_changes_no_state(progress: Progress) -> None:
    before, after = body(progress), body(replace(progress, drift="not what its catalog says now"))
    assert after["message"] == f"{before['message']}; not what its catalog says now"
    assert (statuses(after), reason(after)) == (statuses(before), reason(before))


def test_it_is_not_said_beside_a_spec_that_cannot_be_used() -> None:
    wrong = replace(RUNNING, problem="spec.trials: 0 is too small")
    assert body(replace(wrong, drift="not what its catalog says now")) == body(wrong)


def test_the_api_knows_every_field_that_is_written() -> None:
    ended = replace(DONE, verdict="pass", start_time=NOW, completion_time=LATER, results="s3://b/r", shard=3)
    status = body(replace(ended, operations={"rerun": "t1", "cancel": "t2"}))
    assert set(status) == {field.alias or name for name, field in Status.model_fields.items()}
    for name in ("trials", "logs", "ledger"):
        model = Status.model_fields[name].annotation
        assert model is not None
        assert set(status[name]) == {field.alias or key for key, field in model.model_fields.items()}


def test_no_message_can_grow_without_bound() -> None:
    status = body(replace(RUNNING, problem="x" * 100_000))
    assert len(str(status)) < 10_000
