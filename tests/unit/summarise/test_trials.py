"""What a single trial says, and whether somebody chose among the results of a cell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from batchmatrix.model.evidence import Outcome
from batchmatrix.model.summary import TrialResult
from batchmatrix.summarise.trials import selected
from tests.support.records import a_cell, a_result

CELL = a_cell("c", trials=9)
BAD, LOST, CANCELLED = Outcome.TIMEOUT, Outcome.NODE_LOST, Outcome.CANCELLED


def ran(outcome: Outcome | None, rerun: int = 0) -> TrialResult:
    return a_result(CELL, 0, outcome, rerun=rerun)


@pytest.mark.parametrize("again", [Outcome.SUCCEEDED, BAD, LOST, CANCELLED, None])
def test_a_rerun_of_some_trials_is_a_choice_whatever_came_of_it(again: Outcome | None) -> None:
    good = ran(Outcome.SUCCEEDED)
    assert selected([good, good, ran(again, 1)])
    assert selected([ran(Outcome.SUCCEEDED, 1), ran(again, 2)])
    assert not selected([ran(Outcome.SUCCEEDED, 1), ran(again, 1)])
    assert not selected([good, ran(again)])


def test_a_trial_that_never_began_had_no_result_to_choose() -> None:
    waiting = TrialResult("c", 1, "Waiting", 0, (), None)
    assert not selected([ran(Outcome.SUCCEEDED, 1), waiting])
    assert selected([ran(Outcome.SUCCEEDED, 1), replace(waiting, attempts=1)])
    assert selected([ran(Outcome.SUCCEEDED), replace(waiting, rerun=1)])
    assert not selected([])
