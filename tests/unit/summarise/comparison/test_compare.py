from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from batchmatrix.model.evidence import Outcome
from batchmatrix.model.judging import FAILURES, CompareRule, JudgingRules, MetricRule, Word
from batchmatrix.summarise.comparison.compare import compare, compared_metrics
from tests.support.comparisons import METRIC, a_matrix, judged, row, rules

BAD, LOST = Outcome.TIMEOUT, Outcome.NODE_LOST
BASE = [100.0, 101.0, 99.0, 100.5, 99.5]
SLOW = [130.0, 131.0, 129.0, 130.5, 129.5]
FAST = [70.0, 71.0, 69.0, 70.5, 69.5]
EQUAL = [100.2, 100.9, 99.1, 100.4, 99.7]


def word(cell: list[Any], *, base: list[Any] = BASE, metric: str = METRIC.name, **options: Any) -> Word:
    return row(judged({"none": base, "c": cell}, **options), "c", metric).word


def reasons(cell: list[Any], *, base: list[Any] = BASE, metric: str = METRIC.name, **options: Any) -> tuple[str, ...]:
    return row(judged({"none": base, "c": cell}, **options), "c", metric).reasons


# The words


def test_the_classic_triage() -> None:
    """The baseline hangs, one mitigation fixes it; another baseline runs, and cells are slower and equal to it."""
    hangs = judged({"none": [BAD] * 5, "fix": BASE, "other": [BAD] * 5})
    assert row(hangs, "fix", FAILURES).word is Word.FIXES
    assert row(hangs, "fix").word is Word.NOT_COMPARABLE
    assert row(hangs, "other", FAILURES).word is Word.NO_EVIDENCE
    assert hangs.headline == "Against none: 1 fails less, 1 no evidence."
    runs = judged({"none": BASE, "slow": SLOW, "equal": EQUAL, "wide": [80.0, 130.0, 100.0, 90.0, 110.0]})
    words = {name: row(runs, name).word for name in ("slow", "equal", "wide")}
    assert words == {"slow": Word.SLOWER, "equal": Word.EQUIVALENT, "wide": Word.NO_EVIDENCE}
    assert runs.headline == "Against none: 1 slower, 1 equivalent, 1 no evidence."


@pytest.mark.parametrize(
    ("unit", "direction", "up", "down"),
    [
        ("ms", "lower", Word.SLOWER, Word.FASTER),
        ("steps/s", "higher", Word.FASTER, Word.SLOWER),
        ("GiB", "lower", Word.WORSE, Word.BETTER),
        ("points", "higher", Word.BETTER, Word.WORSE),
    ],
)
@pytest.mark.parametrize("scale", ["log", "linear"])
def test_both_directions(unit: str, direction: str, up: Word, down: Word, scale: str) -> None:
    metric = MetricRule("m", unit, direction, scale)
    assert row(judged({"none": BASE, "c": SLOW}, metric=metric), "c", "m").word is up
    assert row(judged({"none": BASE, "c": FAST}, metric=metric), "c", "m").word is down


def test_numbers_of_one_comparison_worked_out_by_hand() -> None:
    found = row(judged({"none": [math.e, math.e**2, math.e**3], "c": [math.e**4, math.e**5, math.e**6]}), "c")
    # logarithms 1 2 3 and 4 5 6: difference 3, error sqrt(2/3), t = 3.674 with 4 degrees of freedom
    t = 3 / math.sqrt(2 / 3)
    cdf = 0.5 + t / (2 * math.sqrt(4 + t * t)) * (1 + 2 / (4 + t * t))  # of Student's t with 4 degrees of freedom
    assert found.p == pytest.approx(2 * (1 - cdf))
    assert found.estimate == pytest.approx(math.exp(3) - 1)
    half = 2.7764451051977987 * math.sqrt(2 / 3)
    assert (found.low, found.high) == pytest.approx((math.exp(3 - half) - 1, math.exp(3 + half) - 1))
    assert found.sd_trial == pytest.approx(1.0)
    assert (found.n, found.n0, found.m, found.trials, found.trials0) == (3, 3, 1, (0, 1, 2), (0, 1, 2))
    assert found.margin == pytest.approx(0.05)
    assert (found.scale, found.method) == ("log", "welch-log-holm")


