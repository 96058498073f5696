"""Checks: every trial keeps the limits, or says why that is not known."""

from __future__ import annotations

import math

import pytest

from batchmatrix.model.evidence import Blame, Outcome
from batchmatrix.model.judging import CheckRule, Finding, JudgingRules
from batchmatrix.model.metric import MetricValue
from batchmatrix.model.summary import TrialResult
from batchmatrix.summarise.judging.checks import check_name, checks
from batchmatrix.summarise.summary import summarise
from tests.support.judging_cells import MS, at_least, at_most, rules, summary
from tests.support.records import a_cell, a_plan, a_result


def found(trials: list[object], rule: CheckRule) -> Finding:
    (one,) = checks(summary({"cell": trials}), rules(rule))  # type: ignore[dict-item]
    return one


@pytest.mark.parametrize(
    ("trials", "rule", "status", "reason", "actual"),
    [
        ([1.0, 2.0, 3.0], at_most(3), "pass", "kept", 3.0),
        ([1.0, 2.0, 3.5, 4.0], at_most(3), "fail", "violated", 4.0),
        ([1.0, 2.0, 3.0], at_least(1), "pass", "kept", 1.0),
        ([0.5, 2.0], at_least(1), "fail", "violated", 0.5),
        ([2.0, 9.0], CheckRule(MS, min=1, max=10), "pass", "kept", 2.0),
        ([0.0, 15.0], CheckRule(MS, min=1, max=10), "fail", "violated", 15.0),
        ([1.0, None], at_most(3), "inconclusive", "no-result", 1.0),
        ([1.0, Outcome.SUCCEEDED], at_most(3), "inconclusive", "no-value", 1.0),
        ([1.0, MetricValue(MS, "mean", None, 0, invalid=4)], at_most(3), "inconclusive", "no-value", 1.0),
        ([1.0, MetricValue(MS, "mean", math.inf, 1)], at_least(1), "inconclusive", "no-value", 1.0),
        ([1.0, MetricValue(MS, "mean", math.nan, 1)], at_most(3), "inconclusive", "no-value", 1.0),
        ([1.0, MetricValue(MS, "mean", 2.0, 8, invalid=1)], at_most(3), "inconclusive", "invalid-values", 2.0),
        ([1.0, MetricValue(MS, "mean", 4.0, 8, invalid=1)], at_most(3), "fail", "violated", 4.0),
        ([1.0, (Outcome.NODE_LOST, 2.0)], at_most(3), "inconclusive", "infrastructure", 1.0),
        ([1.0, (Outcome.NODE_LOST, 9.0)], at_most(3), "inconclusive", "infrastructure", 1.0),
        ([9.0, (Outcome.NODE_LOST, 2.0)], at_most(3), "fail", "violated", 9.0),
        ([9.0, None], at_most(3), "fail", "violated", 9.0),
        ([1.0, (Outcome.UNEXPECTED_EXIT, 9.0)], at_most(3), "fail", "violated", 9.0),
        ([1.0, (Outcome.UNEXPECTED_EXIT, 2.0)], at_most(3), "pass", "kept", 2.0),
        ([1.0, Outcome.TIMEOUT], at_most(3), "inconclusive", "no-value", 1.0),
        ([1.0, (Outcome.CANCELLED, 2.0)], at_most(3), "inconclusive", "infrastructure", 1.0),
        ([None, Outcome.SUCCEEDED], at_most(3), "inconclusive", "no-result", None),
    ],
)
def test_what_a_cell_of_such_trials_comes_to(
    trials: list[object], rule: CheckRule, status: str, reason: str, actual: float | None
) -> None:
    one = found(trials, rule)
    assert (one.status, one.reason, one.actual) == (status, reason, actual)
    assert (one.kind, one.cell, one.metric, one.severity) == ("check", "cell", MS, "fail")


def test_a_violation_is_said_with_cell_trial_value_and_limit() -> None:
    assert (
        found([1.0, 250001.0, 260000.5], at_most(250000)).text
        == "cell cell, trial 2: ms 260000.5 > 250000 (2 of 3 trials)"
    )
    assert found([0.25], at_least(1)).text == "cell cell, trial 0: ms 0.25 < 1"
    assert found([0.0, 15.0], CheckRule(MS, min=1, max=10)).text == "cell cell, trial 1: ms 15 > 10 (2 of 2 trials)"


