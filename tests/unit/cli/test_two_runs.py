"""Two runs held against each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from batchmatrix.cli.two_runs import TIME_APART, TwoRuns, two_runs
from batchmatrix.model.cell import Scalar
from batchmatrix.model.judging import CompareRule, JudgingRules, MetricRule, Word
from batchmatrix.model.metric import MetricValue
from batchmatrix.model.summary import Summary
from batchmatrix.summarise.summary import summarise
from tests.support.judging_cells import MS, rules, summary
from tests.support.records import a_cell, a_plan, a_result

Cells = Sequence[tuple[str, dict[str, Scalar], Sequence[float]]]


def run(cells: Cells, *, unit: str = MS, metric: str = MS) -> Summary:
    """Cells by name, values and what their trials measured."""
    made = [a_cell(name, trials=len(found), values=values) for name, values, found in cells]
    results = [
        a_result(cell, number, metrics=[MetricValue(metric, "mean", value, 9, unit=unit)])
        for cell, (_, _, found) in zip(made, cells, strict=True)
        for number, value in enumerate(found)
    ]
    return summarise(a_plan(*made), results, units={metric: unit}, complete=True, started="", finished="")


def words(found: TwoRuns) -> dict[tuple[str, str], tuple[str, Word]]:
    return {(each.cell, each.metric): (each.baseline, each.word) for each in found.comparisons}


FAST, SLOW = (10.0, 10.1, 9.9, 10.05, 9.95), (20.0, 20.1, 19.9, 20.05, 19.95)


@pytest.mark.parametrize(
    ("direction", "up", "down"),
    [("lower", Word.SLOWER, Word.FASTER), ("higher", Word.BETTER, Word.WORSE), ("", Word.SLOWER, Word.FASTER)],
)
def test_words_are_right_in_both_directions(direction: str, up: Word, down: Word) -> None:
    how = JudgingRules(metrics=(MetricRule(MS, MS, direction),), compare=CompareRule(metrics=(MS,)))
    low, high = (run([("c", {"size": 8}, values)]) for values in (FAST, SLOW))
    assert words(two_runs(low, high, how))["c", MS] == ("c (before)", up)
    assert words(two_runs(high, low, how))["c", MS] == ("c (before)", down)
    assert words(two_runs(low, low, how))["c", MS] == ("c (before)", Word.EQUIVALENT)


def test_the_change_is_that_of_the_later_run() -> None:
    (row,) = [each for each in two_runs(*map(one, (FAST, SLOW)), rules()).comparisons if each.metric]
    assert row.estimate == pytest.approx(1.0, rel=1e-3)
    assert (row.n, row.n0, row.m) == (5, 5, 1)


def one(values: Sequence[float]) -> Summary:
    return run([("c", {"size": 8}, values)])


def test_cells_that_one_run_alone_has_are_counted_and_not_compared() -> None:
    before = run([("a", {"size": 1}, FAST), ("b", {"size": 2}, FAST)])
    after = run([("other-name", {"size": 2}, SLOW), ("c", {"size": 3}, SLOW), ("d", {"size": 4}, SLOW)])
    found = two_runs(before, after, rules())
    assert {(each.cell, each.baseline) for each in found.comparisons} == {("other-name", "b (before)")}
    assert found.notes == [
        "Against b (before): 1 slower.",
        "1 cell only before: not compared",
        "2 cells only after: not compared",
        TIME_APART,
    ]


def test_cells_of_the_same_values_go_by_their_names_then_by_their_order() -> None:
    same: dict[str, Scalar] = {"mitigation": "none"}
    before = run([("x", same, FAST), ("y", same, SLOW), ("z", same, FAST)])
    after = run([("new", same, FAST), ("y", same, FAST), ("x", same, FAST), ("more", same, FAST)])
    found = two_runs(before, after, rules())
    pairs = {each.cell: (each.baseline, each.word) for each in found.comparisons if each.metric}
    assert {cell: base for cell, (base, _) in pairs.items()} == {
        "new": "z (before)", "y": "y (before)", "x": "x (before)",
    }  # fmt: skip
    assert pairs["y"][1] is Word.FASTER
    assert found.notes[:2] == ["Against the run before: 1 faster, 2 equivalent.", "1 cell only after: not compared"]


def test_a_cell_that_is_called_as_an_earlier_one_would_be() -> None:
    before = run([("a", {"size": 1}, FAST)])
    after = run([("a", {"size": 1}, SLOW), ("a (before)", {"size": 2}, FAST)])
    ((cell, base, word),) = {
        (each.cell, each.baseline, each.word) for each in two_runs(before, after, rules()).comparisons if each.metric
    }
    assert (cell, word) == ("a", Word.SLOWER)
    assert base not in {cell.name for cell in after.cells}


def test_other_units_are_not_compared() -> None:
    before, after = (run([("c", {"size": 8}, values)], unit=unit) for values, unit in ((FAST, "s"), (SLOW, "ms")))
    found = two_runs(before, after, rules())
    assert {each.metric for each in found.comparisons} == {""}
    assert "ms is in ms after, and s before: not compared" in found.notes
    nameless = run([("c", {"size": 8}, FAST)], unit="")
    assert words(two_runs(nameless, after, rules()))["c", MS][1] is Word.SLOWER


def test_a_metric_that_one_run_lacks() -> None:
    found = two_runs(run([("c", {"size": 8}, FAST)], metric="other"), one(SLOW), rules())
    assert words(found)["c", MS][1] is Word.NOT_COMPARABLE


def test_without_a_metric_failures_alone_are_compared_and_it_is_said() -> None:
    found = two_runs(one(FAST), one(SLOW), JudgingRules(metrics=(MetricRule(MS, MS),)))
    assert {each.metric for each in found.comparisons} == {""}
    assert found.notes[-1].startswith("failures alone are compared: ")


def test_a_run_that_has_not_ended_is_named() -> None:
    found = two_runs(one(FAST), replace(one(SLOW), complete=False, reason="4 of 5 trials are done"), rules())
    assert "the run after has not ended: 4 of 5 trials are done" in found.notes


def test_nothing_on_either_side() -> None:
    nothing = summary({})
    for pair in ((nothing, nothing), (nothing, one(FAST)), (one(FAST), nothing)):
        found = two_runs(*pair, rules())
        assert found.comparisons == ()
        assert found.notes[-1].startswith("the two runs have no cell in common")