def test_differences_in_the_unit_worked_out_by_hand() -> None:
    metric = MetricRule("m", "GiB", "lower", "linear")
    found = row(judged({"none": [-1.0, 0.0, 1.0], "c": [9.0, 10.0, 11.0]}, metric=metric), "c", "m")
    half = 2.7764451051977987 * math.sqrt(2 / 3)
    assert (found.estimate, found.low, found.high) == pytest.approx((10.0, 10 - half, 10 + half))
    assert (found.word, found.margin, found.sd_trial) == (Word.WORSE, 0.0, pytest.approx(1.0))
    assert found.trials_for_margin is None


# What cannot be compared


@pytest.mark.parametrize(("cell", "base"), [(BASE[:2], BASE), (BASE, BASE[:2]), (BASE[:1], BASE), ([BAD], BASE)])
def test_too_few_trials(cell: list[Any], base: list[Any]) -> None:
    found = row(judged({"none": base, "c": cell}), "c")
    assert (found.word, found.reasons[0]) == (Word.NOT_COMPARABLE, "too-few-trials")
    assert found.p is None
    assert (found.low is not None) == (min(found.n, found.n0) >= 2)
    assert "fewer than 3 trials on a side" in found.text


def test_the_least_number_of_trials_is_the_rules() -> None:
    assert reasons(SLOW, min_trials=6) == ("too-few-trials",)
    assert word(SLOW[:2], base=BASE[:2], min_trials=2) is Word.SLOWER


@pytest.mark.parametrize(("cell", "base"), [([1.0] * 3, [1.0] * 3), ([1.0] * 3, [2.0] * 3)])
@pytest.mark.parametrize("scale", ["log", "linear"])
def test_no_spread(cell: list[float], base: list[float], scale: str) -> None:
    metric = MetricRule("m", "ms", "lower", scale)
    found = row(judged({"none": base, "c": cell}, metric=metric), "c", "m")
    assert (found.word, found.reasons) == (Word.NOT_COMPARABLE, ("no-spread",))
    assert (found.p, found.low, found.sd_trial) == (None, None, 0.0)
    assert found.text.endswith("no spread measured")


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("value", [0.0, -3.0])
def test_what_has_no_logarithm(side: int, value: float) -> None:
    samples = [list(BASE), list(SLOW)]
    samples[side][2] = value
    assert reasons(samples[1], base=samples[0]) == ("not-positive",)
    metric = MetricRule(METRIC.name, "ms", "lower", "linear")
    found = row(judged({"none": samples[0], "c": samples[1]}, metric=metric), "c")
    assert found.word in (Word.NO_EVIDENCE, Word.SLOWER)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_number_is_no_value(value: float) -> None:
    found = row(judged({"none": BASE, "c": [*SLOW, value]}), "c")
    assert (found.n, found.trials, found.word) == (5, (0, 1, 2, 3, 4), Word.SLOWER)


def test_nothing_says_which_way_is_better() -> None:
    found = row(judged({"none": BASE, "c": SLOW}, metric=MetricRule("loss"), metrics=("loss",)), "c", "loss")
    assert (found.word, found.reasons) == (Word.NOT_COMPARABLE, ("no-direction",))
    assert found.estimate == pytest.approx(0.3, rel=1e-3)


@pytest.mark.parametrize("size", [1e300, 1e-300])
def test_very_large_and_very_small_numbers(size: float) -> None:
    metric = MetricRule("m", "ms", "lower", "linear")
    found = row(judged({"none": [v * size for v in BASE], "c": [v * size for v in SLOW]}, metric=metric), "c", "m")
    assert found.word is Word.SLOWER
    assert found.estimate == pytest.approx(30 * size)