def test_what_is_kept_is_said_with_the_value_closest_to_the_limit() -> None:
    assert found([1.0, 2.5], at_most(3)).text == "cell cell: all 2 trials keep ms <= 3, at worst 2.5 in trial 1"
    assert found([1.0], at_least(1)).text == "cell cell: its one trial keeps ms >= 1, at worst 1 in trial 0"


def test_every_doubt_is_counted() -> None:
    trials: list[object] = [
        Outcome.SUCCEEDED,
        None,
        Outcome.NODE_LOST,
        None,
        MetricValue(MS, "mean", 2.0, 8, invalid=1),
        1.0,
    ]
    assert found(trials, at_most(3)).text == (
        "cell cell: trials 1 and 1 other without a result, trial 2 not ended by the workload, trial 0 without a value "
        "of ms, trial 4 with values that are no numbers of ms"
    )


def test_a_trial_that_never_began_is_missing_too() -> None:
    cell = a_cell("cell", trials=3)
    trials = [a_result(cell, 1, metrics=[MetricValue(MS, "mean", 1.0, 1)])]
    made = summarise(a_plan(cell), trials, units={}, complete=True, started="", finished="")
    (one,) = checks(made, rules(at_most(3)))
    assert (one.status, one.text) == ("inconclusive", "cell cell: trials 0 and 1 other without a result")


def test_the_blame_decides_and_not_the_outcome() -> None:
    cell = a_cell("cell")
    result: TrialResult = a_result(
        cell, 0, Outcome.INCOMPLETE, blame=Blame.INFRASTRUCTURE, metrics=[MetricValue(MS, "mean", 1.0, 1)]
    )
    made = summarise(a_plan(cell), [result], units={}, complete=True, started="", finished="")
    (one,) = checks(made, rules(at_most(3)))
    assert one.reason == "infrastructure"


def test_a_check_speaks_of_the_cells_that_it_names_alone() -> None:
    made = summary({"a": [1.0], "b": [9.0], "c": [1.0]})
    assert [(one.cell, one.status) for one in checks(made, rules(at_most(3)))] == [
        ("a", "pass"),
        ("b", "fail"),
        ("c", "pass"),
    ]
    some = CheckRule(MS, max=3, when={"mitigation": frozenset({"a", "c"})})
    assert [one.cell for one in checks(made, rules(some))] == ["a", "c"]


def test_the_same_file_for_two_modes() -> None:
    both = [at_most(3, mode="baseline", mitigation="a"), at_most(1, mode="degraded", mitigation="a")]
    made = summary({"a": [2.0], "b": [2.0]})
    assert [(one.name, one.status) for one in checks(made, rules(*both, labels={"mode": "baseline"}))] == [
        ("ms <= 3", "pass")
    ]
    assert [(one.name, one.status) for one in checks(made, rules(*both, labels={"mode": "degraded"}))] == [
        ("ms <= 1", "fail")
    ]


def test_a_check_that_fits_no_cell_is_not_kept() -> None:
    made = summary({"a": [2.0]})
    for rule, labels in (
        (at_most(3, mitigation="typo"), {}),
        (at_most(3, mode="baseline"), {}),
        (at_most(3, mode="baseline", mitigation="typo"), {"mode": "baseline"}),
    ):
        (one,) = checks(made, rules(rule, labels=labels))
        assert (one.cell, one.status, one.reason) == ("", "inconclusive", "no-cell")
        assert one.text == "it fits no cell, so nothing shows that it is kept"


def test_findings_come_in_the_order_of_the_rules() -> None:
    made = summary({"a": [2.0], "b": [2.0]})
    names = [(one.name, one.cell) for one in checks(made, rules(at_most(9), at_least(1)))]
    assert names == [("ms <= 9", "a"), ("ms <= 9", "b"), ("ms >= 1", "a"), ("ms >= 1", "b")]
    assert list(checks(made, JudgingRules())) == []


def test_a_check_is_called_what_it_asks_for() -> None:
    assert check_name(CheckRule("p99", min=0.5, max=1e6)) == "0.5 <= p99 <= 1000000"
    assert check_name(CheckRule("p99", max=250000.0)) == "p99 <= 250000"
    assert check_name(CheckRule("p99", min=-1.5)) == "p99 >= -1.5"
