"""Intervals, against statsmodels and against tables."""

from __future__ import annotations

import math
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_ind
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from batchmatrix.summarise.judging.intervals import difference, mean_interval

X = [12.1, 12.9, 11.7, 13.4, 12.2]
Y = [10.3, 10.9, 10.1, 11.2, 10.4, 9.9]


def test_students_interval_by_hand() -> None:
    found = mean_interval([9.0, 10.0, 11.0], "linear")
    assert found is not None
    # the table's t for 2 degrees of freedom and 95 % is 4.3027, the standard error 1 / sqrt(3)
    assert (found.estimate, found.kind) == (10.0, "mean")
    assert found.low == pytest.approx(10 - 4.302653 / math.sqrt(3), abs=1e-6)
    assert found.high == pytest.approx(10 + 4.302653 / math.sqrt(3), abs=1e-6)


def test_the_interval_of_a_mean_is_that_of_statsmodels() -> None:
    found = mean_interval(X, "linear")
    assert found is not None
    assert (found.low, found.high) == pytest.approx(DescrStatsW(X).tconfint_mean(0.05), rel=1e-12)
    found = mean_interval(X, "log")
    assert found is not None
    logs = DescrStatsW([math.log(x) for x in X])
    assert (found.low, found.high) == pytest.approx([math.exp(each) for each in logs.tconfint_mean(0.05)], rel=1e-12)
    assert found.estimate == pytest.approx(math.prod(X) ** (1 / len(X)))
    assert found.kind == "geometric mean"


def test_what_is_not_positive_has_no_geometric_mean() -> None:
    found = mean_interval([0.0, 1.0, 2.0], "log")
    assert found is not None
    assert (found.kind, found.estimate) == ("mean", 1.0)


def test_one_value_has_no_interval_and_equal_values_have_one_without_width() -> None:
    assert mean_interval([], "log") is None
    assert mean_interval([1.0], "log") is None
    for scale in ("log", "linear"):
        found = mean_interval([0.1] * 3, scale)
        assert found is not None
        assert (found.estimate, found.low, found.high) == (0.1, 0.1, 0.1)
    found = mean_interval([0.0, 0.0], "log")
    assert found is not None
    assert (found.low, found.high, found.kind) == (0.0, 0.0, "mean")


def test_what_no_float_can_hold_has_no_interval() -> None:
    assert mean_interval([1e308, -1e308], "linear") is None
    assert mean_interval([1e-300, 1e300], "log") is None


def test_a_difference_is_welchs() -> None:
    found = difference(X, Y)
    assert found is not None
    wanted = CompareMeans(DescrStatsW(X), DescrStatsW(Y)).tconfint_diff(0.05, usevar="unequal")
    assert (found.low, found.high) == pytest.approx(wanted, rel=1e-9)
    assert found.estimate == pytest.approx(sum(X) / 5 - sum(Y) / 6)


@given(*(st.lists(st.floats(-1e6, 1e6).map(lambda value: round(value, 3)), min_size=2, max_size=9) for _ in range(2)))
def test_a_difference_is_scipys(one: list[float], other: list[float]) -> None:
    found = difference(one, other)
    if min(one) == max(one) and min(other) == max(other):
        assert found is None
        return
    assert found is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # about values that hardly differ
        wanted = ttest_ind(one, other, equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high), rel=1e-6, abs=1e-6)


def test_without_spread_or_values_nothing_can_be_said() -> None:
    assert difference([1.0, 1.0, 1.0], [2.0, 2.0]) is None
    assert difference([1.0], [2.0, 2.1]) is None
    assert difference([1.0, 1.1], []) is None
    assert difference([1.0, 1.0, 1.0], [2.0, 2.1]) is not None
