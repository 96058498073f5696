"""Which way a metric is better, and whether it is a matter of speed: from its direction, else from its unit.

Where there is no unit the end of the name may say it, as long as it can mean nothing else: `loss_min` is a smallest
loss and no minutes.
"""

from __future__ import annotations

import re

from batchmatrix.model.judging import MetricRule, Word

__all__ = ["better_up", "is_rate", "is_time", "words"]

_NAMED_TIMES = frozenset(
    {"ns", "us", "µs", "μs", "ms", "msec", "usec", "nsec", "sec", "secs"}
    | {f"{part}second{plural}" for part in ("", "milli", "micro", "nano") for plural in ("", "s")}
    | {"minute", "minutes", "hour", "hours"}
)
"""What a name may end in and be a time."""

_TIMES = _NAMED_TIMES | {f"{short}{plural}" for short in ("s", "min", "h", "hr") for plural in ("", "s")}
"""What a unit may be and be a time."""

_ABOUT_TIME = frozenset({"duration", "latency", "elapsed", "wall", "wallclock"})
"""Words of a name whose end `s` stands for seconds, beside `time` and those that end in it."""

_NO_DURATION = frozenset({"uptime", "lifetime"})

_RATES = frozenset({"hz", "khz", "mhz", "ghz", "fps", "rps", "qps", "tps", "iops"})
_PER_TIME = r"(s|sec|second|ms|min|minute|h|hour)$"
_PER = re.compile(rf"(/|\bper[ _]?)\s*{_PER_TIME}", re.IGNORECASE)
_NAMED_RATE = re.compile(rf"[_.-]per[_.-]{_PER_TIME}", re.IGNORECASE)
_WORDS = re.compile(r"[^\W_]+")

_TROUBLE = frozenset(
    f"{word}{plural}"
    for word in (
        *("abort", "collision", "crash", "drop", "error", "eviction", "exception", "fail", "failure", "fault", "miss"),
        *("rejection", "restart", "retransmission", "stall", "throttle", "timeout", "violation"),
    )
    for plural in ("", "s", "es")
) | {"retry", "retries", "aborted", "dropped", "evicted", "failed", "lost", "missed", "rejected"}
"""Of what is none of the work that a run is there for, nothing says that more of it per time is better."""


def is_rate(metric: MetricRule) -> bool:
    """Work per time: `steps/s`, `per second`, or a name such as samples_per_s where there is no unit."""
    unit = metric.unit.strip()
    named = unit.lower() in _RATES or _PER.search(unit) if unit else _NAMED_RATE.search(metric.name)
    return bool(named) and _TROUBLE.isdisjoint(_parts(metric.name) + _parts(unit))


def is_time(metric: MetricRule) -> bool:
    """`ms`, `s/step` and the like, or a name such as step_time_ms where there is no unit.

    `s` alone ends many a name that has nothing to do with seconds; it counts where the rest is about time.
    """
    unit = metric.unit.strip()
    if unit:
        return unit.partition("/")[0].strip().lower() in _TIMES and not _PER.search(unit)
    *rest, tail = _parts(metric.name) or [""]
    if not rest or _NAMED_RATE.search(metric.name):
        return False
    return tail in _NAMED_TIMES or (tail == "s" and any(map(_is_about_time, rest)))


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


def _parts(name: str) -> list[str]:
    return [part.lower() for part in _WORDS.findall(name)]


def _is_about_time(part: str) -> bool:
    return part in _ABOUT_TIME or (part.endswith("time") and part not in _NO_DURATION)