def test_a_change_that_no_number_holds() -> None:
    found = row(judged({"none": [1e-300, 2e-300, 3e-300], "c": [1e300, 2e300, 3e300]}), "c")
    assert (found.word, found.reasons, found.estimate) == (Word.NOT_COMPARABLE, ("out-of-range",), None)
    down = row(judged({"none": [1e300, 2e300, 3e300], "c": [1e-300, 2e-300, 3e-300]}), "c")
    assert (down.word, down.estimate) == (Word.FASTER, -1.0)


# Failures come first


def test_who_fails_more_is_never_faster() -> None:
    base, cell = [*BASE, *BASE, *BASE], [*FAST, *[BAD] * 10]
    assert word(cell, base=base, metric=FAILURES) is Word.BREAKS
    found = row(judged({"none": base, "c": cell}), "c")
    assert (found.word, found.reasons[:2]) == (Word.NO_EVIDENCE, ("fails-more", "survivors-only"))
    assert "10 of 15 trials failed, survivors only" in found.text
    slower = row(judged({"none": base, "c": [*SLOW, *[BAD] * 10]}), "c")
    assert (slower.word, slower.reasons[0]) == (Word.SLOWER, "difference-shown")


def test_who_fails_less_is_never_slower() -> None:
    """Ten of fifty are no more than a fifth, and are shown to be more than none all the same."""
    base, cell = [*BASE * 7, *BASE[:4], 100.0, *[BAD] * 10], [*SLOW * 10]
    assert word(cell, base=base, metric=FAILURES) is Word.FIXES
    found = row(judged({"none": base, "c": cell}), "c")
    assert (found.word, found.reasons[0]) == (Word.NO_EVIDENCE, "fails-less")
    assert "the baseline fails more often, survivors only" in found.text
    assert word([*FAST * 10], base=base) is Word.FASTER


def test_one_of_five_may_be_missing_and_no_more() -> None:
    assert word([*FAST[:4], BAD]) is Word.FASTER
    assert reasons([*FAST[:3], BAD, BAD])[0] == "survivors-only"
    assert reasons(SLOW, base=[*BASE[:3], BAD, BAD]) == ("survivors-only", "difference-shown")
    assert reasons(SLOW, base=[*BASE[:3], LOST, LOST])[0] == "trials-missing"
    assert word(FAST, base=[*BASE[:3], BAD, BAD]) is Word.FASTER
    assert word(SLOW, base=[*BASE[:4], BAD]) is Word.SLOWER
    assert reasons([*FAST[:3], LOST, LOST])[0] == "trials-missing"
    assert reasons([*FAST[:3], None, None])[0] == "trials-missing"
    assert "2 of 5 trials of the baseline failed" in row(
        judged({"none": [*BASE[:3], BAD, BAD], "c": FAST}), "c"
    ).text  # fmt: skip
    assert word([*SLOW[:3], BAD, BAD]) is Word.SLOWER


def test_infrastructure_is_in_no_failure_rate_and_named() -> None:
    found = row(judged({"none": BASE, "c": [LOST, LOST, Outcome.EVICTED, BAD, 1.0]}), "c", FAILURES)
    assert (found.n, found.failed, found.n0, found.failed0) == (2, 1, 5, 0)
    assert found.text.endswith("3 trials not counted (Evicted 1, NodeLost 2)")
    assert found.rate is not None
    only = row(judged({"none": [LOST] * 5, "c": BASE}), "c", FAILURES)
    assert (only.word, only.reasons, only.p, only.rate0) == (Word.NOT_COMPARABLE, ("no-trials",), None, None)
    assert only.text.endswith("5 trials of the baseline not counted (NodeLost 5)")


