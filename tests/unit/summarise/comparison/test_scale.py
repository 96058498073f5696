from __future__ import annotations

import math

import pytest

from batchmatrix.summarise.comparison.reasons import Reason
from batchmatrix.summarise.comparison.scale import Sides, sides


def made(cell: list[float], base: list[float], *, log: bool, margin: float = 0.05) -> Sides:
    found = sides(cell, base, log=log, margin=margin)
    assert isinstance(found, Sides)
    return found


def test_logarithms_make_a_difference_a_ratio() -> None:
    found = made([110.0], [100.0], log=True)
    assert found.change(found.cell[0] - found.base[0]) == pytest.approx(0.1)
    assert found.change(found.margin) == pytest.approx(0.05)
    assert found.change(-found.margin) == pytest.approx(1 / 1.05 - 1)


def test_linear_keeps_the_unit_and_takes_the_margin_from_the_baselines_mean() -> None:
    found = made([-5.0, 7.0], [-10.0, -30.0], log=False, margin=0.1)
    assert found.change(found.cell[1] - found.base[0]) == 17.0
    assert found.change(found.margin) == pytest.approx(2.0)


@pytest.mark.parametrize("value", [0.0, -1.0])
@pytest.mark.parametrize("side", [0, 1])
def test_what_is_not_positive_has_no_logarithm(value: float, side: int) -> None:
    samples = [[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]
    samples[side][1] = value
    assert sides(*samples, log=True, margin=0.05) is Reason.NOT_POSITIVE
    assert isinstance(sides(*samples, log=False, margin=0.05), Sides)


@pytest.mark.parametrize("log", [True, False])
def test_an_empty_side(log: bool) -> None:
    assert sides([], [1.0], log=log, margin=0.05) is Reason.TOO_FEW_TRIALS
    assert sides([1.0], [], log=log, margin=0.05) is Reason.TOO_FEW_TRIALS


@pytest.mark.parametrize("log", [True, False])
def test_rounding_is_no_spread(log: bool) -> None:
    third = 0.1 + 0.2  # not 0.3
    assert made([0.3, third, 0.3], [5e9, 5e9], log=log).flat
    assert not made([0.3, 0.3001, 0.3], [5e9, 5e9], log=log).flat
    assert not made([0.3, 0.3], [5e9, 5e9 + 1], log=log).flat


@pytest.mark.parametrize("size", [1e300, 1.7e308, 1e-300, 5e-324])
def test_squares_stay_in_range(size: float) -> None:
    found = made([size, -size], [size / 2, size], log=False)
    assert all(0.0 <= abs(value) <= 1.0 for value in (*found.cell, *found.base))
    assert found.change(found.cell[0]) == size


def test_what_no_float_holds_is_none() -> None:
    assert made([1e300], [1e-300], log=True).change(1e4) is None
    assert made([1.7e308], [-1.7e308], log=False).change(2.0) is None
    assert made([1.0], [2.0], log=True).change(math.nan) is None
    assert made([1.0], [2.0], log=True).change(None) is None


def test_the_spread_of_logarithms_is_shown_as_it_is() -> None:
    assert made([1.0], [2.0], log=True).spread(0.03) == 0.03
    assert made([96.0], [100.0], log=False).spread(0.25) == 32.0
