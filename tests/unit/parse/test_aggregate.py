from __future__ import annotations

import math
import random

import numpy
import pytest

from batchmatrix.model.metric import METRIC_STRATEGIES
from batchmatrix.parse.aggregate import MAX_VALUES, Series


def run(strategy: str, values: list[float | None], *, warmup: int = 0, limit: int = MAX_VALUES) -> Series:
    series = Series(strategy, warmup=warmup, limit=limit)
    for value in values:
        series.add(value)
    return series


@pytest.mark.parametrize(
    ("strategy", "value"),
    [("latest", 2.0), ("first", 3.0), ("min", -1.0), ("max", 5.0), ("mean", 2.25), ("sum", 9.0), ("count", 4.0)],
)
def test_strategies(strategy: str, value: float) -> None:
    assert run(strategy, [3.0, -1.0, None, 5.0, 2.0]).result() == (value, "")


@pytest.mark.parametrize("share", [50, 90, 95, 99])
@pytest.mark.parametrize("size", [1, 2, 3, 10, 101, 1000])
def test_percentiles_are_numpys(share: int, size: int) -> None:
    values = [random.Random(size).uniform(-5, 5) for _ in range(size)]
    found = run(f"p{share}", list(values)).result()[0]
    assert found == pytest.approx(float(numpy.percentile(values, share)), rel=1e-12)


@pytest.mark.parametrize("strategy", METRIC_STRATEGIES)
def test_nothing_is_no_value(strategy: str) -> None:
    series = run(strategy, [None, math.nan, math.inf])
    assert series.result() == ((0.0 if strategy == "count" else None), "")
    assert (series.count, series.invalid) == (0, 3)


@pytest.mark.parametrize("strategy", METRIC_STRATEGIES)
def test_warmup_leaves_out_valid_values_only(strategy: str) -> None:
    assert run(strategy, [100.0, None, -100.0, 7.0, 9.0], warmup=2).result() == run(strategy, [7.0, 9.0]).result()


def test_a_percentile_over_too_many_values_has_none() -> None:
    assert run("p50", [1.0] * 5, limit=5).result() == (1.0, "")
    value, message = run("p50", [1.0] * 6, limit=5).result()
    assert value is None
    assert "more than 5" in message


def test_a_long_mean_keeps_its_digits() -> None:
    values: list[float | None] = [1e16, *([1.0] * 10_000), -1e16]
    assert run("sum", values).result()[0] == 10_000.0


@pytest.mark.parametrize("strategy", ["sum", "mean"])
def test_beyond_a_float(strategy: str) -> None:
    value, message = run(strategy, [1.7e308, 1.7e308]).result()
    assert value is None
    assert "range" in message


def test_percentiles_of_huge_values_do_not_overflow() -> None:
    assert run("p50", [-1.7e308, 1.7e308]).result()[0] == 0.0


@pytest.mark.parametrize(("strategy", "warmup"), [("median", 0), ("p42", 0), ("mean", -1)])
def test_refused(strategy: str, warmup: int) -> None:
    with pytest.raises(ValueError, match="is"):
        Series(strategy, warmup=warmup)
