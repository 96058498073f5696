"""Budgets by outcome, and what a retry changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from batchmatrix.model.evidence import Blame, Outcome
from batchmatrix.model.launch import Mutation, RetryRule
from batchmatrix.outcome.retry import Done, Retry, next_step
from tests.support.records import a_record

RULES = {
    Outcome.UNEXPECTED_EXIT: RetryRule(1),
    Outcome.OOM_KILLED: RetryRule(2, memory_factor="1.5"),
    Outcome.NODE_LOST: RetryRule(3, avoid_node=True),
    Outcome.INTERRUPTED: RetryRule(1),
    Outcome.TIMEOUT: RetryRule(0),
    Outcome.SUCCEEDED: RetryRule(5),
    Outcome.CANCELLED: RetryRule(5),
}


@pytest.mark.parametrize("outcome", [Outcome.SUCCEEDED, Outcome.CANCELLED, Outcome.TIMEOUT, Outcome.CONFIG_ERROR])
def test_what_has_no_budget_is_the_result(outcome: Outcome) -> None:
    record = a_record(outcome)
    assert next_step([record], RULES) == Done(record)


def test_the_limit_is_the_number_of_retries() -> None:
    first, second = (a_record(Outcome.UNEXPECTED_EXIT, attempt=number) for number in (0, 1))
    assert next_step([first], RULES) == Retry(Mutation())
    assert next_step([first, second], RULES) == Done(second)


def test_each_outcome_has_its_own_budget() -> None:
    attempts = [a_record(Outcome.UNEXPECTED_EXIT), a_record(Outcome.NODE_LOST, attempt=1)]
    assert isinstance(next_step(attempts, RULES), Retry)
    attempts.append(a_record(Outcome.UNEXPECTED_EXIT, attempt=2))
    assert next_step(attempts, RULES) == Done(attempts[-1])


def test_a_success_after_failures_is_the_result() -> None:
    attempts = [a_record(Outcome.NODE_LOST), a_record(attempt=1)]
    assert next_step(attempts, RULES) == Done(attempts[1])


def test_attempts_before_the_newest_rerun_cost_nothing() -> None:
    old = [a_record(Outcome.UNEXPECTED_EXIT, attempt=number) for number in (0, 1)]
    new = a_record(Outcome.UNEXPECTED_EXIT, attempt=2, rerun=1)
    assert isinstance(next_step([*old, new], RULES), Retry)


def test_memory_grows_with_every_retry_for_want_of_it() -> None:
    attempts = [a_record(Outcome.OOM_KILLED)]
    assert next_step(attempts, RULES) == Retry(Mutation(memory_factor="1.5"))
    attempts.append(a_record(Outcome.OOM_KILLED, attempt=1))
    assert next_step(attempts, RULES) == Retry(Mutation(memory_factor="2.25"))


def test_what_one_retry_changed_stays_for_those_after_it() -> None:
    attempts = [
        a_record(Outcome.OOM_KILLED, node="a"),
        a_record(Outcome.NODE_LOST, attempt=1, node="b"),
        a_record(Outcome.NODE_LOST, attempt=2, node="b"),
        a_record(Outcome.NODE_LOST, attempt=3, node="c"),
    ]
    assert next_step(attempts, RULES) == Retry(Mutation(avoid_nodes=("b", "c"), memory_factor="1.5"))


def test_an_attempt_without_a_node_avoids_none() -> None:
    assert next_step([a_record(Outcome.NODE_LOST, node="")], RULES) == Retry(Mutation())


def test_a_second_pod_of_the_same_attempt_takes_the_place_of_the_first() -> None:
    rules = {Outcome.PREEMPTED: RetryRule(0), **RULES}
    suspended = a_record(Outcome.PREEMPTED)
    resumed = a_record(Outcome.UNEXPECTED_EXIT, pod_uid="pod-b")
    assert next_step([suspended, resumed], rules) == Retry(Mutation())


def test_an_exit_0_under_a_drain_draws_on_the_budget_of_interruptions() -> None:
    disturbed = a_record(Outcome.INCOMPLETE, blame=Blame.INFRASTRUCTURE)
    assert isinstance(next_step([disturbed], RULES), Retry)
    own = a_record(Outcome.INCOMPLETE)
    assert next_step([own], RULES) == Done(own)


def test_the_order_in_which_records_come_does_not_matter() -> None:
    first, second = a_record(Outcome.UNEXPECTED_EXIT), a_record(attempt=1)
    assert next_step([second, first], RULES) == Done(second)


def test_a_result_that_reading_has_turned_is_not_run_again() -> None:
    rules = {Outcome.INCOMPLETE: RetryRule(limit=3)}
    lacking = a_record(Outcome.INCOMPLETE)
    assert isinstance(next_step([lacking], rules), Retry)
    assert next_step([replace(lacking, turned=True)], rules) == Done(replace(lacking, turned=True))
