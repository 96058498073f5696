from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest

from batchmatrix.plan.reach import comparisons, least_trials, reach, smallest_p
from tests.support.specs import a_matrix, a_plan

WORKLOAD = {"image": "registry.example/app:1", "command": ["run"]}
METRIC = {"name": "step_time_ms", "from": "prefix", "direction": "lower"}


def codes(**spec: Any) -> list[str]:
    matrix = a_matrix(**{"workload": WORKLOAD, "metrics": [METRIC], **spec})
    return [found.code for found in reach(a_plan(matrix).cells, matrix.spec)]


def mitigations(*names: str, **axes: list[Any]) -> list[dict[str, Any]]:
    others = [{"name": name, "values": values} for name, values in axes.items()]
    return [{"name": "mitigation", "values": ["none", *names]}, *others]


def fisher(failed: int, of: int, other: int, of_other: int) -> Fraction:
    """One-sided: chance of at least as many failures here, all margins given."""
    total, drawn = of + of_other, failed + other
    ways = sum(
        math.comb(of, k) * math.comb(of_other, drawn - k)
        for k in range(failed, min(of, drawn) + 1)
        if drawn - k <= of_other
    )
    return Fraction(ways, math.comb(total, drawn))


def boschloo(of: int, of_other: int) -> float:
    """By its definition, for all failing here and none there: every table is looked at, every rate on a fine grid."""
    least = fisher(of, of, 0, of_other)
    tables = [(x, y) for x in range(of + 1) for y in range(of_other + 1) if fisher(x, of, y, of_other) <= least]
    best = 0.0
    for step in range(1, 2000):
        rate = step / 2000
        chance = sum(
            math.comb(of, x) * rate**x * (1 - rate) ** (of - x)
            * math.comb(of_other, y) * rate**y * (1 - rate) ** (of_other - y)
            for x, y in tables
        )  # fmt: skip
        best = max(best, chance)
    return 2 * best


@pytest.mark.parametrize("sides", [(1, 1), (2, 3), (3, 3), (5, 2), (6, 6), (4, 9)])
def test_the_smallest_p_is_that_of_boschloos_test_by_its_definition(sides: tuple[int, int]) -> None:
    assert smallest_p(*sides) == pytest.approx(min(1.0, boschloo(*sides)), rel=1e-4)


@pytest.mark.parametrize(("compared", "trials"), [(1, 3), (10, 5), (100, 6)])
def test_the_least_trials_are_those_of_the_published_table(compared: int, trials: int) -> None:
    assert least_trials(0.05, compared) == trials
    assert smallest_p(trials - 1, trials - 1) > 0.05 / compared


def test_too_few_trials_for_any_difference_in_failures_are_said_with_the_number_that_would_do() -> None:
    matrix = a_matrix(axes=mitigations("tf32-off", "nccl-ring", "sdma-off"), trials=3, workload=WORKLOAD)
    (found,) = reach(a_plan(matrix).cells, matrix.spec)
    assert found.code == "failures-out-of-reach"
    assert "3 of 3 comparisons can never show a difference in failures at level 0.05" in found.message
    assert "even 3 of 3 failed against 0 of 3 has p 0.031" in found.message
    assert "4 trials a cell are the least" in found.message


def test_enough_trials_are_not_spoken_of() -> None:
    assert codes(axes=mitigations("tf32-off", "nccl-ring", "sdma-off"), trials=4) == []


def test_one_comparison_within_reach_lets_the_next_need_less() -> None:
    # Holm: of two, the first needs 0.025 (4 trials against 3 have p 0.017), the second then 0.05 (3 against 3: 0.031)
    axes = mitigations("tf32-off", "nccl-ring")
    more = [{"match": {"mitigation": "tf32-off"}, "set": {"trials": 4}}]
    assert codes(axes=axes, trials=3) == ["failures-out-of-reach"]
    assert codes(axes=axes, trials=3, overrides=more) == []


def test_fewer_trials_than_times_need_are_said() -> None:
    assert codes(axes=mitigations("tf32-off"), trials=3, compare={"minTrials": 4}) == ["times-not-comparable"]


def test_times_are_not_spoken_of_where_no_metric_is_compared() -> None:
    shown = [{"name": "loss", "from": "prefix"}]
    axes = mitigations("tf32-off")
    assert codes(axes=axes, trials=3, compare={"minTrials": 4}, metrics=shown) == []
    named = {"minTrials": 4, "metrics": ["loss"]}
    assert codes(axes=axes, trials=3, compare=named, metrics=shown) == ["times-not-comparable"]


def test_one_cell_has_nothing_to_be_compared_with() -> None:
    assert codes(axes=mitigations(), order="cells") == []


def test_without_a_baseline_nothing_is_compared_and_that_is_said() -> None:
    assert codes(axes=[{"name": "size", "values": [1, 2]}]) == ["no-baseline"]


def test_a_grid_that_is_not_for_comparing_needs_no_baseline() -> None:
    shown = [{"name": "gflops", "from": "prefix"}]
    assert codes(axes=[{"name": "size", "values": [1, 2]}], metrics=shown) == []
    assert codes(axes=[{"name": "mitigation", "values": ["tf32-off", "sdma-off"]}], metrics=shown) == ["no-baseline"]


def test_cell_after_cell_is_warned_of_where_there_are_repetitions() -> None:
    axes = mitigations("tf32-off")
    assert codes(axes=axes, trials=3, order="cells") == ["order-confounded"]
    assert codes(axes=axes, order="cells") == ["failures-out-of-reach", "times-not-comparable"]


def pairs(baseline: dict[str, Any] | None, **spec: Any) -> list[tuple[str, str]]:
    matrix = a_matrix(**{"workload": WORKLOAD, **spec}, **({"baseline": baseline} if baseline else {}))
    found = comparisons(a_plan(matrix).cells, matrix.spec.baseline)
    return [(one.cell.name, one.baseline.name) for one in found]


def test_the_baseline_of_a_match_agrees_on_all_other_axes() -> None:
    axes = mitigations("tf32-off", size=[1, 2])
    assert pairs({"match": {"mitigation": "none"}}, axes=axes) == [
        ("tf32-off-s1", "none-s1"), ("tf32-off-s2", "none-s2"),
    ]  # fmt: skip


def test_a_list_in_the_baselines_match_is_one_stack() -> None:
    axes = mitigations("tf32-off", ["tf32-off", "nccl-ring"])
    assert pairs({"match": {"mitigation": ["tf32-off", "nccl-ring"]}}, axes=axes) == [
        ("none", "tf32-off-nccl-ring"), ("tf32-off", "tf32-off-nccl-ring"),
    ]  # fmt: skip


def test_a_cell_called_baseline_comes_before_one_without_mitigation() -> None:
    cells = [{"name": "plain", "mitigations": ["none"]}, {"name": "baseline-x"}, {"name": "other"}]
    assert pairs(None, axes=[], cells=cells) == [("plain", "baseline-x"), ("other", "baseline-x")]
    assert pairs({"cell": "other"}, axes=[], cells=cells) == [("plain", "other"), ("baseline-x", "other")]


def test_hardware_of_another_kind_is_not_compared() -> None:
    catalog = {"hardware": {"h": {}, "i": {}}}
    axes = mitigations("tf32-off", hardware=["h", "i"])
    assert pairs(None, axes=axes, catalog=catalog) == [("tf32-off-h", "none-h")]
    assert pairs({"match": {"mitigation": "none"}}, axes=axes, catalog=catalog) == [
        ("tf32-off-h", "none-h"), ("tf32-off-i", "none-i"),
    ]  # fmt: skip
