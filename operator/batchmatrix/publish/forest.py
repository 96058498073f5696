"""Where effects stand on the axis of a forest plot, and how they read: shared by text, page and pictures.

Ratios stand on a logarithmic axis with labels in percent, so that half and double are equally far from the baseline;
differences stand on a plain one. All rows of one plot share one axis.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from batchmatrix.base.numbers import percent, quantity
from batchmatrix.model.judging import Comparison, Judgement, Word

__all__ = [
    "SIGNS",
    "Axis",
    "Span",
    "axis_of",
    "band_of",
    "effect_text",
    "metrics_of",
    "rate_text",
    "span_of",
    "tone_of",
]

_TICKS = (0, 1, -0.5, 0.5, -0.2, 0.2, 0.1, -0.1, 2, 4, -0.8, 9, -0.9, 0.3, -0.3, 0.05, -0.05, 0.02, -0.02, 0.01, -0.01)
"""Shares that may be labelled, those that should be first."""

_GAP = 0.13
"""Least distance between two labels, as a part of the axis."""

_HUGE = 1e290
"""Effects beyond it are shown as numbers alone: no difference of two that are drawn may overflow."""

_TONES = {
    Word.FIXES: "good",
    Word.FASTER: "good",
    Word.BETTER: "good",
    Word.BREAKS: "bad",
    Word.SLOWER: "bad",
    Word.WORSE: "bad",
    Word.EQUIVALENT: "even",
}
SIGNS = {"good": "▲", "bad": "▼", "even": "=", "open": "?"}
"""What stands beside a word, so that it can be found at a glance without colour."""


def tone_of(word: Word) -> str:
    """`good`, `bad`, `even` or `open`: what colours and signs repeat of a word."""
    return _TONES.get(word, "open")


def metrics_of(judgement: Judgement) -> dict[str, list[Comparison]]:
    """Comparisons by metric in the order in which they first appear, FAILURES among them."""
    made: dict[str, list[Comparison]] = {}
    for comparison in judgement.comparisons:
        made.setdefault(comparison.metric, []).append(comparison)
    return made


@dataclass(frozen=True, slots=True)
class Axis:
    """A range of effects; positions run from 0 at its left end to 1 at its right."""

    log: bool
    low: float
    """Ends on the scale that is drawn: log(1 + share), or the difference itself."""
    high: float
    unit: str = ""

    def at(self, effect: float) -> float:
        """Position of an effect, below 0 or above 1 where it is off the axis."""
        return (_drawn(effect, self.log) - self.low) / (self.high - self.low)

    def ticks(self, *, gap: float = _GAP) -> list[tuple[float, str]]:
        """Positions and labels from left to right, no two of them closer than `gap`."""
        chosen: list[tuple[float, str]] = []
        for value in _TICKS if self.log else _steps(self.low, self.high):
            place = self.at(value)
            if 0 <= place <= 1 and all(abs(place - other) >= gap for other, _ in chosen):
                chosen.append((place, _tick_text(value, self.log, self.high - self.low)))
        return sorted(chosen)


@dataclass(frozen=True, slots=True)
class Span:
    """An interval on an axis, cut at its ends."""

    low: float
    high: float
    """Positions from 0 to 1."""
    cut_low: bool = False
    cut_high: bool = False
    """It goes on beyond the end of the axis."""


def axis_of(comparisons: Sequence[Comparison], *, threshold: float | None = None) -> Axis | None:
    """One axis for all of them; None if none has an estimate.

    It holds every estimate, 0, the margin and the ratio `threshold`; an interval may stick out of these by as much as
    they span together, so that a wide one does not press all others together.
    """
    shown = (one.estimate for one in comparisons if _usable(one.estimate, one.scale))
    estimates = [estimate for estimate in shown if estimate is not None]
    if not estimates:
        return None
    log = comparisons[0].scale == "log"
    bands = [band for one in comparisons if (band := band_of(one)) is not None]
    marks = [0.0, *estimates, *(end for band in bands for end in band)]
    if log and threshold is not None and threshold > 0:
        marks.append(threshold - 1)
    drawn = [_drawn(mark, log) for mark in marks]
    inner = min(drawn), max(drawn)
    room = (inner[1] - inner[0]) or 1.0
    ends = [_drawn(end, log) for one in comparisons for end in (one.low, one.high) if _usable(end, one.scale)]
    low = max(min([inner[0], *ends]), inner[0] - room)
    high = min(max([inner[1], *ends]), inner[1] + room)
    pad = (high - low) * 0.04 if high - low > 1 / _HUGE else 1.0
    return Axis(log, low - pad, high + pad, "" if log else comparisons[0].unit)


def span_of(axis: Axis, low: float | None, high: float | None) -> Span | None:
    """An interval as positions; None where there is none, or where it lies beside the axis."""
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return None
    left, right = axis.at(low), axis.at(high)
    if right < 0 or left > 1:
        return None
    return Span(max(left, 0.0), min(right, 1.0), cut_low=left < 0, cut_high=right > 1)


def band_of(comparison: Comparison) -> tuple[float, float] | None:
    """Effects that count as equivalent: symmetric as ratios, or as differences."""
    margin = comparison.margin
    if margin is None or not math.isfinite(margin) or margin <= 0:
        return None
    return (-margin / (1 + margin) if comparison.scale == "log" else -margin), margin


def effect_text(effect: float | None, scale: str, unit: str = "") -> str:
    """`+4.1 %` for a share, `-0.35 ms` for a difference; `-` where there is none."""
    if effect is None or not math.isfinite(effect):
        return "-"
    if scale == "log":
        return f"{percent(effect, signed=True)} %"
    return f"{quantity(effect, signed=True)} {unit}".rstrip()


def rate_text(failed: int, n: int) -> str:
    """`4 of 5`."""
    return f"{failed} of {n}"


def _usable(effect: float | None, scale: str) -> TypeGuard[float]:
    return effect is not None and abs(effect) < _HUGE and (scale != "log" or effect > -1)


def _drawn(effect: float, log: bool) -> float:
    if not log:
        return effect
    return math.log1p(effect) if effect > -1 else -math.inf


def _steps(low: float, high: float) -> Iterable[float]:
    """0 and multiples of 1, 2 or 5 times a power of ten, some five of them on the axis."""
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    return sorted((at * step for at in range(math.ceil(low / step), math.floor(high / step) + 1)), key=abs)


def _tick_text(value: float, log: bool, width: float) -> str:
    """With as many places as it takes to tell labels of an axis of that width apart."""
    if not value:
        return "0"
    if log:
        return f"{value * 100:+.0f} %"
    places = max(0, 1 - math.floor(math.log10(width)))
    if places > 6 or abs(value) >= 1e7:
        return f"{value:+.6g}"
    text = f"{value:+.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
