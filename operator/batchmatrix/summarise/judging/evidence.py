"""What gates look at: the values of a cell, its comparison with its baseline, and why neither may be believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from batchmatrix.base.text import one_line
from batchmatrix.model.evidence import Outcome
from batchmatrix.model.judging import FAILURES, Comparison, JudgingRules, MetricRule
from batchmatrix.model.summary import CellSummary, Summary, TrialResult
from batchmatrix.summarise.comparison.reasons import Reason
from batchmatrix.summarise.comparison.survivors import lacks
from batchmatrix.summarise.judging.scope import by_cell
from batchmatrix.summarise.trials import number, reading, selected

__all__ = ["CONFOUNDED", "SELECTED", "Look", "Sample", "look_at"]

CONFOUNDED, SELECTED = "confounded", Reason.RERUN_SELECTED.value
"""Why nothing may be read from a change."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One metric of one cell."""

    values: tuple[float, ...]
    """Of the trials that succeeded at once: those of others flatter, as what was slow may have failed for it."""
    whole: bool
    """Every planned trial gave one, and nothing in its log that was no number."""
    few: bool
    """So many gave none that those that are left may flatter the cell."""
    words: str
    """How many did."""


@dataclass(frozen=True, slots=True)
class Look:
    """All that the gates of one summary look at."""

    summary: Summary
    rules: JudgingRules
    cells: Mapping[str, CellSummary]
    results: Mapping[str, Mapping[int, TrialResult]]
    bases: Mapping[str, str]
    """Cell to the one that it is held against."""
    comparisons: Mapping[tuple[str, str], Comparison]
    """By cell and metric, those that the rules ask for."""
    doubts: Mapping[str, str]
    """Cell to CONFOUNDED or SELECTED where one of these comparisons is: it holds for whatever it measured."""
    samples: dict[tuple[str, str], Sample] = field(default_factory=dict)
    """Those that were looked at before: of a baseline it is always the same."""
    more: dict[str, Mapping[str, Comparison]] = field(default_factory=dict)
    """Metric to comparisons by cell, of metrics that nobody but a gate compares."""

    def metric(self, name: str) -> MetricRule:
        """What the rules say of a metric."""
        return next((each for each in self.rules.metrics if each.name == name), MetricRule(name))

    def sample(self, cell: str, metric: str) -> Sample:
        """The values of a metric in a cell of the summary."""
        if (cell, metric) not in self.samples:
            self.samples[cell, metric] = self._sample(cell, metric)
        return self.samples[cell, metric]

    def compared(self, cell: str, metric: str) -> Comparison:
        """A cell of the summary against its baseline, made by the same rules where the judgement does not have it."""
        known = self.comparisons.get((cell, metric))
        if known is not None:
            return known
        if metric not in self.more:
            from batchmatrix.summarise.comparison.compare import compare_metric  # a second to load, and seldom needed

            failures = {each.cell: each for each in self.comparisons.values() if each.metric == FAILURES}
            rows = compare_metric(self.summary, self.rules, self.metric(metric), failures)
            self.more[metric] = {each.cell: each for each in rows}
        return self.more[metric][cell]

    def fails(self, cell: str) -> tuple[str, ...]:
        """What was shown of how often a cell fails, as reasons of that comparison."""
        found = self.comparisons.get((cell, FAILURES))
        return found.reasons if found is not None else ()

    def selected(self, cell: str) -> bool:
        """Whether only some trials of a cell were run again."""
        return selected(self.results.get(cell, {}).values())

    def doubt(self, compared: Comparison) -> str:
        """CONFOUNDED or SELECTED, where nothing may be read from a comparison; else empty."""
        if compared.confounded and not self.rules.compare.allow_confounded:
            return CONFOUNDED
        chosen = any(self.selected(cell) for cell in (compared.cell, compared.baseline))
        return self.doubts.get(compared.cell, SELECTED if chosen else "")

    def _sample(self, cell: str, metric: str) -> Sample:
        results, trials = self.results.get(cell, {}), self.cells[cell].trials
        values, sound = [], 0
        for trial in range(trials):
            record = results[trial].record if trial in results else None
            if record is None or record.outcome is not Outcome.SUCCEEDED or results[trial].stumbled:
                continue
            found = reading(record, metric)
            value = number(found)
            if found is not None and value is not None:
                values.append(value)
                sound += not found.invalid
        return Sample(
            values=tuple(values),
            whole=0 < sound == trials,
            few=lacks(trials - len(values), trials),
            words=f"{sound} of {trials} trials of {one_line(cell, limit=63)}",
        )


def look_at(summary: Summary, rules: JudgingRules, comparisons: Sequence[Comparison]) -> Look:
    """`comparisons` are those of the judgement."""
    doubts = {each.cell: SELECTED for each in comparisons if SELECTED in each.reasons}
    if not rules.compare.allow_confounded:
        doubts |= {each.cell: CONFOUNDED for each in comparisons if each.confounded}
    return Look(
        summary=summary,
        rules=rules,
        cells={cell.name: cell for cell in summary.cells},
        results=by_cell(summary),
        bases=dict(rules.pairs),
        comparisons={(each.cell, each.metric): each for each in comparisons},
        doubts=doubts,
    )