def test_a_pass_on_a_retry_is_a_failure_and_shown() -> None:
    retried = {"value": 100.0, "stumbled": True, "attempts": 2}
    found = row(judged({"none": BASE, "c": [retried] * 5}), "c", FAILURES)
    assert (found.word, found.failed) == (Word.BREAKS, 5)
    assert found.text.endswith("5 trials passed on a retry, counted as failed")
    assert reasons([retried] * 5)[0] == "too-few-trials"


def test_the_failure_rate_is_that_of_the_table_of_cells() -> None:
    cells: dict[str, list[Any]] = {"none": BASE, "c": [*BASE[:3], {"outcome": None, "stumbled": True}, LOST]}
    matrix = a_matrix(cells)
    found = row(compare(matrix, rules(cells)), "c", FAILURES)
    assert (found.failed, found.n, found.trials) == (1, 4, (0, 1, 2, 3))
    assert matrix.cells[1].failure_rate == found.failed / found.n
    assert "1 trial without a last result, counted as failed" in found.text


def test_numbers_of_failures() -> None:
    found = row(judged({"none": [BAD] * 4 + [1.0], "c": BASE, "d": BASE}), "c", FAILURES)
    assert (found.estimate, found.m) == (pytest.approx(-0.8), 2)
    assert found.p == pytest.approx(0.02148, rel=1e-3)
    assert found.p_holm == pytest.approx(2 * 0.02148, rel=1e-3)
    assert (found.word, found.reasons) == (Word.FIXES, ("fails-less",))
    assert found.rate0 == pytest.approx((0.3755, 0.9638), abs=1e-4)


def test_what_no_result_could_show() -> None:
    found = row(judged({"none": BASE[:2], "c": [BAD, BAD]}), "c", FAILURES)
    assert (found.word, found.reasons) == (Word.NO_EVIDENCE, ("out-of-reach",))
    assert "3 trials per cell are the least" in found.text
    assert "could only show 4 of 5 v 0 of 5 or more" in row(judged({"none": BASE, "c": BASE}), "c", FAILURES).text


# Many cells


def test_what_would_count_alone_does_not_among_many() -> None:
    cell = [103.0, 104.5, 101.0, 102.5, 101.9]
    alone = row(judged({"none": BASE, "c": cell}, margin=0.001), "c")
    assert (alone.word, alone.p_holm) == (Word.SLOWER, alone.p)
    many = {"none": BASE, "c": cell, **{f"d{number}": EQUAL for number in range(46)}}
    found = row(judged(many, margin=0.001), "c")
    assert (found.word, found.reasons) == (Word.NO_EVIDENCE, ("counts-alone",))
    assert found.p_holm == pytest.approx(47 * alone.p)
    assert "would count alone; not after looking at 47 cells" in found.text
    assert (found.smallest_effect80 or 0) > (alone.smallest_effect80 or 1)
    assert (found.trials_for_margin or 0) > (alone.trials_for_margin or 1e9)


def test_what_was_planned_and_cannot_be_compared_counts_among_the_many() -> None:
    found = judged({"none": BASE, "c": SLOW, "gone": [LOST] * 5, "flat": BASE[:1]})
    assert row(found, "c").p_holm == pytest.approx(3 * (row(found, "c").p or 0))


def test_a_p_that_does_not_count_helps_no_other() -> None:
    found = judged({"none": BASE, "c": [103.0, 104.5, 101.0, 102.5, 101.9], "two": [500.0, 500.001]})
    assert row(found, "two").reasons == ("too-few-trials",)
    assert row(found, "c").p_holm == pytest.approx(2 * (row(found, "c").p or 0))


def test_real_but_small() -> None:
    base, cell = [100.0 + x / 10 for x in range(10)], [101.0 + x / 10 for x in range(10)]
    found = row(judged({"none": base, "c": cell}), "c")
    assert (found.word, found.reasons) == (Word.EQUIVALENT, ("within-margin", "also-different"))


