"""The plots of the page as pictures of their own, for slides and for viewers without a browser.

The only module that imports matplotlib, which costs a second and some 60 MB.
"""

from __future__ import annotations

import html
import io
import re
import textwrap
import warnings
from collections.abc import Sequence
from typing import Any

from matplotlib import style
from matplotlib.figure import Figure

from batchmatrix.base.text import counted, one_line
from batchmatrix.model.judging import FAILURES, Judgement, JudgingRules
from batchmatrix.model.summary import Summary
from batchmatrix.publish.fields import metric_units, short_name
from batchmatrix.publish.forest import metrics_of
from batchmatrix.publish.html.forests import forest_plots
from batchmatrix.publish.html.heat import HeatMap, heat_map
from batchmatrix.publish.html.trials import Code, Trend, exit_codes, spreads, trends
from batchmatrix.publish.html.views import Plot, Row
from batchmatrix.publish.keys import safe_part
from batchmatrix.publish.readings import readings_of

__all__ = ["plots"]

_TONES = {"good": "#10653a", "bad": "#a3211b", "mixed": "#7a5200", "even": "#2a5a9c", "base": "#5b3fa0"}
_TINTS = {"good": "#d9f2e3", "bad": "#fde0dd", "mixed": "#fdf0c9", "even": "#dfebfb", "base": "#ebe5f8"}
_TEXT, _SOFT, _GRID, _BAND, _OPEN = "#1b1f24", "#545d68", "#e0e4e8", "#dfebfb", "#eff1f3"
_DPI = 110
_ROW = 0.3
"""Inches of one row."""

ROW_LIMIT = 60
"""Rows of one picture: what is more than a screen is for the page, and letters take most of the time."""

_STYLE = {
    "svg.hashsalt": "batchmatrix",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": ["DejaVu Sans"],
    "font.size": 8,
    "path.simplify": False,
}
"""Names of clips and marks follow from their contents, texts stay texts, and a dollar is a dollar."""

_NO_XML = re.compile("[\ufffe\uffff]")


def plots(summary: Summary, rules: JudgingRules) -> dict[str, bytes]:
    """File names with their contents, each plot as SVG and as PNG; the same input gives the same bytes.

    A forest plot per metric, failures, spread and trend per metric, exit codes and the grid: those that have
    something to show.
    """
    judgement = summary.judgement or Judgement()
    readings = readings_of(summary)
    drawn: list[tuple[str, str, Figure]] = []
    with warnings.catch_warnings(), style.context(["default", _STYLE]):
        warnings.simplefilter("ignore", UserWarning)  # letters that the font lacks are drawn as boxes
        compared = zip(metrics_of(judgement), forest_plots(judgement, rules, readings), strict=False)
        for metric, plot in compared:
            if plot.labels:
                name = "failures" if metric == FAILURES else f"forest-{safe_part(metric)}"
                drawn.append((name, plot.title, _rows(plot, spread=False)))
        measured = [name for name in metric_units(summary) if readings.get(name)]
        for metric, plot in zip(measured, spreads(summary, readings), strict=False):
            drawn.append((f"trials-{safe_part(metric)}", f"Trials: {plot.title}", _rows(plot, spread=True)))
        for trend in trends(summary, rules, readings):
            drawn.append((f"trend-{safe_part(trend.title)}", f"Trend: {trend.title}", _trend(trend)))
        codes = exit_codes(summary)
        if codes:
            drawn.append(("exit-codes", "Exit codes", _codes(codes)))
        if summary.cells:
            drawn.append(("grid", "Grid", _grid(heat_map(summary))))
        made: dict[str, bytes] = {}
        for name, title, figure in drawn:
            made[f"{name}.svg"] = _svg(figure, _clean(title, 100))
            made[f"{name}.png"] = _png(figure)
    return made


def _svg(figure: Figure, title: str) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": "BatchMatrix", "Title": title})
    heading = f"<title>{html.escape(title)}</title>\n <metadata>".encode()
    return out.getvalue().replace(b"<metadata>", heading, 1)


def _png(figure: Figure) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=_DPI, metadata={"Software": None})
    return out.getvalue()


def _clean(text: str, limit: int) -> str:
    return _NO_XML.sub("\ufffd", one_line(text, limit=limit))


def _at(percent: str) -> float:
    return float(percent.rstrip("%")) / 100


