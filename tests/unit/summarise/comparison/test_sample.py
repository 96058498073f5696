from __future__ import annotations

import math
from dataclasses import replace

import pytest

from batchmatrix.model.evidence import Blame, Outcome
from batchmatrix.model.metric import MetricValue
from batchmatrix.model.summary import TrialResult
from batchmatrix.summarise.comparison.sample import Trials, gather, values
from tests.support.records import a_cell, a_result

CELL = a_cell("c", trials=8)


def result(trial: int, outcome: Outcome | None = Outcome.SUCCEEDED, value: float | None = None) -> TrialResult:
    metrics = [] if value is None else [MetricValue("t", "mean", value, 3), MetricValue("other", "mean", 1.0, 1)]
    return a_result(CELL, trial, outcome, metrics=metrics)


def numbers(trials: Trials) -> tuple[float, ...]:
    return values(trials, "t").numbers


@pytest.mark.parametrize("outcome", list(Outcome))
def test_only_what_the_workload_did_counts(outcome: Outcome) -> None:
    made = result(0, outcome)
    assert made.record is not None
    found = gather([made], 1)
    group = "passed" if outcome is Outcome.SUCCEEDED else "excluded"
    if made.record.blame is Blame.WORKLOAD:
        group = "failed"
    assert {name: len(getattr(found, name)) for name in ("passed", "failed", "excluded")} == {
        "passed": 0, "failed": 0, "excluded": 0, group: 1,
    }  # fmt: skip


def test_the_same_outcome_counts_by_whose_fault_it_is() -> None:
    timeout = result(0, Outcome.TIMEOUT)
    assert timeout.record is not None
    never_started = replace(timeout, record=replace(timeout.record, blame=Blame.INFRASTRUCTURE))
    assert gather([timeout, never_started], 2).causes == {Outcome.TIMEOUT: 1}


def test_a_pass_on_a_retry_has_failed_and_its_time_does_not_count() -> None:
    found = gather([replace(result(0, value=5.0), stumbled=True), result(1, value=6.0)], 2)
    assert (len(found.failed), len(found.passed), found.retried) == (1, 1, 1)
    assert numbers(found) == (6.0,)
    assert values(found, "t").missing == 1


def test_a_failure_before_a_lost_node_is_a_failure() -> None:
    found = gather([replace(result(0, Outcome.NODE_LOST), stumbled=True)], 1)
    assert (len(found.failed), len(found.excluded), found.retried) == (1, 0, 0)


def test_a_failure_without_a_last_result_is_a_failure() -> None:
    """Another attempt was asked for and never made: cells.csv counts what the last one said, and so does this."""
    found = gather([result(0, value=1.0), replace(result(1, None), stumbled=True), result(2, None)], 3)
    assert (found.numbers, found.failures, found.unrecorded) == ((0, 1), 1, (1,))
    assert [record.id.trial for record in found.counted] == [0]
    assert values(found, "t").failed == 1


def test_what_is_not_done_is_in_no_group_and_missing() -> None:
    found = gather([result(0, None), result(1, value=2.0)], 3)
    assert found.counted == found.passed
    assert values(found, "t").missing == 2


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_none(value: float) -> None:
    found = values(gather([result(0, value=value), result(1, value=1.5), result(2)], 3), "t")
    assert (found.numbers, found.missing) == ((1.5,), 2)


def test_values_of_failed_trials_are_left_out() -> None:
    found = values(gather([result(0, Outcome.TIMEOUT, 9.0), result(1, value=1.0)], 2), "t")
    assert (found.numbers, found.failed) == ((1.0,), 1)


def test_all_is_in_the_order_of_the_trials() -> None:
    mixed = [result(2, value=3.0), result(0, Outcome.TIMEOUT), result(1, value=2.0)]
    found = gather(mixed, 3)
    assert numbers(found) == (2.0, 3.0)
    assert [record.id.trial for record in found.counted] == [0, 1, 2]