# What else may have made the difference


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        ({"node": "gpu-9"}, "node"),
        ({"started": "2026-11-22T09:00:00Z", "finished": "2026-11-22T09:01:00Z"}, "time"),
    ],
)
def test_confounded(change: dict[str, str], flag: str) -> None:
    cell = [{"value": value, **change} for value in SLOW]
    found = row(judged({"none": BASE, "c": cell}), "c")
    assert (found.word, found.reasons, found.confounded) == (
        Word.NO_EVIDENCE, (f"confounded-{flag}", "difference-shown"), (flag,),
    )  # fmt: skip
    allowed = row(judged({"none": BASE, "c": cell}, allow_confounded=True), "c")
    assert (allowed.word, allowed.reasons, allowed.confounded) == (Word.SLOWER, ("difference-shown",), (flag,))
    fails = [{"outcome": BAD, **change}] * 5
    assert word(fails, metric=FAILURES) is Word.NO_EVIDENCE
    assert word(fails, metric=FAILURES, allow_confounded=True) is Word.BREAKS


def test_cell_after_cell() -> None:
    later = {"started": "2026-11-22T07:01:05Z", "finished": "2026-11-22T07:02:05Z"}
    cell = [{"value": SLOW[0]}, *({"value": value, **later} for value in SLOW[1:])]
    first = [{"value": value, "finished": "2026-11-22T07:01:00Z"} for value in BASE]
    assert word(cell, base=first) is Word.SLOWER
    assert reasons(cell, base=first, order="cells")[0] == "confounded-time"
    assert word(SLOW, order="cells") is Word.SLOWER


@pytest.mark.parametrize("side", ["c", "none"])
def test_only_some_trials_were_run_again(side: str) -> None:
    cells: dict[str, list[Any]] = {"none": list(BASE), "c": list(SLOW)}
    cells[side][4] = {"value": cells[side][4], "rerun": 1}
    found = row(judged(cells), "c")
    assert (found.word, found.reasons[0]) == (Word.NO_EVIDENCE, "rerun-selected")
    assert row(judged(cells, allow_confounded=True), "c").word is Word.NO_EVIDENCE
    cells[side] = [
        {"value": value if isinstance(value, float) else value["value"], "rerun": 1} for value in cells[side]
    ]
    assert row(judged(cells), "c").word is Word.SLOWER


@pytest.mark.parametrize("again", [{"outcome": LOST}, {"outcome": Outcome.CANCELLED}, {"outcome": None}])
def test_failed_trials_whose_rerun_came_to_nothing_leave_no_fix(again: dict[str, Any]) -> None:
    """Four of ten had failed and were asked to run again: what is left of the cell are the six that had passed."""
    cell = [*(10 + trial / 100 for trial in range(6)), *[{**again, "rerun": 1}] * 4]
    found = row(judged({"none": [BAD] * 10, "c": cell}), "c", FAILURES)
    assert (found.word, found.reasons) == (Word.NO_EVIDENCE, ("rerun-selected", "fails-less"))
    assert (found.n, found.failed, found.n0, found.failed0) == (6, 0, 10, 10)
    assert "only some trials were run again" in found.text
    assert word(cell, base=[*BASE, *BASE], metric=FAILURES) is Word.NO_EVIDENCE
    swapped = row(judged({"none": cell, "c": [BAD] * 10}), "c", FAILURES)
    assert (swapped.word, swapped.reasons) == (Word.NO_EVIDENCE, ("rerun-selected", "fails-more"))


@pytest.mark.parametrize("again", [{"outcome": LOST}, {"outcome": None}])
def test_a_lost_rerun_leaves_no_faster_cell(again: dict[str, Any]) -> None:
    cell = [*(10 + trial / 100 for trial in range(8)), *[{**again, "rerun": 1}] * 2]
    base = [12 + trial / 100 for trial in range(10)]
    assert reasons(cell, base=base) == ("rerun-selected", "difference-shown")
    assert word(cell, base=base, allow_confounded=True) is Word.NO_EVIDENCE
    never_chosen = [*cell[:8], *[{**again, "rerun": 0}] * 2]
    assert word(never_chosen, base=base) is Word.FASTER


