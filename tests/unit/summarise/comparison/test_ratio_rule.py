from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from batchmatrix.model.evidence import Outcome
from batchmatrix.model.judging import ConfoundReading, ConfoundRule, MetricRule
from batchmatrix.summarise.comparison.compare import compare
from batchmatrix.summarise.comparison.ratio_rule import label
from tests.support.comparisons import METRIC, a_matrix, judged, rules

BASE = [100.0, 101.0, 99.0, 100.0, 100.0]


def reading(
    cell: Sequence[float | Outcome | None],
    *,
    base: Sequence[float | Outcome] = BASE,
    threshold: float = 1.15,
    **options: Any,
) -> ConfoundReading:
    cells = {"none": base, "c": cell}
    made = replace(rules(cells, **options), confound=ConfoundRule(threshold=threshold))
    matrix = a_matrix(cells, metric=made.metrics[0].name, unit=made.metrics[0].unit)
    (found,) = [each for each in compare(matrix, made).confounds if each.cell == "c"]
    return found


@pytest.mark.parametrize(
    ("slowdown", "text"),
    [
        (1.15, "none"),
        (1.1500001, "speed (+15%)"),
        (1.156, "speed (+16%)"),
        (2.0, "speed (+100%)"),
        (0.5, "none"),
        (None, "n/a"),
    ],
)
def test_the_label(slowdown: float | None, text: str) -> None:
    assert label(slowdown, 1.15) == text


@pytest.mark.parametrize(
    ("factor", "text", "said"),
    [
        (1.30, "speed (+30%)", "shown"),
        (1.155, "speed (+16%)", "possible"),
        (1.145, "none", "possible"),
        (1.0, "none", "excluded"),
        (0.6, "none", "excluded"),
    ],
)
def test_three_readings(factor: float, text: str, said: str) -> None:
    found = reading([value * factor for value in (100.0, 102.0, 98.0, 101.0, 99.0)])
    assert (found.label, found.reading) == (text, said)
    assert found.ratio == pytest.approx(factor)


def test_a_mean_exactly_at_the_threshold_is_not_above_it() -> None:
    base = [100.0, 100.0, 100.0]
    found = judged({"none": base, "c": [115.0, 116.0, 114.0]}).confounds
    assert [each.label for each in found] == ["none", "none"]
    assert found[1].ratio == 1.15


@pytest.mark.parametrize("size", [1, 3, 7, 0.1, 1e-9])
def test_of_a_rate_a_mean_exactly_at_the_threshold_is_not_above_it_either(size: float) -> None:
    """The means stand 115 to 100; the inverse of 100 / 115 as a float is more than 1.15."""
    rate = MetricRule("rate", "steps/s", "higher")
    base, at = [115.0 * size] * 3, [100.0 * size] * 3
    assert 1 / (at[0] / base[0]) > 1.15 >= base[0] / at[0]
    assert reading(at, metric=rate, base=base).label == "none"
    assert reading([each * (1 - 1e-9) for each in at], metric=rate, base=base).label == "speed (+15%)"


@pytest.mark.parametrize("direction", ["lower", "higher"])
@pytest.mark.parametrize(("cell", "base"), [(1e300, 1e-300), (1e-300, 1e300)])
def test_a_ratio_that_no_float_holds_is_not_known(direction: str, cell: float, base: float) -> None:
    found = reading([cell] * 3, metric=MetricRule("x", "", direction), base=[base] * 3)
    assert (found.ratio, found.label) == (None, "n/a")


@pytest.mark.parametrize(
    ("of", "threshold", "text"),
    [
        ([100.0], 1.0, "none"),
        ([100.5], 1.0, "speed (+0%)"),
        ([114.9], 1.15, "none"),
        ([200.0, 100.0], 1.15, "speed (+50%)"),
        ([999.0], 9.99, "none"),
        ([1000.0], 9.99, "speed (+900%)"),
        ([50.0], 0.4, "speed (-50%)"),
    ],
)
def test_the_threshold_is_that_of_the_rules(of: list[float], threshold: float, text: str) -> None:
    """Below 1 it flags what is not so much faster as was hoped for; N is then the change all the same."""
    found = reading(of, base=[100.0, 100.0], threshold=threshold)
    assert found.label == text


