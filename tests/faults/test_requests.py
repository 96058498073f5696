"""Requests that are refused, put off, slow, or whose reply is lost: rows 7 and 8."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from tests.support.faults import acts
from tests.support.faults.bench import QUICK, Bench
from tests.support.faults.matrices import eventful, eventful_play
from tests.support.faults.proxy import Act, Call
from tests.support.wait import Pending

Stage = Callable[..., AbstractContextManager[Bench]]
Undisturbed = Callable[..., Any]

WRITES = (
    "create leases",
    "update leases",
    "create jobs",
    "patch pods",
    "delete pods",
    "create configmaps",
    "update configmaps",
    "patch batchmatrices/status",
    "create events",
)
READS = (
    "get leases",
    "list jobs",
    "watch jobs",
    "list pods",
    "watch pods",
    "list nodes",
    "watch nodes",
    "list batchmatrices",
    "watch batchmatrices",
    "get configmaps",
    "get pods/log",
)
TIMEOUT = 5.0
"""Seconds after which the operator of these tests gives a request up."""
RETRY_AFTER = 3

FAULTS: dict[str, Act] = {
    "429": acts.refuse(429, "TooManyRequests", retry_after=RETRY_AFTER),
    "500": acts.refuse(500, "InternalError"),
    "503": acts.refuse(503, "ServiceUnavailable", retry_after=RETRY_AFTER),
    # carried out when nobody waits for it any more
    "slow": acts.delayed(TIMEOUT + 2),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_row_07_a_first_request_of_every_kind_fails_and_nothing_is_lost(
    fault: str, stage: Stage, undisturbed: Undisturbed
) -> None:
    expected = undisturbed(eventful("kills"), eventful_play)
    # who asks for the lease too late loses it: it has time enough here
    settings = {
        "api": {**QUICK["api"], "requestTimeout": f"{TIMEOUT:.0f}s"},
        "lease": {"name": "batchmatrix", "duration": "60s"},
    }
    with stage(play=eventful_play, settings=settings) as case:
        rules = {kind: case.api.add(FAULTS[fault], kind) for kind in (*READS, *WRITES)}
        case.operator.start()
        case.kube.create("batchmatrices", eventful("kills"))
        case.settled("kills")
        case.wait(
            lambda: not (left := [kind for kind, rule in rules.items() if not rule.done]) or Pending(left),
            what="a call of each kind",
        )
        assert case.deaths == []
        case.ends_as("kills", expected)
        if fault == "slow":
            for kind in ("get leases", "list jobs", "list pods", "list nodes"):
                assert case.api.made(kind)[0].told is None, f"{kind}: waited for, however long it took"
        if fault in ("429", "503"):
            for kind in ("create jobs", "patch pods", "patch batchmatrices/status", "list jobs", "watch pods"):
                assert waited(case.api.made(kind)) >= RETRY_AFTER, kind


def waited(calls: list[Call]) -> float:
    """Seconds between the answer that asked for time and the next call of its kind that was sent after it.

    What comes within a second of it was on its way together with the one that was refused.
    """
    refused = next(call for call in calls if call.told in (429, 503))
    answered = refused.answered
    assert answered is not None
    later = [call.time for call in calls if call.time > answered + 1]
    return min(later) - answered


TRIES = 9
"""Those of the library that watches matrices, until it would by itself give up, and end the process with it."""


def test_row_07_an_api_server_that_is_down_for_a_while_ends_no_process(stage: Stage, undisturbed: Undisturbed) -> None:
    """Watches are cut off, and nothing is answered for longer than that library would try by itself."""
    expected = undisturbed(eventful("kills"), eventful_play)
    with stage(play=eventful_play, settings={"lease": {"name": "batchmatrix", "duration": "5m"}}) as case:
        looks = case.api.add(FAULTS["500"], where=of_the_library, times=0)
        down = case.api.add(FAULTS["500"], times=0)
        for kind in ("watch batchmatrices", "watch jobs", "watch pods", "watch nodes"):
            case.api.add(acts.cut_once(lambda: down.times is None), kind)
        case.operator.start()
        case.kube.create("batchmatrices", eventful("kills"))
        case.wait(lambda: case.api.made("create jobs") or Pending(case.kinds()), what="a Job to be sent")
        looks.times = down.times = None
        case.until_done(looks, times=TRIES)
        looks.times = down.times = 0
        case.settled("kills")
        assert case.deaths == []
        case.ends_as("kills", expected)


def of_the_library(call: Call) -> bool:
    """The operator's own lists of matrices come in pages."""
    return call.what.kind in ("list batchmatrices", "watch batchmatrices") and "limit" not in call.query


def test_row_08_calls_that_are_carried_out_and_whose_reply_is_lost_are_made_once(
    stage: Stage, undisturbed: Undisturbed
) -> None:
    """The watches are behind: Jobs whose reply is lost are sent again before anything shows that they are there."""
    expected = undisturbed(eventful("kills"), eventful_play)
    settings = {"lease": {"name": "batchmatrix", "duration": "60s"}}
    with stage(play=eventful_play, settings=settings) as case:
        jobs = case.api.add(acts.lose_reply(), "create jobs", times=4)

        def met() -> bool:
            made = case.api.made("create jobs")
            return len(lost(made)) == 4 and not unmet(made)

        for kind in ("watch jobs", "watch pods"):
            case.api.add(acts.held_back(met), kind)
        renewal = case.api.add(acts.lose_reply(), "update leases", where=renews)
        rules = {kind: case.api.add(acts.lose_reply(), kind) for kind in WRITES if kind != "create jobs"}
        case.operator.start()
        case.kube.create("batchmatrices", eventful("kills"))
        case.settled("kills")
        assert jobs.done == 4
        case.wait(
            lambda: not (left := [kind for kind, rule in rules.items() if not rule.done]) or Pending(left),
            what="a call of each kind",
        )
        case.until_done(renewal)
        case.wait(
            lambda: [call for call in case.api.made("update leases") if renews(call) and call.told == 200],
            what="the lease to be renewed all the same",
        )
        assert case.deaths == []
        case.ends_as("kills", expected)
        assert unmet(case.api.made("create jobs")) == set()


def renews(call: Call) -> bool:
    """Whether this holds a lease on, rather than takes or returns it."""
    spec = json.loads(call.body)["spec"]
    return bool(spec["holderIdentity"]) and spec["renewTime"] != spec["acquireTime"]


def lost(calls: list[Call]) -> set[str]:
    """Jobs that were made and whose reply was lost."""
    return {call.what.name for call in calls if call.committed == 201 and call.told is None}


def unmet(calls: list[Call]) -> set[str]:
    """Those that did not meet their own name when they were sent again."""
    return lost(calls) - {call.what.name for call in calls if call.committed == 409}
