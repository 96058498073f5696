"""Plots of the trials themselves: how they are spread, how they go in time, and with which exit codes they end."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from batchmatrix.model.judging import JudgingRules
from batchmatrix.model.summary import Summary
from batchmatrix.publish.fields import mean_text, metric_units, shown_unit
from batchmatrix.publish.forest import Axis, effect_text
from batchmatrix.publish.html.views import Label, Plot, Row, labels_of, percent
from batchmatrix.publish.readings import Reading, relative

__all__ = ["Code", "Trend", "exit_codes", "spreads", "trends"]

ROW_LIMIT = 100
METRIC_LIMIT = 6
POINT_LIMIT = 2000
DOT_LIMIT = 100
"""Trials of one row that are drawn."""

_CELLS = 4


@dataclass(frozen=True, slots=True)
class Trend:
    """Changes of trials against the mean of their own cells, in the order in which they started."""

    title: str
    points: Sequence[tuple[str, str]]
    """Across and down."""
    rounds: Sequence[tuple[str, str, str]]
    """Mean of each round: from, to, down."""
    labels: Sequence[Label]
    """Of the axis that goes down: `at` is from its top."""
    zero: str
    said: str
    """The means in words."""
    left_out: int


@dataclass(frozen=True, slots=True)
class Code:
    """How many trials ended with an exit code."""

    code: str
    trials: int
    width: str
    outcomes: str
    cells: str


def spreads(summary: Summary, readings: Mapping[str, list[Reading]]) -> list[Plot]:
    """Per metric, each cell's trials over one axis of its values."""
    made = []
    for name, unit in list(metric_units(summary).items())[:METRIC_LIMIT]:
        found = readings.get(name, [])
        if found:
            shown = shown_unit(name, unit)
            title = f"{name} ({shown})" if shown else name
            made.append(_spread(summary, name, title, found))
    return made


def _spread(summary: Summary, name: str, title: str, readings: Sequence[Reading]) -> Plot:
    values = [one.value for one in readings]
    axis = _axis(min(values), max(values))
    by_cell: dict[str, list[Reading]] = {}
    for reading in readings:
        by_cell.setdefault(reading.cell, []).append(reading)
    cells = [cell for cell in summary.cells if cell.name in by_cell]
    rows = []
    for cell in cells[:ROW_LIMIT]:
        own = by_cell[cell.name][:DOT_LIMIT]
        metric = next((one for one in cell.metrics if one.name == name), None)
        known = metric is not None and metric.n > 0
        text = f"{mean_text(metric.mean, metric.std)}, n {metric.n}" if metric is not None and known else "no mean"
        bad = sum(not one.good for one in by_cell[cell.name])
        text += f", {bad} of them failed" if bad else ""
        rows.append(
            Row(
                cell.name,
                after=text,
                trials=tuple(percent(axis.at(one.value)) for one in own if one.good),
                crosses=tuple(percent(axis.at(one.value)) for one in own if not one.good),
                dot=percent(axis.at(metric.mean)) if metric is not None and metric.mean is not None else "",
            )
        )
    keys = ["Ring: one trial. Line: the mean, with the standard deviation in the text."]
    if any(row.crosses for row in rows):
        keys.append(
            "Cross: a trial that failed, or passed on a retry only; its value counts in the mean and in no comparison."
        )
    return Plot(title, rows, labels_of(_ticks(axis)), left_out=len(cells) - len(rows), key=" ".join(keys))


def _axis(low: float, high: float) -> Axis:
    if abs(low) > 1e290 or abs(high) > 1e290:
        low, high = max(low, -1e290), min(high, 1e290)
    pad = (high - low) * 0.05 or abs(low) * 0.05 or 1.0
    return Axis(False, low - pad, high + pad)


def _ticks(axis: Axis) -> list[tuple[float, str]]:
    return [(place, text.lstrip("+")) for place, text in axis.ticks()]


def trends(summary: Summary, rules: JudgingRules, readings: Mapping[str, list[Reading]]) -> list[Trend]:
    """Per metric with at least two rounds, how trials go in time; what is not of one cell is made comparable first."""
    scales = {rule.name: rule.scale for rule in rules.metrics}
    made = []
    for name, unit in list(metric_units(summary).items())[:METRIC_LIMIT]:
        log = scales.get(name, "log") == "log" and all(one.value > 0 for one in readings.get(name, ()) if one.good)
        pairs = relative(readings.get(name, []), log=log)
        if len({one.trial for one, _ in pairs}) > 1:
            made.append(_trend(name, unit, pairs, log=log))
    return made


def _trend(name: str, unit: str, pairs: Sequence[tuple[Reading, float]], *, log: bool) -> Trend:
    scale = "log" if log else "linear"
    changes = [change for _, change in pairs]
    reach = max(max(map(abs, changes)), 1e-3 if log else 1e-12)
    axis = _axis(-reach, reach)
    step = max(1, -(-len(pairs) // POINT_LIMIT))
    last = max(1, len(pairs) - 1)
    rounds: dict[int, list[tuple[int, float]]] = {}
    for at, (one, change) in enumerate(pairs):
        rounds.setdefault(one.trial, []).append((at, change))
    means = {trial: math.fsum(change for _, change in own) / len(own) for trial, own in sorted(rounds.items())}
    lines = [
        (percent(own[0][0] / last), percent(own[-1][0] / last), percent(1 - axis.at(means[trial])))
        for trial, own in sorted(rounds.items())
    ]
    said = ", ".join(f"trial {trial} {effect_text(mean, scale, unit)}" for trial, mean in list(means.items())[:20])
    labels = [
        Label(percent(1 - place), f"{float(text) * 100:+.2g} %" if log and text != "0" else text, "end")
        for place, text in axis.ticks(gap=0.18)
    ]
    return Trend(
        title=name,
        points=[(percent(at / last), percent(1 - axis.at(changes[at]))) for at in range(0, len(pairs), step)],
        rounds=lines[:200],
        labels=labels,
        zero=percent(1 - axis.at(0)),
        said=said + (", …" if len(means) > 20 else ""),
        left_out=len(pairs) - len(range(0, len(pairs), step)),
    )


def exit_codes(summary: Summary) -> list[Code]:
    """Exit codes of the trials' last attempts, the most frequent first."""
    trials: Counter[str] = Counter()
    outcomes: dict[str, Counter[str]] = {}
    cells: dict[str, Counter[str]] = {}
    for result in summary.trials:
        if result.record is None:
            continue
        code = "none" if result.record.exit_code is None else str(result.record.exit_code)
        trials[code] += 1
        outcomes.setdefault(code, Counter())[result.record.outcome.value] += 1
        cells.setdefault(code, Counter())[result.cell] += 1
    most = max(trials.values(), default=1)
    return [
        Code(code, count, percent(count / most), _few(outcomes[code]), _few(cells[code]))
        for code, count in sorted(trials.items(), key=lambda item: (-item[1], item[0]))
    ][:40]


def _few(counts: Counter[str]) -> str:
    shown = ", ".join(f"{name} {count}" for name, count in counts.most_common(_CELLS))
    return f"{shown} and {len(counts) - _CELLS} more" if len(counts) > _CELLS else shown