# The whole


def test_rows_are_in_plan_order_failures_first() -> None:
    names = ["d", "none", "c"]
    found = judged({"d": BASE, "none": BASE, "c": SLOW}, baseline="none")
    assert [(each.cell, each.metric) for each in found.comparisons] == [
        (name, metric) for name in names if name != "none" for metric in (FAILURES, METRIC.name)
    ]
    assert found.baseline == "none"
    assert found.findings == ()


def test_several_baselines() -> None:
    cells = {"a": BASE, "a-slow": SLOW, "b": FAST, "b-equal": [value * 1.0001 for value in FAST], "alone": BASE}
    made = replace(rules(cells), pairs=(("a-slow", "a"), ("b-equal", "b")), baseline="a")
    found = compare(a_matrix(cells), made)
    assert (row(found, "a-slow").word, row(found, "b-equal").word) == (Word.SLOWER, Word.EQUIVALENT)
    assert row(found, "b-equal").baseline == "b"
    alone = row(found, "alone")
    assert (alone.word, alone.reasons, alone.baseline) == (Word.NOT_COMPARABLE, ("no-baseline",), "")
    assert {each.cell for each in found.comparisons} == {"a-slow", "b-equal", "alone"}
    assert found.headline == "Against their baselines: 1 slower, 1 equivalent, 1 not comparable."


def test_without_pairs_nothing_is_compared() -> None:
    found = compare(a_matrix({"a": BASE, "b": SLOW}), JudgingRules((METRIC,)))
    assert (found.comparisons, found.headline, found.confounds, found.warnings) == ((), "", (), ())


def test_a_pair_of_cells_that_are_gone_is_no_row() -> None:
    made = replace(rules({"none": BASE, "c": SLOW}), pairs=(("c", "none"), ("gone", "none")))
    found = compare(a_matrix({"none": BASE, "c": SLOW}), made)
    assert {each.cell for each in found.comparisons} == {"c"}
    assert row(found, "c").m == 2


def test_which_metrics() -> None:
    metrics = (MetricRule("a", "ms", "lower"), MetricRule("b", "ms"), MetricRule("c", "%", "higher"))
    assert [each.name for each in compared_metrics(JudgingRules(metrics))] == ["a", "c"]
    named = JudgingRules(metrics, compare=CompareRule(metrics=("c", "b")))
    assert [each.name for each in compared_metrics(named)] == ["c", "b"]


def test_each_metric_is_a_family_of_its_own() -> None:
    cells = {"none": BASE, "c": SLOW}
    two = replace(rules(cells), metrics=(METRIC, MetricRule("other", "ms", "lower")))
    found = compare(a_matrix(cells), two)
    assert row(found, "c").m == 1
    assert row(found, "c", "other").reasons == ("too-few-trials", "trials-missing")


@pytest.mark.parametrize(("cell", "verb"), [(SLOW, "more step_time_ms"), (FAST, "less step_time_ms")])
def test_most_cells_move_one_way(cell: list[float], verb: str) -> None:
    many = {"none": BASE, "a": cell, "b": cell, "c": cell, "d": EQUAL}
    assert judged(many).warnings == (f"3 of 4 cells have {verb} than none: look at the baseline first",)
    assert judged({**many, "c": EQUAL}).warnings == ()
    assert judged({"none": BASE, "a": cell, "b": cell, "c": cell}).warnings == ()


def test_most_cells_fail_less() -> None:
    many: dict[str, list[Any]] = {"none": [BAD] * 8, **{name: [*BASE, 1.0, 2.0, 3.0] for name in "abcd"}}
    assert "4 of 4 cells fail less often than none: look at the baseline first" in judged(many).warnings
