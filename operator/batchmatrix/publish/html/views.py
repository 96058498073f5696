"""What the template draws: positions as percentages of a width, and texts; nothing of it is escaped yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from batchmatrix.publish.forest import Span

__all__ = ["Bar", "Label", "Plot", "Row", "labels_of", "percent"]


def percent(place: float) -> str:
    """A position from 0 to 1 as SVG takes it."""
    return f"{min(max(place, 0.0), 1.0) * 100:.2f}%"


@dataclass(frozen=True, slots=True)
class Label:
    """One label of an axis."""

    at: str
    text: str
    anchor: str
    """`start`, `middle` or `end`: at the ends of the axis a label must not stick out."""


@dataclass(frozen=True, slots=True)
class Bar:
    """An interval; an end that goes on beyond the axis gets an arrow."""

    low: str
    high: str
    width: str
    cut_low: bool = False
    cut_high: bool = False

    @classmethod
    def of(cls, span: Span | None) -> Bar | None:
        """None where there is no interval on the axis."""
        if span is None:
            return None
        return cls(percent(span.low), percent(span.high), percent(span.high - span.low), span.cut_low, span.cut_high)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a plot: a name, what is drawn, and the same in words."""

    name: str
    word: str = ""
    sign: str = ""
    tone: str = ""
    before: str = ""
    """What is said of it, up to the word."""
    after: str = ""
    note: str = ""
    dot: str = ""
    hollow: bool = False
    thin: Bar | None = None
    thick: Bar | None = None
    band: Bar | None = None
    trials: tuple[str, ...] = ()
    """Positions of single trials."""
    crosses: tuple[str, ...] = ()
    """Positions of trials that did not succeed at once."""


@dataclass(frozen=True, slots=True)
class Plot:
    """Rows over one axis."""

    title: str
    rows: Sequence[Row]
    labels: Sequence[Label] = ()
    zero: str = ""
    """Position of the baseline."""
    threshold: str = ""
    left_out: int = 0
    """Rows that the page has no room for."""
    key: str = ""
    """What the drawn things mean."""


def labels_of(ticks: Sequence[tuple[float, str]]) -> list[Label]:
    """Labels of an axis from positions and texts."""
    return [
        Label(percent(place), text, "start" if place < 0.06 else "end" if place > 0.94 else "middle")
        for place, text in ticks
    ]
