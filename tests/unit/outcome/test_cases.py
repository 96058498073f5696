"""The table of outcomes as data."""

from __future__ import annotations

import re

from batchmatrix.model.evidence import Blame, Outcome
from batchmatrix.outcome.cases import TABLE, Case, retry_key


def test_every_case_has_its_row_and_every_outcome_a_case() -> None:
    assert set(TABLE) == set(Case)
    assert {row.outcome for row in TABLE.values()} == set(Outcome)


def test_reasons_are_fixed_and_in_one_style() -> None:
    words = (
        "Succeeded SucceededLogCut ExitNotAllowed RanTooLong NeverStarted OutOfMemory NoImage CannotStart NoNodeFits"
    )
    words += (
        " Preempted JobSuspended Evicted NodeRefused NodeSilent NodeGone NodeForgot PodDeleted PodVanished RateLimited "
    )
    words += "HoldAsked ExitWhileStopped LogGap ExitCodesUnknown NoEndMarker NoEndMarkerLogCut"
    words += " NoMetric NoMetricLogCut LogLost PodUnseen NameTaken Cancelled"
    assert [case.value for case in Case] == words.split()  # they stand in ledgers: one may be added, none renamed
    assert all(re.fullmatch(r"([A-Z][a-z]+)+", case.value) for case in Case)


def test_outcome_and_blame_name_one_retry_budget() -> None:
    budgets = {(row.outcome, row.blame, row.retry) for row in TABLE.values()}
    assert len(budgets) == len({budget[:2] for budget in budgets})


def test_only_the_workloads_own_failures_count_in_failure_rates() -> None:
    counted = {row.outcome for row in TABLE.values() if row.counts_in_failure_rate}
    assert counted == {Outcome.UNEXPECTED_EXIT, Outcome.TIMEOUT, Outcome.OOM_KILLED, Outcome.INCOMPLETE}


def test_what_was_disturbed_from_outside_draws_on_another_budget_than_a_workload_without_metrics() -> None:
    assert retry_key(Outcome.INCOMPLETE, Blame.INFRASTRUCTURE) is Outcome.INTERRUPTED
    assert retry_key(Outcome.INCOMPLETE, Blame.WORKLOAD) is Outcome.INCOMPLETE
    assert retry_key(Outcome.TIMEOUT, Blame.WORKLOAD) is Outcome.TIMEOUT


def test_every_remedy_is_one_short_line() -> None:
    for case, row in TABLE.items():
        assert len(row.remedy) <= 110, case
        assert "\n" not in row.remedy
        assert row.remedy or row.outcome in (Outcome.SUCCEEDED, Outcome.CANCELLED)
