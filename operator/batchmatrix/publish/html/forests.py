"""Forest plots against the baseline, and how often trials fail, as rows over one axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from batchmatrix.model.judging import FAILURES, Comparison, Judgement, JudgingRules, Word
from batchmatrix.publish.fields import shown_unit
from batchmatrix.publish.forest import (
    SIGNS,
    Axis,
    axis_of,
    band_of,
    effect_text,
    metrics_of,
    rate_text,
    span_of,
    tone_of,
)
from batchmatrix.publish.html.views import Bar, Plot, Row, labels_of, percent
from batchmatrix.publish.readings import Reading

__all__ = ["forest_plots"]

ROW_LIMIT = 100
METRIC_LIMIT = 6
TICK_LIMIT = 50
"""Trials of one row that are drawn."""

_RATES = Axis(log=False, low=-0.02, high=1.02)
_RATE_KEY = "Dot: share of trials that failed. Bar: 95 % interval (Wilson). Ring: the baseline."


def forest_plots(judgement: Judgement, rules: JudgingRules, readings: Mapping[str, list[Reading]]) -> list[Plot]:
    """One plot for failures and one per metric, in the order of the comparisons."""
    made = []
    named = len({one.baseline for one in judgement.comparisons}) > 1
    for metric, comparisons in list(metrics_of(judgement).items())[:METRIC_LIMIT]:
        shown = _chosen(comparisons)
        if metric == FAILURES:
            made.append(_rates(shown, len(comparisons) - len(shown), named=named))
        else:
            threshold = rules.confound.threshold if metric == _ratio_metric(rules, judgement) else None
            made.append(
                _effects(shown, len(comparisons) - len(shown), threshold, readings.get(metric, []), named=named)
            )
    return made


def _ratio_metric(rules: JudgingRules, judgement: Judgement) -> str:
    compared = [metric for metric in metrics_of(judgement) if metric != FAILURES]
    return rules.confound.metric or next(iter(compared), "")


def _chosen(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """In their order; where there are too many, those that have shown something stay."""
    dull = (Word.NO_EVIDENCE, Word.NOT_COMPARABLE)
    order = sorted(range(len(comparisons)), key=lambda at: comparisons[at].word in dull)
    return [comparisons[at] for at in sorted(order[:ROW_LIMIT])]


def _rates(comparisons: Sequence[Comparison], left_out: int, *, named: bool) -> Plot:
    rows: list[Row] = []
    baselines: set[str] = set()
    for one in comparisons:
        if one.baseline and one.baseline not in baselines and one.n0:
            baselines.add(one.baseline)
            rows.append(
                Row(
                    one.baseline,
                    word="baseline",
                    after=f": {rate_text(one.failed0, one.n0)} failed",
                    dot=percent(_RATES.at(one.failed0 / one.n0)),
                    hollow=True,
                    thin=_rate_bar(one.rate0),
                )
            )
        dot = percent(_RATES.at(one.failed / one.n)) if one.n else ""
        rows.append(_row(one, named=named, dot=dot, thin=_rate_bar(one.rate)))
    ticks = [(_RATES.at(share), f"{share * 100:.0f} %") for share in (0, 0.25, 0.5, 0.75, 1)]
    return Plot("How often trials fail", rows, labels_of(ticks), left_out=left_out, key=_RATE_KEY)


def _rate_bar(rate: tuple[float, float] | None) -> Bar | None:
    return Bar.of(span_of(_RATES, *rate)) if rate is not None else None


def _effects(
    comparisons: Sequence[Comparison],
    left_out: int,
    threshold: float | None,
    readings: Sequence[Reading],
    *,
    named: bool,
) -> Plot:
    first = comparisons[0]
    shown = shown_unit(first.metric, first.unit)
    title = f"{first.metric} ({shown})" if shown else first.metric
    axis = axis_of(comparisons, threshold=threshold)
    by_cell: dict[str, list[Reading]] = {}
    for reading in readings:
        by_cell.setdefault(reading.cell, []).append(reading)
    if axis is None:
        return Plot(title, [_row(one, named=named) for one in comparisons], left_out=left_out)
    rows = []
    for one in comparisons:
        known = one.estimate is not None and effect_text(one.estimate, one.scale) != "-"
        place = axis.at(one.estimate) if known and one.estimate is not None else -1.0
        band = band_of(one)
        rows.append(
            _row(
                one,
                named=named,
                dot=percent(place) if 0 <= place <= 1 else "",
                thin=Bar.of(span_of(axis, one.low, one.high)),
                thick=Bar.of(span_of(axis, one.low90, one.high90)),
                band=Bar.of(span_of(axis, *band)) if band is not None else None,
                trials=_ticks(one, axis, by_cell) if known else (),
            )
        )
    line = percent(axis.at(threshold - 1)) if threshold is not None and axis.log else ""
    keys = ["Dot: change against the baseline. Thick bar: 90 % interval, thin bar: 95 %. Small ticks: single trials."]
    if any(row.band for row in rows):
        keys.append("Shaded: differences within the margin, which count as equivalent.")
    if line:
        keys.append(f"Dashed: the ratio {threshold:g}, above which the ratio rule calls a cell slower.")
    return Plot(title, rows, labels_of(axis.ticks()), percent(axis.at(0)), line, left_out, " ".join(keys))


def _row(
    one: Comparison,
    *,
    named: bool,
    dot: str = "",
    thin: Bar | None = None,
    thick: Bar | None = None,
    band: Bar | None = None,
    trials: tuple[str, ...] = (),
) -> Row:
    tone = tone_of(one.word)
    before, word, after = one.text.partition(one.word.value)
    if not word:  # a text that does not hold its word comes after it
        before, after = "", f": {one.text}" if one.text else ""
    against = f"against {one.baseline}" if named and one.baseline else ""
    confounded = f"confounded: {', '.join(one.confounded)}" if one.confounded else ""
    return Row(
        one.cell,
        word=one.word.value,
        sign=SIGNS[tone],
        tone=tone,
        before=before,
        after=after,
        note="; ".join(part for part in (against, confounded) if part),
        dot=dot,
        thin=thin,
        thick=thick,
        band=band,
        trials=trials,
    )


def _ticks(one: Comparison, axis: Axis, by_cell: Mapping[str, list[Reading]]) -> tuple[str, ...]:
    """Where single trials stand against the mean of the baseline's, on the scale of the comparison."""
    ours, theirs = _counted(by_cell.get(one.cell, []), one.trials), _counted(by_cell.get(one.baseline, []), one.trials0)
    if axis.log:
        ours, theirs = [value for value in ours if value > 0], [value for value in theirs if value > 0]
    if not ours or not theirs:
        return ()
    if axis.log:
        centre = math.fsum(map(math.log, theirs)) / len(theirs)
        changes = [math.expm1(min(math.log(value) - centre, 700.0)) for value in ours]
    else:
        centre = math.fsum(value / len(theirs) for value in theirs)
        changes = [value - centre for value in ours]
    places = [axis.at(change) for change in changes[:TICK_LIMIT]]
    return tuple(percent(place) for place in places if 0 <= place <= 1)


def _counted(readings: Sequence[Reading], trials: Sequence[int]) -> list[float]:
    """Values that went into the comparison; where it names no trials, those of trials that succeeded."""
    return [one.value for one in readings if (one.trial in trials if trials else one.good)]
