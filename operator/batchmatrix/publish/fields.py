"""What every form of the report needs: the columns of a summary, numbers as text, rows cut to a size."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from batchmatrix.base.text import one_line, scalar_text
from batchmatrix.model.summary import CellSummary, Summary

__all__ = ["axis_names", "axis_text", "fitting", "mean_text", "metric_units", "number_text", "short_name", "shown_unit"]


def axis_names(summary: Summary) -> list[str]:
    """All axes of the cells, in the order in which they first appear."""
    return list(dict.fromkeys(name for cell in summary.cells for name in cell.values))


def axis_text(cell: CellSummary, name: str) -> str:
    """The cell's value on an axis; `-` where it has none."""
    return scalar_text(cell.values[name]) if name in cell.values else "-"


def metric_units(summary: Summary) -> Mapping[str, str]:
    """Unit by metric, in the order in which the metrics first appear."""
    return {metric.name: metric.unit for cell in summary.cells for metric in cell.metrics}


def shown_unit(metric: str, unit: str) -> str:
    """The unit to be written behind a metric's name; empty where the name ends in it already."""
    return "" if metric.endswith(f"_{unit}") else unit


def number_text(value: float | None) -> str:
    """Enough digits to read back the very same number; empty for None and for what is not finite."""
    return repr(value) if value is not None and math.isfinite(value) else ""


def mean_text(mean: float | None, std: float | None) -> str:
    """`12.34 ± 0.56`: the deviation with two significant digits, the mean to the same place; `-` without a mean.

    Without a deviation, or with one of 0 or in the seventh place or further on, the mean has four significant digits.
    What would need more than seven digits is written with an exponent.
    """
    if mean is None:
        return "-"
    if not std:
        alone = f"{mean:.0f}" if 9999.5 <= abs(mean) < 1e7 else f"{mean:.4g}"
        return alone if std is None else f"{alone} ± 0"
    size = max(abs(mean), std)
    if size >= 1e7 or size < 1e-4:
        return f"{mean:.3e} ± {std:.1e}"
    places = max(1 - math.floor(math.log10(std)), 0)
    if places > 6:
        return f"{mean_text(mean, None)} ± {std:.1e}"
    return f"{mean:.{places}f} ± {std:.{places}f}"


def fitting(rows: Iterable[str], limit: int) -> list[str]:
    """The first rows that together take no more than `limit` bytes, one more byte each for the line's end."""
    kept: list[str] = []
    for row in rows:
        limit -= len(row.encode()) + 1
        if limit < 0:
            break
        kept.append(row)
    return kept


def short_name(name: str, *, limit: int) -> str:
    """A name in one line, cut in its middle where it is longer than `limit`: names of cells differ at their ends."""
    flat = one_line(name) or "-"
    tail = limit // 2 + 1
    return flat if len(flat) <= limit else f"{flat[: limit - tail - 1]}…{flat[len(flat) - tail :]}"
