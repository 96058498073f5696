"""How logs are to be read, and what one attempt's log gave."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["METRIC_SOURCES", "METRIC_STRATEGIES", "NO_RULES", "MetricDefinition", "MetricValue", "ReadingRules"]

METRIC_SOURCES = ("prefix", "json", "keyvalue", "regex", "token")
"""Forms in which a log line can hold a metric."""

METRIC_STRATEGIES = ("latest", "first", "min", "max", "mean", "sum", "count", "p50", "p90", "p95", "p99")
"""How the values of one log become one."""


@dataclass(frozen=True, slots=True)
class MetricDefinition:
    """How one metric is read from a log."""

    name: str
    source: str
    """One of METRIC_SOURCES."""
    key: str = ""
    """Name in the log for prefix, json (dots go into objects), keyvalue and token; empty means `name`."""
    pattern: str = ""
    """RE2 expression for source regex: the value is group `value`, else group 1, else each matching line gives 1."""
    strategy: str = "latest"
    """One of METRIC_STRATEGIES."""
    warmup: int = 0
    """How many of the first valid values are left out."""
    required: bool = False
    unit: str = ""
    token: str = ""
    """Text that marks the line for source token; the last line that holds it counts."""


@dataclass(frozen=True, slots=True)
class ReadingRules:
    """All that a spec says about reading logs; what was read by other rules can be read again from the store."""

    metrics: tuple[MetricDefinition, ...] = ()
    end_marker: str = ""
    """Text that a log must hold to count as whole; empty where none is asked for."""


NO_RULES = ReadingRules()
"""Nothing is read from a log."""


@dataclass(frozen=True, slots=True)
class MetricValue:
    """One metric as read from one attempt's log."""

    name: str
    strategy: str
    value: float | None
    """None where no valid value was found."""
    count: int
    """Valid values that went into it (after the warm-up was left out)."""
    invalid: int = 0
    """Values that were not finite numbers; they are counted and never averaged."""
    unit: str = ""
    message: str = ""
    """Why there is no value although values were found; one line."""
