"""All of judging together, and judging a result anew by other rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from batchmatrix.model.evidence import Outcome
from batchmatrix.model.exits import CELLS_FAILED, GATE_FAILED, INCONCLUSIVE, PASSED, recommended_exit
from batchmatrix.model.judging import NO_RULES, CheckRule, GateRule
from batchmatrix.model.summary import Summary
from batchmatrix.summarise.judging.judge import judge
from tests.support.judging_cells import at_least, at_most, gate, rules, summary

GOOD: dict[str, list[Any]] = {"base": [10.0, 10.1, 9.9], "fast": [8.0, 8.1, 7.9], "slow": [13.0, 13.1, 12.9]}


def came_to(made: Summary) -> tuple[str, int]:
    return made.verdict, recommended_exit(made.verdict, made)


def test_a_summary_that_is_not_complete_stays_as_it_is() -> None:
    made = summary({"base": [10.0, None]}, complete=False)
    assert judge(made, rules(at_most(1))) is made


def test_without_rules_the_verdict_is_that_of_the_cells() -> None:
    for cells in (GOOD, {"base": [Outcome.TIMEOUT]}, {"base": [Outcome.NODE_LOST]}):
        made = summary(cells)
        judged = judge(made, NO_RULES)
        assert (judged.verdict, judged.reason) == (made.verdict, made.reason)
        assert judged.judgement is not None
        assert judged.judgement.findings == ()


def test_every_rule_that_is_kept_is_counted() -> None:
    made = judge(summary(GOOD), rules(at_most(20), at_least(1), gate("+50%")))
    assert (made.verdict, made.reason) == ("pass", "all 9 trials succeeded; 6 checks and 2 gates passed")
    assert came_to(made)[1] == PASSED


def test_the_limits_decide_and_nothing_is_run_for_that() -> None:
    stored = summary(GOOD)
    tight, wide = rules(at_most(12)), rules(at_most(14))
    assert came_to(judge(stored, wide)) == ("pass", PASSED)
    assert came_to(judge(stored, tight)) == ("fail", GATE_FAILED)
    assert judge(judge(stored, tight), wide) == judge(stored, wide)
    assert judge(judge(stored, wide), NO_RULES) == judge(stored, NO_RULES)


def test_the_first_three_findings_are_named_with_the_count_of_all() -> None:
    made = judge(summary({f"c{at}": [20.0] for at in range(5)}), rules(at_most(12), gate("1"), pairs=()))
    assert made.verdict == "fail"
    assert made.reason == (
        "5 checks failed: cell c0, trial 0: ms 20 > 12, cell c1, trial 0: ms 20 > 12, cell c2, trial 0: ms 20 > 12 "
        "and 2 more; 5 gates could not be decided: it: cell c0: 1 trial has succeeded with a value of ms, an interval "
        "needs two, it: cell c1: 1 trial has succeeded with a value of ms, an interval needs two, it: cell c2: 1 trial "
        "has succeeded with a value of ms, an interval needs two and 2 more"
    )


@pytest.mark.parametrize(
    ("cells", "rule", "wanted"),
    [
        (GOOD, at_most(14), ("pass", PASSED)),
        (GOOD, at_most(12), ("fail", GATE_FAILED)),
        (GOOD, gate("+50%"), ("pass", PASSED)),
        (GOOD, gate("+5%"), ("fail", GATE_FAILED)),
        (GOOD, gate("10", mitigation="base"), ("inconclusive", INCONCLUSIVE)),
        ({"base": [Outcome.SUCCEEDED]}, at_most(14), ("inconclusive", INCONCLUSIVE)),
        ({"base": [Outcome.NODE_LOST]}, at_most(14), ("inconclusive", INCONCLUSIVE)),
        ({"base": [20.0, Outcome.NODE_LOST]}, at_most(14), ("fail", GATE_FAILED)),
        ({"base": [20.0, Outcome.TIMEOUT]}, at_most(14), ("fail", CELLS_FAILED)),
        ({"base": [1.0, Outcome.TIMEOUT]}, at_most(14), ("fail", CELLS_FAILED)),
        ({"base": [1.0, None]}, at_most(14), ("inconclusive", INCONCLUSIVE)),
    ],
)
def test_verdict_and_exit_code(
    cells: dict[str, list[Any]], rule: CheckRule | GateRule, wanted: tuple[str, int]
) -> None:
    assert came_to(judge(summary(cells), rules(rule))) == wanted


def test_a_rule_that_only_warns_changes_nothing() -> None:
    for rule in (replace(at_most(1), severity="warn"), gate("+5%", severity="warn"), gate("9", severity="warn")):
        made = judge(summary(GOOD), rules(rule))
        assert (made.verdict, made.reason) == ("pass", "all 9 trials succeeded")
        assert made.judgement is not None
        assert {finding.severity for finding in made.judgement.findings} == {"warn"}
        assert {finding.status for finding in made.judgement.findings} & {"fail", "inconclusive"}


def test_why_results_are_missing_is_still_said() -> None:
    made = judge(summary({"base": [1.0, None]}, stopped="cancelled (token x)"), rules(at_most(14)))
    assert made.verdict == "inconclusive"
    assert made.reason.startswith("cancelled (token x); 1 of 1 cell could not be decided: base")
    assert made.reason.endswith("1 check could not be decided: cell base: trial 1 without a result")


def test_a_cell_that_may_fail_is_checked_all_the_same() -> None:
    cells: dict[str, list[Any]] = {"base": [(Outcome.UNEXPECTED_EXIT, 20.0)]}
    assert came_to(judge(summary(cells, expect="any"), rules(at_most(14)))) == ("fail", GATE_FAILED)
    assert came_to(judge(summary(cells, expect="any"), rules(at_most(20)))) == ("pass", PASSED)


def test_means_get_their_intervals() -> None:
    made = judge(summary({"base": [9.0, 10.0, 11.0], "one": [10.0]}), rules(scale="linear", pairs=()))
    base, one = (cell.metrics[0] for cell in made.cells)
    assert (base.low, base.high, base.interval) == (pytest.approx(7.51586), pytest.approx(12.48414), "mean")
    assert (one.low, one.high, one.interval) == (None, None, "")
    assert judge(made, rules(pairs=())).cells == made.cells


@pytest.mark.parametrize("scale", ["log", "linear"])
def test_the_interval_beside_a_mean_holds_it_and_a_gate_names_its_own(scale: str) -> None:
    """Nine times 1 and once 40: the mean is 4.9; 12.3329 / sqrt(10) times 2.2622 is 8.8224 to either side."""
    found = judge(summary({"base": [1.0] * 9 + [40.0]}), rules(gate("3.5"), scale=scale))
    metric = found.cells[0].metrics[0]
    assert (metric.mean, metric.interval) == (4.9, "mean")
    assert (metric.low, metric.high) == (pytest.approx(-3.92243, abs=1e-4), pytest.approx(13.72243, abs=1e-4))
    assert found.judgement is not None
    assert (" (geometric mean)" in found.judgement.findings[0].text) is (scale == "log")


def test_what_a_cell_says_of_its_trials_is_worked_out_anew() -> None:
    made = summary({"base": [10.0, (Outcome.UNEXPECTED_EXIT, 13.0)]})
    lying = replace(made.cells[0], failure_rate=0.0, metrics=(replace(made.cells[0].metrics[0], mean=1.0, n=7),))
    assert judge(replace(made, cells=(lying,)), NO_RULES) == judge(made, NO_RULES)
    cell = judge(made, NO_RULES).cells[0]
    assert (cell.failure_rate, cell.metrics[0].mean, cell.metrics[0].n) == (0.5, 11.5, 2)


def test_there_is_no_exit_code_of_success_without_a_pass() -> None:
    made = summary(GOOD, complete=False)
    assert recommended_exit(made.verdict, made) == INCONCLUSIVE
    failing = summary({"base": [Outcome.TIMEOUT]})
    assert recommended_exit(failing.verdict, failing) == CELLS_FAILED
