"""The verdict over all trials."""

from __future__ import annotations

import pytest

from batchmatrix.model.evidence import Blame, Outcome
from batchmatrix.summarise.verdict import verdict
from tests.support.records import a_cell, a_result

CELL = a_cell("one", trials=9)
WORKLOAD = [Outcome.UNEXPECTED_EXIT, Outcome.TIMEOUT, Outcome.OOM_KILLED, Outcome.INCOMPLETE]


def judged(*outcomes: Outcome | None, expected: int | None = None, complete: bool = True) -> tuple[str, str]:
    results = [a_result(CELL, trial, outcome) for trial, outcome in enumerate(outcomes)]
    return verdict(results, expected=len(outcomes) if expected is None else expected, complete=complete)


def test_only_successes_pass() -> None:
    assert judged(Outcome.SUCCEEDED, Outcome.SUCCEEDED) == ("pass", "all 2 trials succeeded")


@pytest.mark.parametrize("outcome", WORKLOAD)
def test_one_failure_of_the_workload_fails(outcome: Outcome) -> None:
    word, reason = judged(Outcome.SUCCEEDED, outcome, Outcome.NODE_LOST)
    assert word == "fail"
    assert reason == f"1 of 3 trials failed ({outcome}); 1 of 3 trials could not be decided (NodeLost 1)".replace(
        f"({outcome})", f"({outcome} 1)"
    )


@pytest.mark.parametrize("outcome", [each for each in Outcome if each not in (*WORKLOAD, Outcome.SUCCEEDED)])
def test_what_others_ended_is_inconclusive(outcome: Outcome) -> None:
    word, reason = judged(Outcome.SUCCEEDED, outcome)
    assert word == "inconclusive"
    assert f"{outcome} 1" in reason


def test_the_blame_decides_and_not_the_outcome_alone() -> None:
    disturbed = a_result(CELL, 0, Outcome.INCOMPLETE, blame=Blame.INFRASTRUCTURE)
    assert verdict([disturbed], expected=1, complete=True)[0] == "inconclusive"


def test_missing_data_never_passes() -> None:
    assert judged(Outcome.SUCCEEDED, expected=2) == ("inconclusive", "1 of 2 trials have no result")
    assert judged(Outcome.SUCCEEDED, None)[0] == "inconclusive"
    assert judged() == ("inconclusive", "there was nothing to run")


def test_there_is_no_verdict_before_the_end() -> None:
    assert judged(Outcome.UNEXPECTED_EXIT, None, complete=False) == ("", "1 of 2 trials are done")
