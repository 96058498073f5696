"""Laws of comparing a cell with its baseline."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchmatrix.model.evidence import Outcome
from batchmatrix.model.judging import FAILURES, Comparison, MetricRule, Word
from batchmatrix.summarise.comparison.compare import compare
from tests.support.comparisons import METRIC, a_matrix, judged, row, rules

values = st.lists(st.floats(1.0, 1000.0), min_size=3, max_size=6)
ends = st.lists(
    st.floats(1.0, 1000.0) | st.sampled_from([Outcome.TIMEOUT, Outcome.NODE_LOST]) | st.none(), min_size=1, max_size=5
)
SOUND = {Word.SLOWER: Word.FASTER, Word.FASTER: Word.SLOWER}


def close(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return one == pytest.approx(other, rel=1e-6, abs=1e-9)


def same(one: Comparison, other: Comparison) -> bool:
    """But for rounding; a word may turn where a p meets the level exactly, which no example does."""
    return one.word == other.word and all(
        close(getattr(one, name), getattr(other, name))
        for name in ("estimate", "low", "high", "p", "p_holm", "p_equivalence", "sd_trial", "smallest_effect80")
    )


@settings(deadline=None, max_examples=50)
@given(st.lists(ends, min_size=2, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_results_does_not_matter(cells: list[list[float | Outcome | None]], random: object) -> None:
    named = {f"c{number}": own for number, own in enumerate(cells)}
    matrix = a_matrix(named)
    results = list(matrix.trials)
    random.shuffle(results)  # type: ignore[attr-defined]
    assert compare(replace(matrix, trials=tuple(results)), rules(named)) == compare(matrix, rules(named))


@settings(deadline=None, max_examples=50)
@given(values, values, st.randoms(use_true_random=False))
def test_the_order_of_trials_does_not_matter(cell: list[float], base: list[float], random: object) -> None:
    mixed = list(cell)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert same(row(judged({"b": base, "c": cell}), "c"), row(judged({"b": base, "c": mixed}), "c"))


@settings(deadline=None, max_examples=50)
@given(values, values)
def test_to_swap_the_sides_mirrors_the_effect(cell: list[float], base: list[float]) -> None:
    one, other = row(judged({"b": base, "c": cell}), "c"), row(judged({"c": cell, "b": base}), "b")
    assert one.word == SOUND.get(other.word, other.word)
    assert close(one.p, other.p)
    assert close(one.p_equivalence, other.p_equivalence)
    if one.low is not None and other.high is not None:
        assert close((1 + one.low) * (1 + other.high), 1.0)
    if one.estimate is not None and other.estimate is not None:
        assert close((1 + one.estimate) * (1 + other.estimate), 1.0)


@settings(deadline=None, max_examples=50)
@given(values, values, st.sampled_from([1e-6, 0.001, 0.7, 60.0, 1e9]))
def test_the_unit_does_not_matter_to_ratios(cell: list[float], base: list[float], factor: float) -> None:
    scaled = {"b": [value * factor for value in base], "c": [value * factor for value in cell]}
    assert same(row(judged({"b": base, "c": cell}), "c"), row(judged(scaled), "c"))


@settings(deadline=None, max_examples=50)
@given(values, values, st.sampled_from([-500.0, 3.0, 1000.0]))
def test_a_shift_does_not_matter_to_differences(cell: list[float], base: list[float], shift: float) -> None:
    metric = MetricRule("m", "GiB", "lower", "linear")
    shifted = {"b": [value + shift for value in base], "c": [value + shift for value in cell]}
    one = row(judged({"b": base, "c": cell}, metric=metric), "c", "m")
    other = row(judged(shifted, metric=metric), "c", "m")
    if one.p is not None and other.p is not None:
        assert one.p == pytest.approx(other.p, rel=1e-5, abs=1e-7)
        assert one.estimate == pytest.approx(other.estimate, rel=1e-6, abs=1e-6)


@settings(deadline=None, max_examples=100)
@given(st.lists(ends, min_size=2, max_size=4), st.sampled_from(["lower", "higher"]))
def test_every_row_is_whole(cells: list[list[float | Outcome | None]], direction: str) -> None:
    named = {f"c{number}": own for number, own in enumerate(cells)}
    found = judged(named, metric=replace(METRIC, direction=direction))
    assert len(found.comparisons) == 2 * (len(cells) - 1)
    for each in found.comparisons:
        assert each.reasons
        assert each.text
        assert "nan" not in each.text
        assert each.n == len(each.trials)
        if each.word is not Word.NOT_COMPARABLE:
            assert each.p is not None
            assert each.p_holm is not None
            assert each.p <= each.p_holm <= 1
        if each.metric == FAILURES and each.rate is not None:
            assert each.rate[0] <= each.failed / each.n <= each.rate[1]
        if each.word in (Word.FASTER, Word.EQUIVALENT):
            planned = len(named[each.cell])
            assert planned - each.n <= 0.2 * planned
        if each.word in (Word.SLOWER, Word.EQUIVALENT):
            planned = len(named[each.baseline])
            assert planned - each.n0 <= 0.2 * planned
