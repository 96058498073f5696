from __future__ import annotations

import math

import pytest
from scipy import stats

from batchmatrix.plan.reach import least_trials as promised_trials
from batchmatrix.plan.reach import smallest_p
from batchmatrix.summarise.comparison.failures import boschloo, least_failures, least_trials, wilson


def chance(failed: int, of: int, rate: float) -> float:
    return math.comb(of, failed) * rate**failed * (1 - rate) ** (of - failed)


def fisher(failed: int, of: int, other: int, of_other: int) -> float:
    """One-sided: chance of at least as many failures on the first side, all margins given."""
    drawn = failed + other
    ways = sum(math.comb(of, k) * math.comb(of_other, drawn - k) for k in range(failed, min(of, drawn) + 1))
    return ways / math.comb(of + of_other, drawn)


def by_definition(failed: int, of: int, other: int, of_other: int) -> float:
    """Twice the smaller of the two one-sided p: every table is looked at, every rate on a fine grid."""

    def one_side(x: int, n: int, y: int, m: int) -> float:
        least = fisher(x, n, y, m) * (1 + 1e-9)
        tables = [(a, b) for a in range(n + 1) for b in range(m + 1) if fisher(a, n, b, m) <= least]
        rates = (step / 1000 for step in range(1, 1000))
        return max(sum(chance(a, n, rate) * chance(b, m, rate) for a, b in tables) for rate in rates)

    return min(1.0, 2 * min(one_side(failed, of, other, of_other), one_side(other, of_other, failed, of)))


@pytest.mark.parametrize("table", [(3, 3, 0, 3), (4, 5, 0, 5), (1, 5, 4, 5), (2, 3, 1, 7), (5, 10, 1, 6), (2, 4, 2, 4)])
def test_it_is_the_test_by_its_definition(table: tuple[int, int, int, int]) -> None:
    assert boschloo(*table) == pytest.approx(by_definition(*table), rel=1e-4)


@pytest.mark.parametrize("table", [(4, 5, 0, 5), (2, 3, 1, 7)])
def test_to_swap_the_sides_changes_nothing(table: tuple[int, int, int, int]) -> None:
    assert boschloo(*table) == pytest.approx(boschloo(*table[2:], *table[:2]))


def test_the_groups_are_the_columns() -> None:
    turned = stats.boschloo_exact([[5, 1], [2, 9]]).pvalue  # 5 of 6 against 2 of 11, groups as rows
    assert boschloo(5, 6, 2, 11) == pytest.approx(by_definition(5, 6, 2, 11), rel=1e-4)
    assert boschloo(5, 6, 2, 11) != pytest.approx(turned, rel=1e-3)


@pytest.mark.parametrize("table", [(0, 5, 0, 5), (5, 5, 5, 5), (0, 3, 0, 9), (0, 0, 3, 5), (2, 4, 0, 0)])
def test_nobody_everybody_and_no_trials_say_nothing(table: tuple[int, int, int, int]) -> None:
    assert boschloo(*table) == 1.0


@pytest.mark.parametrize("sides", [(3, 3), (5, 5), (6, 6), (5, 2), (4, 9), (30, 10)])
def test_the_smallest_p_is_the_one_that_a_plan_promises(sides: tuple[int, int]) -> None:
    assert boschloo(sides[0], sides[0], 0, sides[1]) == pytest.approx(smallest_p(*sides), rel=1e-9)


def test_a_p_that_is_the_level_is_at_the_level() -> None:
    assert smallest_p(3, 3) == 0.03125
    assert boschloo(3, 3, 0, 3) <= 0.03125


@pytest.mark.parametrize("level", [0.05, 0.05 / 10, 0.05 / 100, 0.03125])
def test_the_least_trials_are_those_that_a_plan_names(level: float) -> None:
    assert least_trials(level) == promised_trials(level, 1)


@pytest.mark.parametrize(("of", "of0", "least"), [(3, 3, 3), (5, 5, 4), (10, 10, 4), (20, 10, 7), (30, 30, 5)])
def test_the_fewest_failures_that_show(of: int, of0: int, least: int) -> None:
    assert least_failures(of, of0, 0.05) == least
    assert boschloo(least, of, 0, of0) <= 0.05 < boschloo(least - 1, of, 0, of0)


def test_there_may_be_none() -> None:
    assert least_failures(2, 2, 0.05) is None
    assert least_failures(5, 5, 0.05 / 100) is None


@pytest.mark.parametrize(("of", "up"), [(3, 56), (5, 43), (10, 28), (30, 11)])
def test_what_nought_of_so_many_means(of: int, up: int) -> None:
    low, high = wilson(0, of)
    z = 1.959963984540054
    assert low == 0
    assert high == pytest.approx(z * z / (of + z * z))
    assert round(100 * high) == up


def test_the_interval_of_a_rate_by_its_formula() -> None:
    k, n, z = 4, 5, 1.959963984540054
    centre = (k / n + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(k / n * (1 - k / n) / n + z * z / (4 * n * n))
    assert wilson(k, n) == pytest.approx((centre - half, centre + half))
