from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestIndPower

from batchmatrix.model.v1alpha1.grid import TRIALS_LIMIT
from batchmatrix.summarise.comparison.power import smallest_difference, trials_needed


@pytest.mark.parametrize(
    ("n", "n0", "level"), [(3, 3, 0.05), (3, 3, 0.005), (5, 5, 0.0005), (5, 3, 0.05), (10, 20, 0.005), (40, 30, 0.05)]
)
def test_eight_of_ten_runs_show_the_smallest_difference(n: int, n0: int, level: float) -> None:
    rng = np.random.default_rng(4)
    shift = smallest_difference(n, n0, level)
    assert shift is not None
    cell, base = rng.normal(shift, size=(40_000, n)), rng.normal(size=(40_000, n0))
    p = stats.ttest_ind(cell, base, axis=1, equal_var=False).pvalue
    assert (p <= level).mean() == pytest.approx(0.8, abs=0.012)


@pytest.mark.parametrize("n", [30, 200, 10_000])
def test_many_trials_agree_with_the_textbook(n: int) -> None:
    expected = TTestIndPower().solve_power(nobs1=n, alpha=0.05, power=0.8)
    assert smallest_difference(n, n, 0.05) == pytest.approx(expected, rel=1e-3)


def test_the_two_ways_to_reckon_meet() -> None:
    assert smallest_difference(29, 29, 0.05) == pytest.approx(
        TTestIndPower().solve_power(nobs1=29, alpha=0.05, power=0.8), rel=5e-3
    )


@pytest.mark.parametrize("level", [0.05, 0.05 / 100, 0.05 / 20_000])
@pytest.mark.parametrize("n", [2, 3, 5, 30, TRIALS_LIMIT])
def test_there_is_always_a_number(n: int, level: float) -> None:
    found = smallest_difference(n, n, level)
    assert found is not None
    assert found > 0


@pytest.mark.parametrize("sides", [(1, 5), (5, 1), (0, 0)])
def test_one_trial_shows_nothing(sides: tuple[int, int]) -> None:
    assert smallest_difference(*sides, 0.05) is None


@pytest.mark.parametrize("difference", [0.05, 0.4, 1.7, 12.0])
def test_fewer_trials_would_not_do(difference: float) -> None:
    found = trials_needed(difference, 0.005, least=2)
    assert found is not None
    there, before = smallest_difference(found, found, 0.005), smallest_difference(found - 1, found - 1, 0.005)
    assert there is not None
    assert there <= difference
    assert before is None or before > difference


def test_never_fewer_than_the_rules_ask_for() -> None:
    assert trials_needed(50.0, 0.05, least=3) == 3


@pytest.mark.parametrize("difference", [0.0, -1.0, 1e-4, float("nan")])
def test_some_take_more_trials_than_there_can_be(difference: float) -> None:
    assert trials_needed(difference, 0.05, least=3) is None