def test_each_cell_is_held_against_the_one_baseline_in_the_order_of_the_cells() -> None:
    cells = {"c10": [130.0], "none": [100.0], "c2": [115.0], "hangs": [Outcome.TIMEOUT], "c1": [90.0]}
    found = judged(cells, baseline="none").confounds
    assert [(each.cell, each.baseline, each.ratio, each.label) for each in found] == [
        ("c10", "none", 1.3, "speed (+30%)"),
        ("none", "none", 1.0, "none"),
        ("c2", "none", 1.15, "none"),
        ("hangs", "none", None, "n/a"),
        ("c1", "none", 0.9, "none"),
    ]


def test_the_baseline_itself_is_none() -> None:
    (own,) = [each for each in judged({"none": BASE, "c": BASE}).confounds if each.cell == "none"]
    assert own == ConfoundReading("none", "none", METRIC.name, 1.0, "none", "")


@pytest.mark.parametrize("base", [[Outcome.TIMEOUT] * 3, [0.0, 0.0, 0.0], [-1.0, -2.0, -3.0]])
def test_an_unusable_baseline_gives_no_ratio_and_a_warning(base: list[float | Outcome]) -> None:
    found = judged({"none": base, "c": [1.0, 2.0, 3.0]})
    assert [(each.ratio, each.label, each.reading) for each in found.confounds] == [(None, "n/a", "")] * 2
    assert found.warnings == ("baseline none has no usable step_time_ms: no cell can be checked for being only slower",)


def test_a_cell_without_a_value_is_not_known() -> None:
    found = reading([Outcome.TIMEOUT] * 5)
    assert (found.ratio, found.label, found.reading) == (None, "n/a", "")


def test_of_a_rate_less_is_slower() -> None:
    rate = MetricRule("rate", "steps/s", "higher")
    found = reading([50.0, 50.5, 49.5, 50.0, 50.0], metric=rate)
    assert (found.ratio, found.label, found.reading) == (pytest.approx(0.5), "speed (+100%)", "shown")
    assert reading([200.0, 202.0, 198.0], metric=rate).reading == "excluded"


def test_differences_have_no_interval_of_ratios() -> None:
    found = reading([130.0, 131.0, 129.0], metric=MetricRule("step_time_ms", "ms", "lower", scale="linear"))
    assert (found.label, found.reading) == ("speed (+30%)", "")


def test_only_sound_trials_clear_a_cell() -> None:
    assert reading([*BASE[:3], Outcome.TIMEOUT, Outcome.TIMEOUT]).reading == "possible"
    assert reading([{"value": value, "node": "other"} for value in BASE]).reading == "possible"  # type: ignore[misc]


def test_where_the_means_count_other_trials_than_the_comparison_nothing_is_shown_or_excluded() -> None:
    """Nine times about 10 and a failed trial of 100: the mean, 19.1, is 1.89 times the baseline's."""
    ten = [10.0, 10.1, 10.2, 10.3, 10.1, 10.2, 10.1, 10.3, 10.1, 10.0]
    failed = {"value": 100.0, "outcome": Outcome.UNEXPECTED_EXIT}
    found = reading([*ten[:9], failed], base=ten)  # type: ignore[list-item]
    assert found.label == "speed (+89%)"
    assert found.reading == "possible"
    assert reading(ten, base=[*ten[:9], failed]).reading == "possible"  # type: ignore[list-item]
    slow = [2 * value for value in ten]
    assert reading([*slow[:9], {**failed, "value": 20.0}], base=ten).reading == "possible"  # type: ignore[list-item]
    again = {"value": 10.1, "stumbled": True}
    assert reading([*ten[:9], again], base=ten).reading == "possible"  # type: ignore[list-item]
    assert reading(ten, base=ten).reading == "excluded"


def test_a_reading_does_not_contradict_its_label() -> None:
    """One far trial of 60 lifts the mean beyond the threshold, and leaves the geometric mean where it is."""
    base = [100.0, 101.0, 99.0, 100.0, 100.5, 99.5] * 10
    found = reading([*base[:59], 2000.0], base=base)
    assert (found.label, found.reading) == ("speed (+32%)", "possible")


def test_against_survivors_of_the_baseline_being_slow_is_possible_at_most() -> None:
    base = [*BASE * 8, *[Outcome.TIMEOUT] * 10]
    assert reading([value * 1.3 for value in BASE * 10], base=base).reading == "possible"
    assert reading(BASE * 10, base=base).reading == "excluded"


def test_without_a_baseline_or_a_metric_there_is_no_rule() -> None:
    cells = {"none": BASE, "c": BASE}
    assert compare(a_matrix(cells), replace(rules(cells), baseline="")).confounds == ()
    assert compare(a_matrix(cells), replace(rules(cells), metrics=())).confounds == ()
