from __future__ import annotations

from dataclasses import replace

import pytest

from batchmatrix.model.judging import MetricRule, Word
from batchmatrix.summarise.comparison.units import better_up, words

SPEED, QUALITY = (Word.SLOWER, Word.FASTER), (Word.WORSE, Word.BETTER)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "µs", "ns", "min", "h", "Seconds", "ms/step", " ms "])
def test_times(unit: str) -> None:
    assert words(MetricRule("m", unit, "lower")) == SPEED
    assert better_up(MetricRule("m", unit)) is False


@pytest.mark.parametrize("unit", ["steps/s", "GB/s", "1/s", "tokens per second", "samples/min", "Hz", "fps"])
def test_rates(unit: str) -> None:
    assert words(MetricRule("m", unit, "higher")) == SPEED
    assert better_up(MetricRule("m", unit)) is True


@pytest.mark.parametrize(
    ("name", "up"),
    [
        ("step_time_ms", False),
        ("train.wall_s", False),
        ("tokens_per_s", True),
        ("mean_time_s", False),
        ("steptime-p99-s", False),
        ("request_latency_s", False),
        ("elapsed_s", False),
        ("run.duration_seconds", False),
        ("compile_minutes", False),
        ("wait_sec", False),
        ("kernel_us", False),
        ("samples_per_min", True),
    ],
)
def test_a_name_says_it_where_no_unit_does(name: str, up: bool) -> None:
    assert better_up(MetricRule(name)) is up
    assert words(MetricRule(name, direction="higher" if up else "lower")) == SPEED


@pytest.mark.parametrize("unit", ["GiB", "%", "", "loss", "points"])
@pytest.mark.parametrize("direction", ["lower", "higher"])
def test_all_else_is_worse_or_better(unit: str, direction: str) -> None:
    assert words(MetricRule("memory", unit, direction)) == QUALITY


def test_a_time_of_which_more_is_better_is_not_about_speed() -> None:
    assert words(MetricRule("uptime", "h", "higher")) == QUALITY
    assert words(MetricRule("errors", "1/s", "lower")) == QUALITY


@pytest.mark.parametrize(("direction", "up"), [("lower", False), ("higher", True)])
def test_the_direction_comes_first(direction: str, up: bool) -> None:
    assert better_up(MetricRule("m", "ms", direction)) is up


@pytest.mark.parametrize(
    "name",
    [
        *("loss", "s", "ms", "news", "class_es", "", "_"),
        # the end of a name that is a word of its own, or a plural, is no unit
        *("throughput_min", "loss_min", "step_time_min", "tokens_h", "distance_m", "cohens_d", "layer_s", "uptime_s"),
        *("timeouts_s", "fps_min", "acc_hs", "loss_mins"),
    ],
)
def test_nothing_says_which_way(name: str) -> None:
    assert better_up(MetricRule(name)) is None
    assert words(MetricRule(name, direction="lower")) == QUALITY


TROUBLES = ["errors", "failures", "drops", "retries", "misses", "timeouts"]


@pytest.mark.parametrize("what", TROUBLES)
@pytest.mark.parametrize(("name", "unit"), [("m", "{}/s"), ("m", "{} per second"), ("{}_per_s", ""), ("{}", "1/s")])
def test_of_a_rate_of_trouble_nothing_says_which_way_is_better(what: str, name: str, unit: str) -> None:
    metric = MetricRule(name.format(what), unit.format(what))
    assert better_up(metric) is None
    for direction in ("lower", "higher"):
        assert better_up(replace(metric, direction=direction)) is (direction == "higher")
        assert words(replace(metric, direction=direction)) == QUALITY


def test_a_time_is_one_whatever_ended_it() -> None:
    assert better_up(MetricRule("timeout_ms")) is False
    assert better_up(MetricRule("time_to_error", "s")) is False
