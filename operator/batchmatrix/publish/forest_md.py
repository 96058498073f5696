"""Forest plots as text of at most 80 columns: one row per cell, one axis for all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from batchmatrix.model.judging import Comparison
from batchmatrix.publish.fields import short_name
from batchmatrix.publish.forest import Axis, Span, axis_of, band_of, effect_text, rate_text, span_of

__all__ = ["effect_rows", "rate_rows"]

_PLOT = 31
"""Characters of the axis; an odd number has a middle."""

_NAME = 20
_GAP = 8 / _PLOT
"""Least distance between two labels, as a part of the axis."""

_RATES = Axis(log=False, low=0.0, high=1.0)


def effect_rows(comparisons: Sequence[Comparison]) -> list[str]:
    """Changes of one metric: head of the axis, then `cell  ·····[--●--]··  +4.1 %  word` for each comparison.

    `[` and `]` are the ends of the 95 % interval, arrows stand where it goes on beyond the axis; `|` is the baseline
    and `:` the margin of equivalence. Nothing where no comparison has an estimate.
    """
    axis = axis_of(comparisons)
    if axis is None:
        return []
    zero = {_column(axis.at(0)): "|"}
    rows = []
    for one in comparisons:
        marks = {_column(axis.at(end)): ":" for end in band_of(one) or ()} | zero
        dot = None if effect_text(one.estimate, one.scale) == "-" or one.estimate is None else axis.at(one.estimate)
        bar = _bar(dot, span_of(axis, one.low, one.high), marks)
        rows.append((one.cell, bar, effect_text(one.estimate, one.scale), one.word.value))
    return _lines(_head(axis.ticks(gap=_GAP)), rows)


def rate_rows(comparisons: Sequence[Comparison]) -> list[str]:
    """How often trials fail, on an axis from 0 to 100 % with Wilson's 95 % interval; each baseline before its cells."""
    rows: list[tuple[str, str, str, str]] = []
    baselines: set[str] = set()
    for one in comparisons:
        if one.baseline and one.baseline not in baselines and one.n0:
            baselines.add(one.baseline)
            rows.append(
                (one.baseline, _rate_bar(one.failed0, one.n0, one.rate0), rate_text(one.failed0, one.n0), "baseline")
            )
        bar = _rate_bar(one.failed, one.n, one.rate)
        rows.append((one.cell, bar, rate_text(one.failed, one.n), one.word.value))
    ticks = [(0.0, "0"), (0.5, "50 %"), (1.0, "100 %")]
    return _lines(_head(ticks), rows) if rows else []


def _rate_bar(failed: int, n: int, rate: tuple[float, float] | None) -> str:
    return _bar(failed / n if n else None, span_of(_RATES, *rate) if rate else None, {})


def _column(place: float) -> int:
    """Column of a position; -1 or _PLOT for what is off the axis."""
    return min(max(math.floor(min(max(place, -1.0), 2.0) * (_PLOT - 1) + 0.5), -1), _PLOT)


def _bar(dot: float | None, span: Span | None, marks: dict[int, str]) -> str:
    row = ["·"] * _PLOT
    for column, mark in marks.items():
        if 0 <= column < _PLOT:
            row[column] = mark
    if span is not None:
        left, right = _column(span.low), _column(span.high)
        row[left : right + 1] = "-" * (right + 1 - left)
        row[right] = "→" if span.cut_high else "]"
        row[left] = "←" if span.cut_low else "["
    if dot is not None:
        column = _column(dot)
        row[min(max(column, 0), _PLOT - 1)] = "●" if 0 <= column < _PLOT else "←" if column < 0 else "→"
    return "".join(row)


def _head(ticks: Sequence[tuple[float, str]]) -> str:
    """Labels, each with its middle over its place as far as the ends allow; what would touch another is left out."""
    row = [" "] * _PLOT
    for place, label in ticks:
        start = min(max(_column(place) - len(label) // 2, 0), _PLOT - len(label))
        around = row[max(start - 1, 0) : start + len(label) + 1]
        if not "".join(around).strip():
            row[start : start + len(label)] = label
    return "".join(row)


def _lines(head: str, rows: Sequence[tuple[str, str, str, str]]) -> list[str]:
    named = [(short_name(name, limit=_NAME), *rest) for name, *rest in rows]
    width = max(len(row[0]) for row in named)
    number = max(len(row[2]) for row in named)
    lines = [f"{'':{width}}  {head}".rstrip()]
    return lines + [f"{name:{width}}  {bar}  {text:>{number}}  {word}" for name, bar, text, word in named]
