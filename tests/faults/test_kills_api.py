"""SIGKILL before and after a call of every kind that changes something on the API server."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from tests.support.faults import acts
from tests.support.faults.bench import Bench
from tests.support.faults.matrices import eventful, eventful_play
from tests.support.wait import Pending

KINDS = (
    "create leases",
    "update leases",
    "create jobs",
    "delete jobs",
    "patch pods",
    "delete pods",
    "create configmaps",
    "update configmaps",
    "patch batchmatrices/status",
    "create events",
)


@pytest.mark.parametrize("kind", KINDS)
def test_row_01_killed_before_and_after_a_call(
    kind: str, stage: Callable[..., AbstractContextManager[Bench]], undisturbed: Callable[..., Any]
) -> None:
    expected = undisturbed(eventful("kills"), eventful_play)
    with stage(play=eventful_play) as case:
        rules = [
            case.api.add(acts.before(case.strike), kind),
            # what the first death kept from the server is made again by the next process, which never hears of it
            case.api.add(acts.after(case.strike), kind, where=lambda _call: len(case.deaths) == 1),
        ]
        case.operator.start()
        case.kube.create("batchmatrices", eventful("kills"))
        for rule in rules:
            case.until_done(rule)
        case.settled("kills")
        case.wait(lambda: len(case.deaths) == 2 or Pending(case.deaths), what="the second death to be noticed")
        assert case.deaths == [-signal.SIGKILL] * 2
        case.ends_as("kills", expected)


def test_the_matrix_of_kills_has_every_kind_of_call_in_its_life(
    stage: Callable[..., AbstractContextManager[Bench]],
) -> None:
    """A new call site that changes something belongs into KINDS."""
    with stage(play=eventful_play) as case:
        case.operator.start()
        case.kube.create("batchmatrices", eventful("kills"))
        case.settled("kills")

        def gone() -> bool | Pending:
            left = [job["metadata"]["name"] for job in case.kube.list("jobs")]
            return not left or Pending(left)

        case.wait(gone, what="the Jobs to go")
        case.operator.stop()
        made = {call.what.kind for call in case.api.calls if call.what.mutating}
        assert made == set(KINDS)
