from __future__ import annotations

import math

import numpy as np
import pytest
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from batchmatrix.summarise.comparison.equivalence import equivalence
from batchmatrix.summarise.comparison.welch import welch

CELL = [4.61, 4.70, 4.66, 4.73, 4.69]
BASE = [4.60, 4.58, 4.65, 4.61]


def rows(*samples: list[float]) -> np.ndarray:
    return np.array(samples, dtype=float)


def by_hand(cell: list[float], base: list[float]) -> tuple[float, float, float]:
    """Difference, standard error, degrees of freedom."""

    def squares(side: list[float]) -> float:
        mean = sum(side) / len(side)
        return sum((value - mean) ** 2 for value in side) / (len(side) - 1) / len(side)

    a, b = squares(cell), squares(base)
    free = (a + b) ** 2 / (a**2 / (len(cell) - 1) + b**2 / (len(base) - 1))
    return sum(cell) / len(cell) - sum(base) / len(base), math.sqrt(a + b), free


def test_difference_interval_and_p_as_another_library_has_them() -> None:
    found = welch(rows(CELL), rows(BASE))
    other = CompareMeans(DescrStatsW(CELL), DescrStatsW(BASE))
    assert found.p[0] == pytest.approx(other.ttest_ind(usevar="unequal")[1])
    assert (found.low[0], found.high[0]) == pytest.approx(other.tconfint_diff(0.05, usevar="unequal"))
    assert (found.low90[0], found.high90[0]) == pytest.approx(other.tconfint_diff(0.10, usevar="unequal"))
    difference, error, free = by_hand(CELL, BASE)
    assert found.difference[0] == pytest.approx(difference)
    # The quantile of t at these degrees of freedom, from a table: 2.365 at 7, 2.447 at 6.
    assert 2.365 < (found.high[0] - difference) / error < 2.447
    assert 6 < free < 7


def test_the_spread_is_pooled_over_both_sides() -> None:
    # squares about the means: 2 and 8, over 2 + 2 degrees of freedom
    found = welch(rows([1.0, 2.0, 3.0]), rows([10.0, 12.0, 14.0]))
    assert found.sd[0] == pytest.approx(math.sqrt(10 / 4))


def test_to_swap_the_sides_mirrors_all() -> None:
    one, other = welch(rows(CELL), rows(BASE)), welch(rows(BASE), rows(CELL))
    assert one.p[0] == pytest.approx(other.p[0])
    assert one.difference[0] == pytest.approx(-other.difference[0])
    assert (one.low[0], one.high90[0]) == pytest.approx((-other.high[0], -other.low90[0]))


def test_rows_do_not_know_each_other() -> None:
    cells, bases = np.random.default_rng(5).normal(size=(2, 20, 4))
    together = welch(cells, bases)
    for index in range(20):
        alone = welch(cells[index : index + 1], bases[index : index + 1])
        assert together.p[index] == pytest.approx(alone.p[0])
        assert together.low[index] == pytest.approx(alone.low[0])


@pytest.mark.parametrize("constants", [(1.0, 1.0), (1.0, 2.0)])
def test_without_spread_nothing_is_certain(constants: tuple[float, float]) -> None:
    cell, base = rows([constants[0]] * 3), rows([constants[1]] * 3)
    found = welch(cell, base)
    assert all(math.isnan(each[0]) for each in (found.p, found.low, found.high, found.low90, found.high90))
    assert math.isnan(equivalence(cell, base, np.array([9.0]))[0])
    assert found.difference[0] == constants[0] - constants[1]
    assert found.sd[0] == 0


def test_a_row_without_spread_leaves_the_others_alone() -> None:
    found = welch(rows([1, 1, 1], [1, 2, 3]), rows([2, 2, 2], [4, 5, 6]))
    assert math.isnan(found.p[0])
    assert 0 < found.p[1] < 0.05


def test_spread_on_one_side_is_enough() -> None:
    found = welch(rows([5.0, 5.0, 5.0]), rows([1.0, 2.0, 3.0]))
    # against a known number: t = 3 / (1 / sqrt 3) with 2 degrees of freedom, whose p has a closed form
    t = 3 * math.sqrt(3)
    assert found.p[0] == pytest.approx(1 - t / math.sqrt(2 + t * t))


@pytest.mark.parametrize("sizes", [(1, 5), (5, 1), (1, 1)])
def test_one_trial_has_an_effect_and_no_interval(sizes: tuple[int, int]) -> None:
    cell, base = rows(list(map(float, range(sizes[0])))), rows(list(map(float, range(sizes[1]))))
    found = welch(cell, base)
    assert math.isfinite(found.difference[0])
    assert math.isnan(found.p[0])
    assert math.isnan(found.low[0])
    assert math.isnan(equivalence(cell, base, np.array([1.0]))[0])
