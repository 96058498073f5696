from __future__ import annotations

import pytest

from batchmatrix.model.evidence import Outcome
from batchmatrix.model.judging import ConfoundReading, MetricRule
from batchmatrix.summarise.comparison.ratio_rule import label
from tests.support.comparisons import METRIC, judged

BASE = [100.0, 101.0, 99.0, 100.0, 100.0]


def reading(cell: list[float | Outcome | None], **options: object) -> ConfoundReading:
    (found,) = [each for each in judged({"none": BASE, "c": cell}, **options).confounds if each.cell == "c"]
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


def test_without_a_baseline_or_a_metric_there_is_no_rule() -> None:
    from dataclasses import replace

    from batchmatrix.summarise.comparison.compare import compare
    from tests.support.comparisons import a_matrix, rules

    cells = {"none": BASE, "c": BASE}
    assert compare(a_matrix(cells), replace(rules(cells), baseline="")).confounds == ()
    assert compare(a_matrix(cells), replace(rules(cells), metrics=())).confounds == ()
