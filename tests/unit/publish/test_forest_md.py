"""Forest plots as text: places on the axis, cut ends, alignment."""

from __future__ import annotations

import math

import pytest

from batchmatrix.model.judging import FAILURES, Word
from batchmatrix.publish.forest import Axis, axis_of, band_of, effect_text, span_of
from batchmatrix.publish.forest_md import effect_rows, rate_rows
from tests.support.judged import a_comparison, many

BAR = slice(8, 39)
"""Where the 31 columns of the axis stand after names of six characters and two spaces."""


def test_places_on_the_axis_are_those_of_the_logarithm() -> None:
    # by hand: the axis runs from log(0.5) to log(2) with 4 % more at each end, so 1 is in its middle
    rows = effect_rows(
        [
            a_comparison("half", Word.FASTER, estimate=-0.5, low=-0.5, high=0.0, margin=0.05),
            a_comparison("double", Word.SLOWER, estimate=1.0, low=0.0, high=1.0, margin=0.05),
        ]
    )
    assert rows[0][BAR].split() == ["-50", "%", "0", "+100", "%"]
    half, double = rows[1], rows[2]
    assert half.startswith("half    ")
    assert (half[BAR].index("●"), half[BAR].index("]")) == (1, 15)
    assert (double[BAR].index("["), double[BAR].index("●")) == (15, 29)
    assert half.endswith("   -50 %  faster")
    assert double.endswith("  +100 %  slower")


def test_the_baseline_and_the_margin_are_marked_where_no_bar_covers_them() -> None:
    rows = effect_rows([a_comparison("double", Word.SLOWER, estimate=1.0, low=0.9, high=1.1, margin=0.5)])
    # by hand: from log(1/1.5) = -0.405 to log(2.1) = 0.742, widened by 0.046 at both ends; 30 steps of 0.0413
    assert [column for column, mark in enumerate(rows[1][BAR]) if mark == ":"] == [1, 21]
    assert rows[1][BAR].index("|") == 11


def test_bars_that_go_on_beyond_the_axis_end_in_arrows() -> None:
    # the estimates span log(1.1) = 0.095; an interval sticks out of them by that much at most
    wide = a_comparison("wide", Word.NO_EVIDENCE, estimate=0.1, low=-0.9, high=9.0)
    rows = effect_rows([wide, a_comparison("narrow", Word.EQUIVALENT, estimate=0.0, low=-0.01, high=0.01)])
    assert rows[1][BAR][0] == "←"
    assert rows[1][BAR][-1] == "→"
    assert not set("←→") & set(rows[2])


def test_all_rows_have_one_width_and_fit_a_terminal() -> None:
    judgement = many(40).judgement
    assert judgement is not None
    for metric in ("step_time_ms", "loss", FAILURES):
        own = [one for one in judgement.comparisons if one.metric == metric]
        rows = rate_rows(own) if metric == FAILURES else effect_rows(own)
        assert len(rows) == len(own) + (2 if metric == FAILURES else 1)
        assert max(map(len, rows)) <= 80
        assert {row[20:22] + row[53:55] for row in rows[1:]} == {" " * 4}
        assert all(len(row[22:53].strip()) == 31 for row in rows[1:])


def test_long_names_are_cut_in_their_middle() -> None:
    name = "mitigation-none-hardware-h100-batch-128"
    row = effect_rows([a_comparison(name, Word.SLOWER, estimate=0.2, low=0.1, high=0.3)])[1]
    assert row.split()[0] == "mitigati…0-batch-128"


def test_failures_stand_on_an_axis_from_none_to_all_below_their_baseline() -> None:
    # Wilson's intervals of 0, 5 and 2 of 5 by the formula: 0 to 0.434, 0.566 to 1, 0.118 to 0.769; 30 steps
    rows = rate_rows(
        [
            a_comparison("fixed", Word.FIXES, metric=FAILURES, failed0=5, rate=(0.0, 0.434), rate0=(0.566, 1.0)),
            a_comparison("partly", Word.NO_EVIDENCE, metric=FAILURES, failed=2, failed0=5, rate=(0.118, 0.769)),
        ]
    )
    assert rows[1:] == [
        "none    " + "·" * 17 + "[" + "-" * 12 + "●" + "  5 of 5  baseline",
        "fixed   " + "●" + "-" * 12 + "]" + "·" * 17 + "  0 of 5  fixes",
        "partly  " + "·" * 4 + "[" + "-" * 7 + "●" + "-" * 10 + "]" + "·" * 7 + "  2 of 5  no evidence",
    ]


