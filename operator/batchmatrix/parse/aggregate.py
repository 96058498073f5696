"""Many values of one metric in one log become one."""

from __future__ import annotations

import math
from array import array

from batchmatrix.model.metric import METRIC_STRATEGIES

__all__ = ["MAX_VALUES", "Series"]

MAX_VALUES = 250_000
"""Values that are kept for a percentile (2 MB, some 50 ms to sort); other strategies keep none and know no limit."""


class Series:
    """The values of one metric in the order of the log.

    Percentiles interpolate linearly between the two nearest ranks (numpy's default). A percentile over more than
    `limit` values has no value and says so: an estimate would not be the figure that was asked for.
    """

    def __init__(self, strategy: str, *, warmup: int = 0, limit: int = MAX_VALUES) -> None:
        """Raises ValueError for an unknown strategy or a negative warm-up."""
        if strategy not in METRIC_STRATEGIES:
            raise ValueError(f"strategy {strategy!r} is not one of {', '.join(METRIC_STRATEGIES)}")
        if warmup < 0:
            raise ValueError(f"warmup {warmup} is negative")
        self._strategy = strategy
        self._left_out = warmup
        self._limit = limit
        self._values = array("d")
        self._keeps = strategy.startswith("p")
        self._value = 0.0
        self._lost = 0.0
        self.count = 0
        """Valid values after the warm-up."""
        self.invalid = 0

    def add(self, value: float | None) -> None:
        """Take one more value, in log order; None or what is not finite is counted as invalid only."""
        if value is None or not math.isfinite(value):
            self.invalid += 1
        elif self._left_out:
            self._left_out -= 1
        else:
            self.count += 1
            self._take(value)

    def _take(self, value: float) -> None:
        if self._keeps:
            if len(self._values) < self._limit:
                self._values.append(value)
            return
        match self._strategy:
            case "latest":
                self._value = value
            case "first":
                self._value = value if self.count == 1 else self._value
            case "min":
                self._value = value if self.count == 1 else min(self._value, value)
            case "max":
                self._value = value if self.count == 1 else max(self._value, value)
            case "mean" | "sum":
                self._add_exactly(value)
            case _:
                pass  # count needs no more than the count

    def _add_exactly(self, value: float) -> None:
        """Neumaier's sum: what rounding loses is kept aside, so a long run of small steps keeps its digits."""
        total = self._value + value
        if abs(self._value) >= abs(value):
            self._lost += (self._value - total) + value
        else:
            self._lost += (value - total) + self._value
        self._value = total

    def result(self) -> tuple[float | None, str]:
        """The one value, and why there is none although there were values. `count` of nothing is 0."""
        if self._strategy == "count":
            return float(self.count), ""
        if self.count == 0:
            return None, ""
        if self._keeps:
            if self.count > self._limit:
                text = (
                    f"{self._strategy} needs all values and there are more than {self._limit}: print fewer, or use mean"
                )
                return None, text
            return _percentile(sorted(self._values), int(self._strategy[1:]) / 100), ""
        value = self._value
        if self._strategy in ("sum", "mean"):
            value += self._lost
            value = value / self.count if self._strategy == "mean" else value
        return (value, "") if math.isfinite(value) else (None, f"{self._strategy} is beyond the range of a float")


def _percentile(ordered: list[float], share: float) -> float:
    rank = share * (len(ordered) - 1)
    low = math.floor(rank)
    high = min(low + 1, len(ordered) - 1)
    part = rank - low
    # Both weights, as the difference of two huge values may overflow where neither of them does.
    return ordered[low] * (1 - part) + ordered[high] * part
