"""A metric of one attempt."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MetricValue"]


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
