"""Gates: the whole interval inside passes, the whole outside fails."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from batchmatrix.model.evidence import Outcome
from batchmatrix.model.judging import (
    FAILURES,
    CompareRule,
    Comparison,
    Finding,
    GateRule,
    JudgingRules,
    Limit,
    MetricRule,
    Word,
)
from batchmatrix.model.metric import MetricValue
from batchmatrix.summarise.judging.gates import gates
from batchmatrix.summarise.judging.judge import judge
from tests.support.judging_cells import MS, PAIRS, a_comparison, gate, rules, summary

# 95 % interval of the mean of these three: 10 ± 4.3027 / sqrt(3), which is 7.52 to 12.48
TEN = [9.0, 10.0, 11.0]


def found(cells: dict[str, list[Any]], of: JudgingRules, comparisons: Sequence[Comparison] = ()) -> list[Finding]:
    return list(gates(summary(cells), of, comparisons))


def only(cells: dict[str, list[Any]], of: JudgingRules, comparisons: Sequence[Comparison] = ()) -> Finding:
    (one,) = found(cells, of, comparisons)
    return one


# Against a value


@pytest.mark.parametrize(
    ("rule", "status", "reason"),
    [
        (gate("12.49"), "pass", "inside"),
        (gate("12.47"), "inconclusive", "undecided"),
        (gate("7.53"), "inconclusive", "undecided"),
        (gate("7.51"), "fail", "outside"),
        (gate("7.51", lower=True), "pass", "inside"),
        (gate("7.53", lower=True), "inconclusive", "undecided"),
        (gate("12.49", lower=True), "fail", "outside"),
    ],
)
def test_the_interval_of_the_mean_decides(rule: GateRule, status: str, reason: str) -> None:
    one = only({"cell": TEN}, rules(rule, scale="linear", pairs=()))
    assert (one.status, one.reason) == (status, reason)
    assert (one.kind, one.name, one.cell, one.metric) == ("gate", "it", "cell", MS)
    assert one.actual == 10.0
    assert (one.low, one.high) == (pytest.approx(7.5159, abs=1e-4), pytest.approx(12.4841, abs=1e-4))
    assert (one.minimum, one.maximum) == (rule.min, rule.max)


def test_the_line_says_what_there_is_and_what_was_asked() -> None:
    one = only({"cell": TEN}, rules(gate("12.5"), scale="linear", pairs=()))
    assert one.text == "cell cell: ms 10 [7.51586, 12.4841] (mean) keeps at most 12.5"
    one = only({"cell": TEN}, rules(gate("12"), pairs=()))
    assert one.text == "cell cell: ms 9.96655 [7.767, 12.789] (geometric mean) is on both sides of at most 12"


def test_no_number_reads_as_the_limit_that_it_is_not() -> None:
    close = only({"cell": [24.99999996, 24.99999997, 25.00000004]}, rules(gate("25"), scale="linear", pairs=()))
    # the mean is 24.99999999; 4.35890e-8 / sqrt(3) times 4.30265 is 1.08282e-7 to either side
    assert close.text == ("cell cell: ms 24.99999999 [24.9999999, 25.0000001] (mean) is on both sides of at most 25")
    cells = {"base": [1000.0, 1000.01, 999.99, 1000.0, 1000.0], "fast": [1000.5, 1000.49, 1000.51, 1000.5, 1000.5]}
    (fast,) = [each for each in found(cells, rules(gate("+0.01%"))) if each.cell == "fast"]
    assert fast.text == "cell fast: ms +0.05% [+0.05%, +0.05%] is beyond at most +0.01%"


def test_two_limits_fail_by_either_and_pass_by_both() -> None:
    def both(low: float, high: float) -> str:
        rule = GateRule("it", MS, min=Limit(low, text=str(low)), max=Limit(high, text=str(high)))
        return only({"cell": TEN}, rules(rule, scale="linear", pairs=())).status

    assert [both(7, 13), both(8, 13), both(7, 12), both(13, 14), both(1, 2)] == [
        "pass",
        "inconclusive",
        "inconclusive",
        "fail",
        "fail",
    ]


@pytest.mark.parametrize(
    "last",
    [None, Outcome.SUCCEEDED, Outcome.TIMEOUT, (Outcome.TIMEOUT, 10.0), Outcome.NODE_LOST, (Outcome.NODE_LOST, 10.0)],
)
def test_a_trial_without_a_value_keeps_a_gate_from_passing_and_not_from_failing(last: Any) -> None:
    cells = {"cell": [*TEN, last]}
    one = only(cells, rules(gate("20"), scale="linear", pairs=()))
    assert (one.status, one.reason) == ("inconclusive", "missing-values")
    assert one.text.endswith("keeps at most 20, but only 3 of 4 trials of cell have a sound value")
    assert only(cells, rules(gate("2"), scale="linear", pairs=())).status == "fail"


def test_a_success_after_a_retry_is_a_survivor() -> None:
    made = summary({"cell": [9.0, 10.0, 11.0]})
    retried = replace(made, trials=(*made.trials[:2], replace(made.trials[2], stumbled=True)))
    (one,) = gates(retried, rules(gate("20"), pairs=()), ())
    assert (one.status, one.reason) == ("inconclusive", "missing-values")


def test_values_that_are_no_numbers_keep_a_gate_from_passing() -> None:
    cells = {"cell": [9.0, 10.0, MetricValue(MS, "mean", 11.0, 5, invalid=1)]}
    assert only(cells, rules(gate("20"), scale="linear", pairs=())).reason == "missing-values"
    assert only(cells, rules(gate("2"), scale="linear", pairs=())).status == "fail"


def test_one_value_has_no_interval() -> None:
    one = only({"cell": [10.0]}, rules(gate("20"), pairs=()))
    assert (one.status, one.reason) == ("inconclusive", "no-interval")
    assert one.text == "cell cell: 1 trial has succeeded with a value of ms, an interval needs two"
    one = only({"cell": [None, None]}, rules(gate("20"), pairs=()))
    assert one.text == "cell cell: no trial has succeeded with a value of ms, an interval needs two"


def test_equal_values_are_their_own_interval() -> None:
    assert only({"cell": [0.0, 0.0, 0.0]}, rules(gate("0"), pairs=())).status == "pass"
    assert only({"cell": [1.0, 1.0, 1.0]}, rules(gate("0"), pairs=())).status == "fail"


# Against the baseline

CELLS: dict[str, list[Any]] = {"base": [10.0, 10.1, 9.9], "fast": [10.0, 10.1, 9.9], "slow": [13.0, 13.1, 12.9]}


def test_the_interval_of_the_change_decides_and_a_baseline_has_none() -> None:
    # the change of `fast` is 0 ± 2.3 %, of `slow` 30 ± 2.6 %
    findings = found(CELLS, rules(gate("+5%")))
    assert [(one.cell, one.status) for one in findings] == [("fast", "pass"), ("slow", "fail")]
    assert [one.actual for one in findings] == pytest.approx([0, 0.3], abs=1e-3)
    assert findings[1].text.startswith("cell slow: ms +30.0% [+27.")
    assert findings[1].text.endswith("] is beyond at most +5%")
    assert [one.status for one in found(CELLS, rules(gate("+1%")))] == ["inconclusive", "fail"]
    assert [one.status for one in found(CELLS, rules(gate("-10%", lower=True)))] == ["pass", "pass"]
    assert [one.status for one in found(CELLS, rules(gate("+10%", lower=True)))] == ["fail", "pass"]


def test_a_comparison_that_there_is_gives_the_interval() -> None:
    comparisons = [a_comparison("fast", 0.06, 0.08), a_comparison("slow", 0.01, 0.02, word=Word.EQUIVALENT)]
    findings = found(CELLS, rules(gate("+5%")), comparisons)
    assert [(one.cell, one.status, one.low, one.high) for one in findings] == [
        ("fast", "fail", 0.06, 0.08),
        ("slow", "pass", 0.01, 0.02),
    ]


def test_what_is_not_comparable_decides_nothing_and_says_why() -> None:
    compared = a_comparison(
        "slow", 0.2, 0.3, word=Word.NOT_COMPARABLE, reasons=("other-unit", "x"), text="the units differ"
    )
    one = found(CELLS, rules(gate("+5%")), [compared])[1]
    assert (one.status, one.reason) == ("inconclusive", "other-unit")
    assert one.text == "cell slow: ms cannot be compared: the units differ"


def test_a_limit_needs_no_direction() -> None:
    compared = a_comparison("slow", 0.2, 0.3, word=Word.NOT_COMPARABLE, reasons=("no-direction",))
    assert found(CELLS, rules(gate("+5%")), [compared])[1].status == "fail"


def beside(metric: str, **changes: Any) -> Comparison:
    """A comparison of `slow` in another metric or in how often it fails: it holds for all that it measures."""
    return replace(a_comparison("slow", 0.2, 0.3), metric=metric, **changes)


@pytest.mark.parametrize("metric", [MS, FAILURES])
def test_a_confounded_cell_decides_nothing_unless_that_is_allowed(metric: str) -> None:
    compared = [beside(metric, confounded=("node",))]
    assert found(CELLS, rules(gate("+5%")), compared)[1].reason == "confounded"
    allowed = rules(gate("+5%"), compare=CompareRule(allow_confounded=True))
    assert found(CELLS, allowed, compared)[1].status == "fail"
    # what it measured against a value is what it measured
    assert found(CELLS, rules(gate("11", mitigation="slow")), compared)[0].status == "fail"


@pytest.mark.parametrize("metric", [MS, FAILURES])
def test_a_cell_of_which_some_trials_were_chosen_decides_nothing(metric: str) -> None:
    findings = found(CELLS, rules(gate("+5%")), [beside(metric, reasons=("rerun-selected", "not-shown"))])
    assert [(one.status, one.reason) for one in findings] == [("pass", "inside"), ("inconclusive", "rerun-selected")]


def test_a_cell_without_a_baseline_cannot_be_decided() -> None:
    findings = found(CELLS, rules(gate("+5%"), pairs=(("fast", "base"),)))
    assert [(one.cell, one.status, one.reason) for one in findings] == [
        ("fast", "pass", "inside"),
        ("slow", "inconclusive", "no-baseline"),
    ]
    assert [one.reason for one in found(CELLS, rules(gate("+5%"), pairs=()))] == ["no-baseline"] * 3


def test_a_gate_that_fits_baselines_alone_or_nothing_is_not_kept() -> None:
    one = only(CELLS, rules(gate("+5%", mitigation="base")))
    assert (one.cell, one.status, one.reason) == ("", "inconclusive", "no-cell")
    assert one.text == "it fits baselines alone, which are held against nothing, so nothing shows that it is kept"
    assert only(CELLS, rules(gate("+5%", mitigation="typo"))).reason == "no-cell"
    assert found(CELLS, rules(gate("+5%", mode="x"), labels={"mode": "y"})) == []


def test_a_baseline_is_held_against_values() -> None:
    rule = GateRule("it", MS, min=Limit(5.0, text="5"), max=Limit(0.05, relative=True, text="+5%"))
    assert [(one.cell, one.status) for one in found(CELLS, rules(rule))] == [
        ("base", "pass"),
        ("fast", "pass"),
        ("slow", "fail"),
    ]


def test_too_few_trials_on_a_side_decide_nothing() -> None:
    cells = {**CELLS, "base": [10.0, 10.1]}
    findings = found(cells, rules(gate("+5%")))
    assert {one.reason for one in findings} == {"too-few-trials"}
    assert findings[0].text.startswith("cell fast: ms cannot be compared: ")
    assert findings[0].text.endswith("n 3 v 2 · fewer than 3 trials on a side")
    assert found(cells, rules(gate("+5%"), compare=CompareRule(min_trials=2)))[1].status == "fail"


@pytest.mark.parametrize("which", ["base", "fast"])
def test_survivors_never_pass(which: str) -> None:
    cells = {**CELLS, which: [*CELLS[which], Outcome.TIMEOUT]}
    one = found(cells, rules(gate("+5%")))[0]
    assert (one.status, one.reason) == ("inconclusive", "missing-values")
    assert one.text.endswith(f"but only 3 of 4 trials of {which} have a sound value")
    # what is left of the cell flatters it, so that it is beyond the limit all the same; of the baseline, not so
    assert found(cells, rules(gate("-50%")))[0].status == ("fail" if which == "fast" else "inconclusive")


def test_without_any_spread_a_change_is_not_known() -> None:
    one = only({"base": [1.0] * 3, "fast": [1.0] * 3}, rules(gate("+5%")))
    assert (one.status, one.reason) == ("inconclusive", "no-spread")


@pytest.mark.parametrize("direction", ["lower", "higher", ""])
@pytest.mark.parametrize(("text", "lower"), [("-50%", False), ("+50%", True)])
@pytest.mark.parametrize("scale", ["log", "linear"])
@pytest.mark.parametrize("lacking", ["none", "base", "fast", "both"])
def test_a_fail_that_missing_trials_may_have_made_is_none(
    direction: str, text: str, lower: bool, scale: str, lacking: str
) -> None:
    """Beyond a limit on the bad side that may come from the baseline's survivors, and on the good side from the cell's.

    Of what has no direction the limit says which side is the bad one.
    """
    cells = {name: [*CELLS[name], *([Outcome.NODE_LOST] if lacking in (name, "both") else [])] for name in CELLS}
    bad_side = not direction or (direction == "higher") is lower
    doubtful = lacking == "both" or lacking == ("base" if bad_side else "fast")
    of = rules(gate(text, lower=lower), metrics=(MetricRule("ms", "", direction, scale),))
    one = found(cells, of)[0]
    assert (one.status, one.reason) == (("inconclusive", "missing-values") if doubtful else ("fail", "outside"))
    if doubtful:
        assert one.text.endswith(f"a sound value, which flatters {'its baseline' if bad_side else 'it'}")


def test_one_of_five_trials_may_be_missing_for_a_fail() -> None:
    cells = {"base": [10.0, 10.1, 9.9, 10.0, Outcome.TIMEOUT], "slow": [13.0, 13.1, 12.9]}
    assert only(cells, rules(gate("+5%"))).status == "fail"
    less = a_comparison("slow", 0.2, 0.3, reasons=("fails-less",))
    assert only(cells, rules(gate("+5%")), [replace(less, metric=FAILURES)]).reason == "missing-values"


def test_an_equal_cell_seldom_fails_against_a_baseline_without_its_slow_trials() -> None:
    """The baseline loses each trial above the middle; a limit of no change at all is beyond 95 % one time in 40."""
    drawn, runs, failed = random.Random(20_26), 100, 0
    for _ in range(runs):
        times = [[100 * math.exp(drawn.gauss(0, 0.1)) for _ in range(10)] for _ in range(2)]
        base = [Outcome.TIMEOUT if time > 100 else time for time in times[0]]
        failed += only({"base": base, "slow": times[1]}, rules(gate("+0%"))).status == "fail"
    assert failed <= 0.05 * runs


def test_a_missing_trial_may_put_a_value_beyond_a_limit_on_the_good_side() -> None:
    cells = {"cell": [*TEN, Outcome.TIMEOUT]}
    one = only(cells, rules(gate("20", lower=True), pairs=()))
    assert (one.status, one.reason) == ("inconclusive", "missing-values")
    assert one.text.endswith("but only 3 of 4 trials of cell have a sound value, which flatters it")
    assert only({"cell": TEN}, rules(gate("20", lower=True), pairs=())).status == "fail"


# A metric that nobody compares but the gate

ONLY_OTHER = {"compare": CompareRule(metrics=("other",))}


def judged(cells: dict[str, list[Any]], **changes: Any) -> Finding:
    """The first finding of a gate of 5 % on a metric that is not compared."""
    made = judge(summary(cells), rules(gate("+5%"), **{**ONLY_OTHER, **changes}))
    assert made.judgement is not None
    assert "ms" not in {each.metric for each in made.judgement.comparisons}
    return made.judgement.findings[0]


def test_the_interval_of_a_change_is_that_of_statsmodels() -> None:
    x, y = [12.1, 12.9, 11.7, 13.4, 12.2], [10.3, 10.9, 10.1, 11.2, 10.4, 9.9]
    logs = [DescrStatsW([math.log(each) for each in side]) for side in (x, y)]
    low, high = CompareMeans(*logs).tconfint_diff(0.05, usevar="unequal")
    one = judged({"base": y, "fast": x})
    assert (one.low, one.high) == pytest.approx((math.exp(low) - 1, math.exp(high) - 1), rel=1e-9)
    assert one.actual == pytest.approx(math.prod(x) ** (1 / 5) / math.prod(y) ** (1 / 6) - 1)
    assert one.status == "fail"


@pytest.mark.parametrize("scale", ["log", "linear"])
def test_spread_of_floating_point_is_none(scale: str) -> None:
    of = {"base": [0.3, 0.3, 0.1 + 0.2], "fast": [0.3, 0.3, 0.3]}
    one = judged(of, metrics=(MetricRule("ms", "ms", "lower", scale),))
    assert (one.status, one.reason) == ("inconclusive", "no-spread")


@pytest.mark.parametrize("scale", ["log", "linear"])
def test_nodes_of_the_trials_that_gave_the_values_count(scale: str) -> None:
    """A trial that failed ran beside the baseline, so that only the values are from elsewhere."""
    cells = {"base": [10.0, 10.1, 10.2, 10.1], "slow": [Outcome.TIMEOUT, 20.0, 20.1, 20.2, 20.1]}
    made = summary(cells)
    trials = [
        replace(each, record=replace(each.record, node="other"))
        if each.record is not None and each.cell == "slow" and each.trial
        else each
        for each in made.trials
    ]
    of = rules(gate("+5%"), scale=scale, **ONLY_OTHER)
    judgement = judge(replace(made, trials=tuple(trials)), of).judgement
    assert judgement is not None
    assert [(one.status, one.reason) for one in judgement.findings] == [("inconclusive", "confounded")]
    allowed = replace(of, compare=CompareRule(metrics=("other",), allow_confounded=True))
    judgement = judge(replace(made, trials=tuple(trials)), allowed).judgement
    assert judgement is not None
    assert [one.status for one in judgement.findings] == ["fail"]


def test_what_has_no_logarithm_says_so() -> None:
    assert judged({"base": [10.0, 10.1, 10.2], "slow": [0.0, 20.0, 20.1]}).reason == "not-positive"


# Only some trials were run again


@pytest.mark.parametrize("pairs", [(), PAIRS])
@pytest.mark.parametrize("limit", ["12", "1"])
@pytest.mark.parametrize("came", ["a result", "nothing"])
def test_a_cell_of_which_only_some_trials_were_run_again_keeps_no_value(
    pairs: tuple[tuple[str, str], ...], limit: str, came: str
) -> None:
    made = summary({"base": [10.0, 10.1, 9.9], "fast": [10.0, 10.1, 9.9, 10.2]})
    last = made.trials[-1]
    assert last.record is not None
    again = replace(last, record=replace(last.record, rerun=1)) if came == "a result" else replace(
        last, record=None, rerun=1
    )  # fmt: skip
    findings = list(gates(replace(made, trials=(*made.trials[:-1], again)), rules(gate(limit), pairs=pairs), ()))
    assert [(one.cell, one.status) for one in findings] == [
        ("base", "pass" if limit == "12" else "fail"),
        ("fast", "inconclusive"),
    ]
    assert findings[1].reason == "rerun-selected"
    all_again = [replace(each, record=replace(each.record, rerun=1)) for each in made.trials if each.record is not None]
    findings = list(gates(replace(made, trials=tuple(all_again)), rules(gate(limit), pairs=pairs), ()))
    assert {one.status for one in findings} == {"pass" if limit == "12" else "fail"}


@pytest.mark.parametrize("cell", ["base", "slow"])
def test_a_change_of_which_a_side_was_chosen_decides_nothing(cell: str) -> None:
    made = summary({"base": [10.0, 10.1, 9.9], "slow": [13.0, 13.1, 12.9]})
    trials = [
        replace(each, record=replace(each.record, rerun=1))
        if each.record is not None and (each.cell, each.trial) == (cell, 2)
        else each
        for each in made.trials
    ]
    (one,) = gates(replace(made, trials=tuple(trials)), rules(gate("+5%")), ())
    assert (one.status, one.reason) == ("inconclusive", "rerun-selected")


# Against a baseline on a linear scale


def test_a_share_of_a_mean_on_a_linear_scale() -> None:
    linear = rules(gate("+5%"), scale="linear")
    findings = found(CELLS, linear)
    assert [one.status for one in findings] == ["pass", "fail"]
    assert findings[1].text.startswith("cell slow: ms less 1.05 times its baseline +2.5 [+2.2")
    below = {name: [-value for value in values] for name, values in CELLS.items()}
    # -13 is less than -10 and 5 % more of it, -9.5; and it is less than 5 % less of it, -10.5
    assert [one.status for one in found(below, linear)] == ["pass", "pass"]
    assert [one.status for one in found(below, rules(gate("-5%", lower=True), scale="linear"))] == ["pass", "fail"]


def test_a_share_of_what_may_be_zero_says_nothing() -> None:
    cells = {"base": [-0.1, 0.0, 0.2], "fast": [5.0, 5.1, 5.2]}
    one = only(cells, rules(gate("+5%"), scale="linear"))
    assert (one.status, one.reason) == ("inconclusive", "baseline-near-zero")
