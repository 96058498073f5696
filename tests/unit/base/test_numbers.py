"""Numbers for people: few digits, and none that reads as another number than it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchmatrix.base.numbers import percent, percent_sign, quantity


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0414, "+4.1"),
        (-0.029, "-2.9"),
        (0.11, "+11"),
        (0.0997, "+10"),
        (0.0994, "+9.9"),
        (1.236, "+120"),
        (40.0, "+4000"),
        (0.0004, "+0.04"),
        (0.00094, "+0.09"),
        (0.00096, "+0.1"),
        (0.9951, "+99.5"),
        (1.0, "+100"),
        (1.004, "+100.4"),
        (1.014, "+101"),
        (-1.0, "-100"),
        (-0.997, "-99.7"),
        (-0.99996, "-99.996"),
        (-0.00001, "-0.001"),
        (1e-11, "+1e-09"),
        (1e-13, "0"),
        (0.0, "0"),
    ],
)
def test_two_digits_of_a_change_in_per_cent(share: float, text: str) -> None:
    assert percent(share, signed=True) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.05, "5"), (0.025, "2.5"), (0.1, "10"), (0.07, "7"), (0.4345, "43"), (1.0, "100"), (0.996, "99.6"), (0.0, "0")],
)
def test_what_somebody_wrote_is_shown_as_written(share: float, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(("share", "text"), [(1 / 3, "33.3"), (0.9996, "99.96"), (0.5, "50"), (0.0625, "6.25")])
def test_three_digits_of_a_rate(share: float, text: str) -> None:
    assert percent(share, digits=3) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1000.4, "+1000"), (999.7, "+1000"), (-1234567.8, "-1234568"), (0.5, "+0.5"), (2e7, "+2e+07"), (1e-5, "+1e-05")],
)
def test_whole_numbers_below_ten_million_have_no_exponent(value: float, text: str) -> None:
    assert quantity(value, signed=True) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(25.0, "25"), (24.99999996, "24.99999996"), (25.00000004, "25.00000004"), (24.9, "24.9"), (25.0 + 1e-13, "25")],
)
def test_what_is_not_the_limit_does_not_read_as_the_limit(value: float, text: str) -> None:
    assert quantity(value, digits=6, marks=(25.0,)) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.05, "+5.0%"),
        (0.0005, "+0.05%"),
        (0.00012, "+0.012%"),
        (0.0001, "+0.01%"),
        (-0.9999, "-99.99%"),
        (0, "+0.0%"),
        (-4e-16, "+0.0%"),
    ],
)
def test_a_change_beside_a_limit_of_a_hundredth_of_a_percent(share: float, text: str) -> None:
    assert percent_sign(share, marks=(0.0001,)) == text


@given(st.floats(-1e6, 1e6), st.sampled_from([0.0, 1.0, 25.0, -1e3]))
def test_no_number_becomes_one_that_it_is_not(value: float, mark: float) -> None:
    if abs(value - mark) > 1e-11 * max(abs(value), abs(mark)):
        assert float(quantity(value, marks=(mark,))) != mark
        for share in (value, value / 1e3, -value):
            reads = float(percent(share, signed=True))
            assert (reads == 0) is (abs(share) < 1e-12)
            assert abs(share - 1) < 1e-11 or reads != 100