def _rows(plot: Plot, *, spread: bool) -> Figure:
    """Names at the left, what is drawn in the middle, the same in words at the right."""
    rows = plot.rows[:ROW_LIMIT]
    count = len(rows)
    left_out = plot.left_out + len(plot.rows) - count
    figure, axes = _figure(12.0, count * _ROW + 1.1, left=0.2, right=0.56, below=0.3, above=0.75)
    more = f" ({counted(left_out, 'more cell')} in matrix.json)" if left_out else ""
    axes.set_title(_clean(plot.title, 80) + more, loc="left", fontsize=10, pad=22, color=_TEXT)
    key = "\n".join(textwrap.wrap(_clean(plot.key, 400), 150))
    axes.text(0, 1.0, key, transform=axes.transAxes, fontsize=6, color=_SOFT, va="bottom")
    axes.set_xlim(0, 1)
    axes.set_ylim(count - 0.5, -0.5)
    axes.set_xticks([_at(label.at) for label in plot.labels], [label.text for label in plot.labels])
    axes.set_yticks(range(count), [_clean(short_name(row.name, limit=38), 38) for row in rows])
    axes.grid(axis="x", color=_GRID)
    for place, look, colour in ((plot.zero, "-", _TEXT), (plot.threshold, "--", _SOFT)):
        if place:
            axes.axvline(_at(place), linestyle=look, color=colour, linewidth=1.0)
    colours = [_TONES.get(row.tone, _TEXT if row.hollow else _SOFT) for row in rows]
    for at, (row, colour) in enumerate(zip(rows, colours, strict=True)):
        words = _clean(f"{row.before}{row.sign} {row.word}{row.after}".strip(), 80)
        axes.text(1.02, at, words, color=_TEXT if spread else colour, va="center", fontsize=6.5)
    (_spread if spread else _forest)(axes, rows, colours)
    return figure


def _forest(axes: Any, rows: Sequence[Row], colours: Sequence[str]) -> None:
    """Everything of one kind at once: an artist each would cost seconds."""
    bands = [(at, row.band) for at, row in enumerate(rows) if row.band is not None]
    axes.barh(
        [at for at, _ in bands], [_at(bar.width) for _, bar in bands], left=[_at(bar.low) for _, bar in bands],
        height=1, color=_BAND, zorder=0.5,
    )  # fmt: skip
    for bars, width, alpha in (([row.thin for row in rows], 1.3, 1.0), ([row.thick for row in rows], 4.5, 0.5)):
        shown = [(at, bar) for at, bar in enumerate(bars) if bar is not None]
        axes.hlines(
            [at for at, _ in shown], [_at(bar.low) for _, bar in shown], [_at(bar.high) for _, bar in shown],
            colors=[colours[at] for at, _ in shown], linewidth=width, alpha=alpha, zorder=2,
        )  # fmt: skip
    for place, mark in ((0.0, "<"), (1.0, ">")):
        cut = [at for at, row in enumerate(rows) if row.thin and (row.thin.cut_high if place else row.thin.cut_low)]
        axes.scatter([place] * len(cut), cut, marker=mark, s=30, c=[colours[at] for at in cut], clip_on=False, zorder=3)
    ticks = [(_at(one), at + 0.32) for at, row in enumerate(rows) for one in row.trials]
    axes.plot([x for x, _ in ticks], [y for _, y in ticks], "|", color=_TEXT, markersize=4)
    dots = [(_at(row.dot), at) for at, row in enumerate(rows) if row.dot]
    fill = ["white" if rows[at].hollow else colours[at] for _, at in dots]
    edge = [colours[at] for _, at in dots]
    axes.scatter([x for x, _ in dots], [at for _, at in dots], s=26, c=fill, edgecolors=edge, zorder=4)


def _spread(axes: Any, rows: Sequence[Row], colours: Sequence[str]) -> None:
    del colours  # trials have no tone
    for mark, colour, kind in (("o", _TONES["even"], "trials"), ("x", _TONES["bad"], "crosses")):
        places = [(_at(one), at) for at, row in enumerate(rows) for one in getattr(row, kind)]
        axes.plot(
            [x for x, _ in places], [at for _, at in places], mark, color=colour, markersize=4.5, fillstyle="none"
        )
    means = [(_at(row.dot), at) for at, row in enumerate(rows) if row.dot]
    low, high = [at - 0.32 for _, at in means], [at + 0.32 for _, at in means]
    axes.vlines([x for x, _ in means], low, high, colors=_TEXT, linewidth=1.8)


