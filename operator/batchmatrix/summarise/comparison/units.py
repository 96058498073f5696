"""Which way a metric is better, and whether it is a matter of speed: from its direction, else from its unit."""

from __future__ import annotations

import re

from batchmatrix.model.judging import MetricRule, Word

__all__ = ["better_up", "is_rate", "is_time", "words"]

_TIMES = frozenset(
    f"{short}{plural}"
    for short in ("ns", "us", "µs", "μs", "ms", "s", "sec", "min", "h", "hr", "hour", "minute", "second")
    for plural in ("", "s")
) | {"nanoseconds", "microseconds", "milliseconds"}
_RATES = frozenset({"hz", "khz", "mhz", "ghz", "fps", "rps", "qps", "tps", "iops"})
_PER = re.compile(r"(/|\bper[ _]?)\s*(s|sec|second|ms|min|minute|h|hour)$", re.IGNORECASE)
_NAMED_RATE = re.compile(r"[_.-]per[_.-](s|sec|second|ms|min|minute|h|hour)$", re.IGNORECASE)
_TAIL = re.compile(r"[_.-]")


def is_rate(metric: MetricRule) -> bool:
    """Something per time: `steps/s`, `per second`, or a name such as samples_per_s where there is no unit."""
    if metric.unit:
        unit = metric.unit.strip()
        return unit.lower() in _RATES or _PER.search(unit) is not None
    return _NAMED_RATE.search(metric.name) is not None


def is_time(metric: MetricRule) -> bool:
    """`ms`, `s/step` and the like, or a name such as step_time_ms where there is no unit."""
    if metric.unit:
        return metric.unit.partition("/")[0].strip().lower() in _TIMES and not is_rate(metric)
    parts = _TAIL.split(metric.name)
    return len(parts) > 1 and parts[-1].lower() in _TIMES and not is_rate(metric)


def better_up(metric: MetricRule) -> bool | None:
    """Whether more is better; None where nothing says so."""
    if metric.direction:
        return metric.direction == "higher"
    if is_rate(metric):
        return True
    return False if is_time(metric) else None


def words(metric: MetricRule) -> tuple[Word, Word]:
    """What a change for the worse and one for the better are called."""
    up = better_up(metric)
    speed = (is_time(metric) and up is False) or (is_rate(metric) and up is True)
    return (Word.SLOWER, Word.FASTER) if speed else (Word.WORSE, Word.BETTER)
