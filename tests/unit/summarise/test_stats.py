"""Statistics, against figures worked out by hand and against exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchmatrix.summarise.stats import describe

finite = st.floats(allow_nan=False, allow_infinity=False)


def test_figures_worked_out_by_hand() -> None:
    made = describe("ms", "ms", [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0])
    assert (made.n, made.mean, made.min, made.max) == (8, 5.0, 2.0, 9.0)
    assert made.std == pytest.approx(math.sqrt(32 / 7), rel=1e-15)


def test_no_value_is_no_mean() -> None:
    made = describe("ms", "", [])
    assert (made.n, made.mean, made.std, made.min, made.max) == (0, None, None, None, None)


def test_one_value_has_no_deviation() -> None:
    made = describe("ms", "", [0.1])
    assert (made.n, made.mean, made.std) == (1, 0.1, None)


def test_equal_values_do_not_differ() -> None:
    made = describe("ms", "", [0.1] * 7)
    assert (made.mean, made.std) == (0.1, 0.0)


def test_the_ends_of_the_range() -> None:
    huge = describe("x", "", [1.7e308, 1.7e308, 1.6e308])
    assert huge.mean == pytest.approx(5.0 / 3 * 1e308)
    assert huge.std == pytest.approx(5.773502691896e306)
    assert describe("x", "", [1.7e308, -1.7e308]).std is None
    assert describe("x", "", [5e-324, 1.5e-323]).mean == pytest.approx(1e-323)


@given(st.lists(finite, min_size=1, max_size=20))
def test_the_mean_is_exact_and_lies_between(values: list[float]) -> None:
    made = describe("x", "", values)
    assert made.mean is not None
    assert min(values) <= made.mean <= max(values)
    error = Fraction(made.mean) - sum(map(Fraction, values), Fraction(0)) / len(values)
    scale = max(abs(value) for value in values)
    allowed = Fraction(scale) * Fraction(1, 2**51) + Fraction(5e-324) * 4
    assert -allowed <= error <= allowed


@given(st.lists(finite, max_size=20), st.randoms(use_true_random=False))
def test_the_order_does_not_matter(values: list[float], random: object) -> None:
    shuffled = list(values)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert describe("x", "", shuffled) == describe("x", "", values)