def _trend(trend: Trend) -> Figure:
    figure, axes = _figure(9.0, 3.4, left=0.09, right=0.98, below=0.45, above=0.45)
    axes.set_title(f"{_clean(trend.title, 80)}: trials against the mean of their own cell", loc="left", fontsize=10)
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(1, 0)
    axes.set_xticks([])
    axes.set_xlabel("trials in the order in which they started; lines: means of first, second and later trials")
    axes.set_yticks([_at(label.at) for label in trend.labels], [label.text for label in trend.labels])
    axes.grid(axis="y", color=_GRID)
    axes.axhline(_at(trend.zero), color=_TEXT, linewidth=1.0)
    axes.plot(
        [_at(x) for x, _ in trend.points], [_at(y) for _, y in trend.points], "o", color=_TONES["even"], markersize=3
    )
    low, high, down = ([_at(one[at]) for one in trend.rounds] for at in range(3))
    axes.hlines(down, low, high, colors=_TEXT, linewidth=2, zorder=3)
    return figure


def _codes(codes: list[Code]) -> Figure:
    figure, axes = _figure(9.0, len(codes) * _ROW + 0.9, left=0.09, right=0.5, below=0.35, above=0.45)
    axes.set_title("Exit codes of the trials' last attempts", loc="left", fontsize=10)
    axes.barh(range(len(codes)), [one.trials for one in codes], height=0.6, color=_TONES["even"])
    axes.set_yticks(range(len(codes)), [one.code for one in codes])
    axes.set_ylim(len(codes) - 0.5, -0.5)
    axes.xaxis.get_major_locator().set_params(integer=True)
    for at, one in enumerate(codes):
        axes.text(
            1.02,
            at,
            _clean(f"{one.outcomes}: {one.cells}", 90),
            transform=axes.get_yaxis_transform(),
            va="center",
            fontsize=6.5,
        )
    return figure


def _grid(heat: HeatMap) -> Figure:
    rows, columns = heat.grid.rows[:ROW_LIMIT], heat.grid.columns
    width = 2.6 + 1.45 * len(columns)
    figure, axes = _figure(width, len(rows) * 0.5 + 0.9, left=2.5 / width, right=1 - 0.1 / width, below=0.1, above=0.7)
    left = (
        len(heat.places) + heat.left_out - sum(len(heat.grid.places.get((row, c), ())) for row in rows for c in columns)
    )
    axes.set_title(
        "What each cell has shown" + (f" ({counted(left, 'more cell')} in cells.csv)" if left else ""),
        loc="left",
        pad=18,
    )
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.xaxis.tick_top()
    named = [f"{heat.grid.across} {column}" if heat.grid.across else "result" for column in columns]
    axes.set_xticks(range(len(columns)), [_clean(name, 22) for name in named])
    axes.set_yticks(range(len(rows)), [_clean(short_name(" · ".join(row), limit=34), 34) for row in rows])
    for down, row in enumerate(rows):
        for across, column in enumerate(columns):
            here = [heat.places[at] for at in heat.grid.places.get((row, column), ())]
            if not here:
                continue
            said = [line for one in here[0].said[:1] for line in (f"{one.sign} {one.word}", one.number) if line]
            also = f"and {here[0].said[1].word}" if len(here[0].said) > 1 else ""
            more = [text for text in (also, here[0].failed, f"and {len(here) - 1} more" if here[1:] else "") if text]
            axes.broken_barh([(across - 0.47, 0.94)], (down - 0.45, 0.9), color=_TINTS.get(here[0].tone, _OPEN))
            lines = "\n".join(_clean(line, 26) for line in [*said, *more][:3])
            colour = _TONES.get(here[0].tone, _SOFT)
            axes.text(across, down, lines, ha="center", va="center", fontsize=6.5, color=colour)
    return figure


def _figure(
    width: float, height: float, *, left: float, right: float, below: float, above: float
) -> tuple[Figure, Any]:
    """A figure with one field; `left` and `right` are parts of its width, `below` and `above` inches, so that rows keep
    their height however many there are.
    """
    figure = Figure(figsize=(width, height))
    axes = figure.subplots()
    figure.subplots_adjust(left=left, right=right, bottom=below / height, top=1 - above / height)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0, colors=_TEXT)
    return figure, axes
