"""Plots of a set of batches, each as PNG and SVG. Slow to import, as matplotlib is."""

from __future__ import annotations

import io
import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from batchmatrix.base.text import one_line
from batchmatrix.formats.batch_results import BatchRow

__all__ = ["HISTOGRAMS", "batch_plots"]

HISTOGRAMS = 100
"""Scenarios that get a histogram, the first in the order of their names."""

_BINS = 15
_NARROW = 1e-12
"""Share of the longest time below which the spread of times is too small for bins of its own."""
_LEAST = 1e-30
"""Seconds below which it is too small, too: what no clock tells apart, and no axis either."""
_LEGEND = 20
"""Scenarios that fit into a legend."""
_LABEL = 60
_STYLE: Any = {
    "svg.hashsalt": "batchmatrix",
    "text.parse_math": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.4,
}
_SETS = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}
"""What a file says of itself; without a date and a version the same input gives the same bytes."""


def batch_plots(rows: Sequence[BatchRow]) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each plot: `histogram-001.svg` (by the order of scenarios), `exit-codes.png`, and so on."""
    if not rows:
        return
    scenarios: defaultdict[str, list[BatchRow]] = defaultdict(list)
    for row in rows:
        scenarios[row.scenario].append(row)
    ordered = {name: scenarios[name] for name in sorted(scenarios)}
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a glyph that no font here has becomes a box
        for at, (name, own) in enumerate(list(ordered.items())[:HISTOGRAMS], start=1):
            yield from _files(f"histogram-{at:03d}", _histogram(name, own))
        yield from _files("exit-codes", _exit_codes(ordered))
        yield from _files("time-by-batch", _by_batch(ordered))


def _files(name: str, figure: Figure) -> Iterator[tuple[str, bytes]]:
    for form, about in _SETS.items():
        out = io.BytesIO()
        figure.savefig(out, format=form, metadata=about)
        yield f"{name}.{form}", out.getvalue()


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _histogram(name: str, rows: Sequence[BatchRow]) -> Figure:
    figure = _figure(8, 4)
    axes = figure.add_subplot()
    seconds = [row.seconds for row in rows]
    axes.hist(seconds, bins=_BINS, range=_range(seconds), edgecolor="black")
    axes.set_title(f"Execution times of {_label(name)}")
    axes.set_xlabel("Execution time in seconds")
    axes.set_ylabel("Number of tests")
    return figure


def _range(seconds: Sequence[float]) -> tuple[float, float]:
    """Where bins begin and end: at the shortest and the longest time, or around them where these are as good as one."""
    low, high = min(seconds), max(seconds)
    if high - low > max(_NARROW * high, _LEAST):
        return low, high
    reach = max(0.5, high / 1000)
    return low - reach, high + reach


def _exit_codes(scenarios: dict[str, list[BatchRow]]) -> Figure:
    figure = _figure(max(11, min(40, 0.5 * len(scenarios))), 5)
    axes = figure.add_subplot()
    codes = [[float(row.exit_code) for row in rows] for rows in scenarios.values()]
    axes.boxplot(codes, showmeans=True)
    axes.set_xticks(range(1, len(scenarios) + 1), [_label(name) for name in scenarios], rotation=25, ha="right")
    axes.set_title("Exit codes by scenario")
    axes.set_xlabel("Scenario")
    axes.set_ylabel("Exit code")
    return figure


def _by_batch(scenarios: dict[str, list[BatchRow]]) -> Figure:
    figure = _figure(11, 5)
    axes = figure.add_subplot()
    lines = []
    for rows in scenarios.values():
        times: defaultdict[int, list[float]] = defaultdict(list)
        for row in rows:
            times[row.batch].append(row.seconds)
        batches = sorted(times)
        means = [sum(times[batch]) / len(times[batch]) for batch in batches]
        lines += axes.plot(batches, means, marker="o")
    axes.set_title("Mean execution time over batches")
    axes.set_xlabel("Batch number")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel("Mean execution time in seconds")
    labels = [_label(name) for name in list(scenarios)[:_LEGEND]]
    if len(scenarios) > _LEGEND:
        labels[-1] = f"and {len(scenarios) - _LEGEND + 1} more"
    figure.legend(lines[: len(labels)], labels, loc="outside right upper", fontsize="small")
    return figure


def _label(name: str) -> str:
    """A name as matplotlib shows it: never left out of a legend for its underscore."""
    text = one_line(name, limit=_LABEL)
    return f" {text}" if text.startswith("_") else text
