"""What the page draws, in numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from batchmatrix.model.evidence import Outcome
from batchmatrix.model.judging import FAILURES, ConfoundRule, Judgement, JudgingRules, Word
from batchmatrix.model.metric import MetricValue
from batchmatrix.model.summary import Summary
from batchmatrix.publish.grid import grid_of
from batchmatrix.publish.html.failures import failures_of
from batchmatrix.publish.html.forests import forest_plots
from batchmatrix.publish.html.heat import heat_map
from batchmatrix.publish.html.provenance import provenance
from batchmatrix.publish.html.trials import exit_codes, spreads, trends
from batchmatrix.publish.readings import Reading, readings_of, relative
from batchmatrix.summarise.summary import summarise
from tests.support.judged import RULES, a_comparison, nothing, triage, unfinished
from tests.support.records import a_cell, a_plan, a_result


def percents(texts: object) -> list[float]:
    return [float(str(text).rstrip("%")) for text in texts]  # type: ignore[attr-defined]


def measured(values: dict[str, list[float]]) -> Summary:
    cells = [a_cell(name, trials=len(own), values={"name": name}) for name, own in values.items()]
    results = [
        a_result(
            cell, trial, metrics=[MetricValue("ms", "mean", value, 1)], started=f"2026-11-22T07:{trial:02d}:0{at}Z"
        )
        for at, (cell, own) in enumerate(zip(cells, values.values(), strict=True))
        for trial, value in enumerate(own)
    ]
    return summarise(a_plan(*cells), results, units={"ms": "ms"}, complete=True, started="", finished="")


def test_a_forest_plot_has_its_marks_where_the_logarithm_puts_them() -> None:
    one = a_comparison(
        "b", Word.SLOWER, metric="ms", baseline="a", estimate=1.0, low=0.5, high=3.0, low90=0.6, high90=2.0, margin=0.25
    )
    rules = JudgingRules(confound=ConfoundRule("ms", 1.5))
    summary = measured({"a": [1.0, 4.0], "b": [2.0, 8.0]})
    plot = forest_plots(Judgement(comparisons=(one,)), rules, readings_of(summary))[0]
    # by hand: from log 0.8 = -0.2231 to log 4 = 1.3863, which no end passes by more than log 2 - log 0.8; 4 % around
    low, width = -0.2231 - 0.0644, 1.6094 * 1.08
    place = {ratio: (log - low) / width * 100 for ratio, log in ((0.8, -0.2231), (1, 0), (1.25, 0.2231), (1.5, 0.4055))}
    row = plot.rows[0]
    assert percents([plot.zero, plot.threshold]) == pytest.approx([place[1], place[1.5]], abs=0.02)
    assert row.band is not None
    assert percents([row.band.low, row.band.high]) == pytest.approx([place[0.8], place[1.25]], abs=0.02)
    assert percents([row.dot]) == pytest.approx([(0.6931 - low) / width * 100], abs=0.02)
    # trials 2 and 8 against the baseline's geometric mean, which is 2
    assert percents(row.trials) == pytest.approx([place[1], (1.3863 - low) / width * 100], abs=0.02)
    assert row.thick is not None
    assert row.thin is not None
    assert percents([row.thick.low])[0] > percents([row.thin.low])[0]


def test_the_threshold_stands_in_the_plot_of_its_own_metric_alone() -> None:
    made = triage()
    assert made.judgement is not None
    plots = forest_plots(made.judgement, RULES, {})
    assert [plot.title for plot in plots] == ["How often trials fail", "step_time_ms", "loss"]
    assert [bool(plot.threshold) for plot in plots] == [False, True, False]


def test_baselines_stand_above_their_cells_where_failures_are_compared() -> None:
    made = triage()
    assert made.judgement is not None
    rows = forest_plots(made.judgement, RULES, {})[0].rows
    assert [row.name for row in rows][::4] == ["none-h100", "none-mi300x"]
    assert [row.name for row in rows if row.hollow] == ["none-h100", "none-mi300x"]


def test_a_word_is_set_apart_in_its_line() -> None:
    one = a_comparison("b", Word.SLOWER, estimate=0.3, text="+30 % [+20, +40] · slower · n 5 v 5")
    other = a_comparison("c", Word.FASTER, estimate=-0.3, text="no word of it")
    rows = forest_plots(Judgement(comparisons=(one, other)), RULES, {})[0].rows
    assert (rows[0].before, rows[0].sign, rows[0].word, rows[0].after) == (
        "+30 % [+20, +40] · ",
        "▼",
        "slower",
        " · n 5 v 5",
    )
    assert (rows[1].before, rows[1].word, rows[1].after) == ("", "faster", ": no word of it")


def test_where_there_is_no_room_those_stay_that_have_shown_something() -> None:
    many = [a_comparison(f"c{at}", Word.NO_EVIDENCE, estimate=0.0) for at in range(150)]
    many[149] = a_comparison("c149", Word.SLOWER, estimate=0.2)
    plot = forest_plots(Judgement(comparisons=tuple(many)), RULES, {})[0]
    assert (len(plot.rows), plot.left_out, plot.rows[-1].name) == (100, 50, "c149")


def test_trials_are_held_against_the_mean_of_their_own_cell_in_time_order() -> None:
    readings = readings_of(measured({"a": [1.0, 4.0], "b": [30.0, 30.0], "alone": [7.0]}))["ms"]
    pairs = relative(readings, log=True)
    assert [(one.cell, one.trial) for one, _ in pairs] == [("a", 0), ("b", 0), ("a", 1), ("b", 1)]
    assert [change for _, change in pairs] == pytest.approx([-0.5, 0.0, 1.0, 0.0])
    assert [change for _, change in relative(readings, log=False)] == pytest.approx([-1.5, 0.0, 1.5, 0.0])


def test_what_has_no_logarithm_or_failed_or_has_no_time_is_no_part_of_a_trend() -> None:
    odd = [
        Reading("a", 0, -1.0, "t", True),
        Reading("a", 1, 2.0, "t", False),
        Reading("a", 2, 2.0, "", True),
        Reading("a", 3, 2.0, "t", True),
    ]
    assert relative(odd, log=True) == []


def test_a_drift_shows_in_the_means_of_the_rounds() -> None:
    summary = measured({"a": [10.0, 11.0, 12.1], "b": [100.0, 110.0, 121.0]})
    trend = trends(summary, RULES, readings_of(summary))[0]
    assert trend.said == "trial 0 -9.1 %, trial 1 0 %, trial 2 +10 %"
    downs = percents([y for _, _, y in trend.rounds])
    assert downs[0] > downs[1] > downs[2]
    assert len(trend.points) == 6


def test_spreads_show_each_trial_and_cross_what_no_comparison_counts() -> None:
    cell = a_cell("a", trials=3)
    results = [
        a_result(cell, trial, outcome, metrics=[MetricValue("ms", "mean", value, 1)])
        for trial, (outcome, value) in enumerate(
            [(Outcome.SUCCEEDED, 10.0), (Outcome.SUCCEEDED, 20.0), (Outcome.TIMEOUT, 30.0)]
        )
    ]
    made = summarise(a_plan(cell), results, units={"ms": "ms"}, complete=True, started="", finished="")
    plot = spreads(made, readings_of(made))[0]
    row = plot.rows[0]
    assert row.after == "20 ± 10, n 3, 1 of them failed"
    assert "its value counts in the mean and in no comparison" in plot.key
    # by hand: from 10 to 30 with 5 % of 20 more at each end
    assert percents(row.trials) == pytest.approx([100 / 22, 1100 / 22], abs=0.01)
    assert percents(row.crosses) == pytest.approx([2100 / 22], abs=0.01)
    stumbled = replace(made, trials=(replace(made.trials[0], stumbled=True), *made.trials[1:]))
    row = spreads(stumbled, readings_of(stumbled))[0].rows[0]
    assert (len(row.trials), len(row.crosses)) == (1, 2)


def test_exit_codes_are_counted_with_what_they_came_to() -> None:
    codes = exit_codes(triage())
    assert [(one.code, one.trials, one.outcomes) for one in codes] == [
        ("0", 33, "Succeeded 33"),
        ("137", 7, "Timeout 7"),
    ]
    assert codes[1].cells == "none-h100 5, tree-h100 2"
    assert [one.code for one in exit_codes(nothing())] == ["none"]


def test_the_grid_has_one_axis_across_and_leaves_out_what_all_share() -> None:
    grid = grid_of(triage(), limit=100)
    assert (grid.down, grid.across) == (("mitigation",), "hardware")
    assert grid.rows == (("none",), ("ring",), ("tree",), ("slow",))
    assert grid.columns == ("h100", "mi300x")
    assert grid.places[("tree",), "mi300x"] == (6,)


def test_cells_with_less_than_two_axes_or_with_names_of_their_own_stand_under_each_other() -> None:
    for summary in (unfinished(), replace(triage(), named=True)):
        grid = grid_of(summary, limit=100)
        assert (grid.down, grid.across) == ((), "")
        assert [row[0] for row in grid.rows] == [cell.name for cell in summary.cells]


def test_cells_of_the_same_values_share_a_place() -> None:
    cells = [a_cell(f"c{at}", values={"a": at % 2, "b": at // 4}) for at in range(8)]
    grid = grid_of(summarise(a_plan(*cells), [], units={}, complete=False, started="", finished=""), limit=100)
    assert grid.places[("0",), "0"] == (0, 2)


def test_what_a_cell_has_shown_decides_its_words_and_its_tone() -> None:
    places = {place.name: place for place in heat_map(triage()).places}
    assert {name: (place.tone, [one.word for one in place.said]) for name, place in places.items()} == {
        "none-h100": ("base", ["baseline"]),
        "ring-h100": ("good", ["fixes"]),
        "tree-h100": ("open", ["no evidence"]),
        "slow-h100": ("good", ["fixes"]),
        "none-mi300x": ("base", ["baseline"]),
        "ring-mi300x": ("even", ["equivalent"]),
        "tree-mi300x": ("open", ["no evidence"]),
        "slow-mi300x": ("bad", ["slower"]),
    }
    assert places["tree-h100"].against == "not as expected: Timeout 2"
    assert "ratio rule: speed (+31%), shown" in places["slow-mi300x"].notes


def test_a_cell_that_fixes_and_slows_says_both() -> None:
    compared = (
        a_comparison("ring-mi300x", Word.FIXES, metric=FAILURES, failed0=5),
        a_comparison("ring-mi300x", Word.SLOWER, estimate=0.3),
    )
    place = next(
        one
        for one in heat_map(replace(triage(), judgement=Judgement(comparisons=compared))).places
        if one.name == "ring-mi300x"
    )
    assert place.tone == "mixed"
    assert [(one.word, one.number) for one in place.said] == [("fixes", "0 of 5 v 5 of 5"), ("slower", "+30 %")]


def test_without_a_judgement_a_cell_says_how_far_it_is() -> None:
    assert [place.said[0].word for place in heat_map(unfinished()).places] == ["0 of 2 done", "0 of 2 done"]
    words = {place.name: place.said[0].word for place in heat_map(replace(triage(), judgement=None)).places}
    assert words["tree-h100"] == "not as expected"
    assert words["ring-h100"] == "as expected"


def test_failures_that_are_alike_stand_together_and_unexpected_ones_first() -> None:
    found = failures_of(triage(), {("tree-h100", 4): "a\r\nb\n"})
    assert [(one.cell, one.count, one.expected) for one in found.groups] == [
        ("tree-h100", "2 trials", False),
        ("none-h100", "5 trials", True),
    ]
    assert [trial.excerpt for trial in found.groups[0].trials] == ["", "a\nb"]


def test_provenance_names_images_by_digest_and_counts() -> None:
    facts = dict(provenance(triage(), "s3://x"))
    assert facts["Images"] == [f"registry.example/team/trainer@sha256:{'ab' * 32} (40 trials)"]
    assert facts["Plan"] == ["generation 3"]
    assert facts["Seeds"] == ["42 to 46"]
    assert facts["All files"] == ["s3://x"]
    assert "Parser" not in facts
