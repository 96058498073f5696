"""The heat map: one place per cell with the words of what it has shown, and everything about it to open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from batchmatrix.base.numbers import percent
from batchmatrix.base.text import counted, scalar_text
from batchmatrix.model.judging import FAILURES, Comparison, ConfoundReading, Finding, Judgement, Word
from batchmatrix.model.summary import CellSummary, Summary
from batchmatrix.publish.fields import mean_text
from batchmatrix.publish.forest import SIGNS, effect_text, rate_text, tone_of
from batchmatrix.publish.grid import Grid, grid_of

__all__ = ["HEAT_LIMIT", "HeatMap", "Place", "heat_map"]

HEAT_LIMIT = 600
"""Cells on the page; cells.csv has them all."""

_DULL = (Word.EQUIVALENT, Word.NO_EVIDENCE, Word.NOT_COMPARABLE)
_NOTES = 40


@dataclass(frozen=True, slots=True)
class Said:
    """One word with its sign and number."""

    sign: str
    word: str
    number: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """One cell of the grid."""

    name: str
    tone: str
    """`good`, `bad`, `mixed`, `even`, `open` or `base`."""
    said: Sequence[Said]
    failed: str
    """`2 of 5 failed`; empty if none did."""
    against: str
    """Where it is not as expected."""
    facts: Sequence[tuple[str, str]]
    """Names and texts for the details."""
    notes: Sequence[str] = field(default=())
    """Comparisons, checks and gates, one line each."""


@dataclass(frozen=True, slots=True)
class HeatMap:
    """The grid with a place for each cell."""

    grid: Grid
    places: Sequence[Place]
    left_out: int


def heat_map(summary: Summary) -> HeatMap:
    """The first HEAT_LIMIT cells."""
    judgement = summary.judgement or Judgement()
    compared: dict[str, list[Comparison]] = {}
    for one in judgement.comparisons:
        compared.setdefault(one.cell, []).append(one)
    baselines = {one.baseline for one in judgement.comparisons} | {judgement.baseline}
    found: dict[str, list[Finding]] = {}
    for finding in judgement.findings:
        found.setdefault(finding.cell, []).append(finding)
    readings = {reading.cell: reading for reading in judgement.confounds}
    cells = summary.cells[:HEAT_LIMIT]
    places = [
        _place(
            cell,
            compared.get(cell.name, []),
            found.get(cell.name, []),
            readings.get(cell.name),
            baseline=cell.name in baselines,
        )
        for cell in cells
    ]
    return HeatMap(grid_of(summary, limit=HEAT_LIMIT), places, len(summary.cells) - len(cells))


def _place(
    cell: CellSummary,
    compared: Sequence[Comparison],
    findings: Sequence[Finding],
    reading: ConfoundReading | None,
    *,
    baseline: bool,
) -> Place:
    tone, said, rated = _words(cell, compared, baseline=baseline)
    notes = [
        *(f"{'failures' if one.metric == FAILURES else one.metric}: {one.text}" for one in compared),
        *(f"{finding.kind} {finding.name}: {finding.status}, {finding.text}" for finding in findings),
    ]
    if reading is not None and reading.label not in ("", "none"):
        notes.append(f"ratio rule: {reading.label}{f', {reading.reading}' if reading.reading else ''}")
    return Place(
        name=cell.name,
        tone=tone,
        said=said,
        failed=f"{rate_text(cell.failed, cell.done)} failed" if cell.failed and not rated else "",
        against=f"not as expected: {cell.against}" if cell.met is False else "",
        facts=_facts(cell),
        notes=notes[:_NOTES],
    )


def _words(cell: CellSummary, compared: Sequence[Comparison], *, baseline: bool) -> tuple[str, list[Said], bool]:
    """Tone, what has been shown, and whether that tells how often trials fail."""
    if baseline:
        return "base", [Said("●", "baseline", _first_mean(cell))], False
    if not compared:
        return *_state(cell), False
    shown = [one for one in compared if one.word not in _DULL]
    if not shown:
        shown = [_first(compared)]
    tones = {tone_of(one.word) for one in shown}
    tone = "mixed" if {"good", "bad"} <= tones else tone_of(shown[0].word)
    first = next((one.metric for one in compared if one.metric != FAILURES), FAILURES)
    said = [Said(SIGNS[tone_of(one.word)], one.word.value, _number(one, first)) for one in shown[:3]]
    return tone, said, any(one.metric == FAILURES for one in shown[:3])


def _first(compared: Sequence[Comparison]) -> Comparison:
    """Where nothing is shown: the first metric, or failures where that cannot be compared."""
    metrics = [one for one in compared if one.metric != FAILURES]
    usable = [one for one in metrics if one.word is not Word.NOT_COMPARABLE]
    return next(iter(usable), compared[0])


def _number(one: Comparison, first: str) -> str:
    """Effect, with the name of its metric where that is not the first one."""
    if one.metric == FAILURES:
        return f"{rate_text(one.failed, one.n)} v {rate_text(one.failed0, one.n0)}"
    text = effect_text(one.estimate, one.scale, one.unit)
    if text == "-":
        return ""
    return text if one.metric == first else f"{one.metric} {text}"


def _state(cell: CellSummary) -> tuple[str, list[Said]]:
    if cell.done < cell.trials:
        return "open", [Said("…", f"{cell.done} of {cell.trials} done", _first_mean(cell))]
    if cell.met is None:
        return "open", [Said("?", "open", _first_mean(cell))]
    return (
        ("even", [Said("✓", "as expected", _first_mean(cell))]) if cell.met else ("bad", [Said("✗", "not as expected")])
    )


def _first_mean(cell: CellSummary) -> str:
    metric = next((one for one in cell.metrics if one.n), None)
    return f"{mean_text(metric.mean, None)} {metric.unit}".rstrip() if metric is not None else ""


def _facts(cell: CellSummary) -> list[tuple[str, str]]:
    metrics = (
        (one.name, f"{mean_text(one.mean, one.std)} {one.unit}".rstrip() + f", n {one.n}")
        for one in cell.metrics
        if one.n
    )
    attempts = counted(cell.attempts, "attempt")
    facts = [
        *((name, scalar_text(value)) for name, value in cell.values.items()),
        ("trials", f"{cell.done} of {cell.trials} done, {cell.succeeded} succeeded, {attempts}"),
        ("failure rate", f"{percent(cell.failure_rate, digits=3)} %" if cell.failure_rate else ""),
        ("outcomes", _counts(cell.outcomes)),
        ("exit codes", _counts(cell.exit_codes)),
        ("logs", _counts(cell.logs)),
        *metrics,
        ("nodes", ", ".join(cell.nodes[:8])),
    ]
    return [(name, text) for name, text in facts if text]


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())
