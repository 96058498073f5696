"""Statistics, against figures worked out by hand and against exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchmatrix.summarise.stats import describe, outliers, quantile

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


@given(st.lists(finite, min_size=1, max_size=20), st.sampled_from([0.25, 0.5, 0.75, 0.9, 0.99]))
def test_quantiles_are_numpys_to_the_last_digit(values: list[float], share: float) -> None:
    ordered = sorted(values)
    with np.errstate(over="ignore", invalid="ignore"):
        wanted = float(np.quantile(ordered, share))
    found = quantile(ordered, share)
    assert found == wanted or not math.isfinite(wanted)
    assert ordered[0] <= found <= ordered[-1]


def test_quantiles_worked_out_by_hand() -> None:
    made = describe("ms", "", [1.0, 2.0, 3.0, 4.0])
    assert (made.p50, made.p90, made.p99) == (2.5, pytest.approx(3.7), pytest.approx(3.97))
    assert (describe("ms", "", [7.0]).p99, describe("ms", "", []).p50) == (7.0, None)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_outliers_are_those_of_pandas_quartiles(values: list[float]) -> None:
    series = pd.Series(values)
    first, third = series.quantile(0.25), series.quantile(0.75)
    reach = 1.5 * (third - first)
    assert outliers(sorted(values)) == sorted(series[(series < first - reach) | (series > third + reach)])


def test_a_value_far_outside_is_an_outlier_and_stays_in_the_mean() -> None:
    made = describe("ms", "", [10.0, 11.0, 12.0, 13.0, 100.0])  # quartiles 11 and 13, fences 8 and 16
    assert (made.outliers, made.mean) == (1, 29.2)
    assert describe("ms", "", [10.0, 11.0, 12.0, 13.0, 16.0]).outliers == 0