def test_without_an_estimate_there_is_no_plot_and_no_dot() -> None:
    lacking = a_comparison("a", Word.NOT_COMPARABLE)
    assert effect_rows([lacking]) == []
    rows = effect_rows([lacking, a_comparison("b", Word.SLOWER, estimate=0.2, low=0.1, high=0.3)])
    assert "●" not in rows[1]
    assert rows[1].split()[-3:] == ["-", "not", "comparable"]


@pytest.mark.parametrize("estimate", [math.inf, -math.inf, math.nan, -1.0, -7.0, 1e300])
def test_what_no_axis_can_hold_is_shown_as_a_number_alone(estimate: float) -> None:
    odd = a_comparison("odd", Word.NO_EVIDENCE, estimate=estimate, low=-math.inf, high=math.inf)
    assert axis_of([odd]) is None
    rows = effect_rows([odd, a_comparison("b", Word.SLOWER, estimate=0.2, low=0.1, high=0.3)])
    assert len(rows) == 3
    assert len(rows[1]) <= 400


def test_differences_stand_on_a_plain_axis_in_their_unit() -> None:
    one = a_comparison("a", Word.WORSE, estimate=2.0, low=1.0, high=3.0, margin=1.0, scale="linear")
    axis = axis_of([one])
    assert axis is not None
    # by hand: from -1 to 3, and 4 % of 4 more at each end
    assert (axis.low, axis.high) == pytest.approx((-1.16, 3.16))
    assert [text for _, text in axis.ticks()] == ["-1", "0", "+1", "+2", "+3"]
    assert axis.at(1.0) == pytest.approx(0.5)
    assert effect_text(2.0, "linear", "ms") == "+2 ms"


@pytest.mark.parametrize(("low", "high"), [(-1e-12, 1e-12), (0.0, 1e-300), (-3e5, 7e8), (4.0, 5.0)])
def test_there_are_some_labels_on_every_axis_and_never_too_many(low: float, high: float) -> None:
    assert 1 <= len(Axis(False, low, high).ticks()) <= 8


def test_the_threshold_of_the_ratio_rule_is_on_the_axis_if_it_is_asked_for() -> None:
    one = a_comparison("a", Word.EQUIVALENT, estimate=0.01, low=0.0, high=0.02, margin=0.05)
    assert axis_of([one], threshold=1.15).at(0.15) < 1 < axis_of([one]).at(0.15)  # type: ignore[union-attr]


def test_the_margin_is_symmetric_as_a_ratio() -> None:
    low, high = band_of(a_comparison("a", Word.EQUIVALENT, margin=0.25)) or (0, 0)
    assert (1 + low) * (1 + high) == pytest.approx(1)
    assert band_of(a_comparison("a", Word.EQUIVALENT)) is None


def test_an_interval_beside_the_axis_has_no_bar() -> None:
    axis = Axis(False, 0.0, 1.0)
    assert span_of(axis, 2.0, 3.0) is None
    assert span_of(axis, None, 3.0) is None
    span = span_of(axis, -1.0, 0.5)
    assert span is not None
    assert (span.low, span.high, span.cut_low, span.cut_high) == (0.0, 0.5, True, False)


@pytest.mark.parametrize(
    ("effect", "text"), [(0.041, "+4.1 %"), (-0.029, "-2.9 %"), (0.3049, "+30 %"), (0.0996, "+10 %"), (9.0, "+900 %")]
)
def test_changes_have_two_digits(effect: float, text: str) -> None:
    assert effect_text(effect, "log") == text
