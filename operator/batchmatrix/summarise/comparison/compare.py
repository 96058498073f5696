"""All comparisons of a matrix: the order in which a judgement comes to be, on one screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from batchmatrix.model.judging import (
    FAILURES,
    Comparison,
    Judgement,
    JudgingRules,
    MetricRule,
    Word,
)
from batchmatrix.model.summary import CellSummary, Summary, TrialResult
from batchmatrix.summarise.comparison.metrics import metric_rows
from batchmatrix.summarise.comparison.overview import headline, same_way
from batchmatrix.summarise.comparison.pair import Pair
from batchmatrix.summarise.comparison.rates import rate_rows
from batchmatrix.summarise.comparison.ratio_rule import ratio_rule
from batchmatrix.summarise.comparison.reasons import Reason
from batchmatrix.summarise.comparison.sample import Trials, gather

__all__ = ["compare", "compare_metric", "compared_metrics"]


def compare(summary: Summary, rules: JudgingRules) -> Judgement:
    """Headline, comparisons, confounds and warnings of a matrix; its findings are for others to add.

    Failures first: who fails more has only its survivors' times to show. Pairs whose cells the summary does not hold
    count among the planned ones and have no row.
    """
    pairs = _pairs(summary, rules)
    metrics = compared_metrics(rules)
    failures = rate_rows(pairs, rules.compare)
    families = [failures, *(metric_rows(metric, pairs, rules.compare, failures=failures) for metric in metrics)]
    rows = _arranged(summary.cells, rules, families, metrics)
    comparisons = tuple(row for own in rows.values() for row in own)
    flagged = _confound_metric(rules, metrics)
    confounds, warnings = ratio_rule(summary.cells, flagged, rules, comparisons) if flagged else ((), ())
    return Judgement(
        headline=headline(rows),
        baseline=rules.baseline,
        comparisons=comparisons,
        confounds=confounds,
        warnings=(*same_way(comparisons, rules.compare.level), *warnings),
    )


def compare_metric(
    summary: Summary, rules: JudgingRules, metric: MetricRule, failures: Mapping[str, Comparison]
) -> list[Comparison]:
    """Each pair in one metric, whether the rules ask for it or not; `failures` are the comparisons of them, by cell."""
    pairs = _pairs(summary, rules)
    return metric_rows(metric, pairs, rules.compare, failures=[failures.get(pair.cell) for pair in pairs])


def compared_metrics(rules: JudgingRules) -> tuple[MetricRule, ...]:
    """Those that compare.metrics names, in its order; else all that have a direction."""
    known = {metric.name: metric for metric in rules.metrics}
    if rules.compare.metrics:
        return tuple(known.get(name, MetricRule(name)) for name in rules.compare.metrics)
    return tuple(metric for metric in rules.metrics if metric.direction)


def _confound_metric(rules: JudgingRules, compared: Sequence[MetricRule]) -> MetricRule | None:
    name = rules.confound.metric
    if not name:
        return compared[0] if compared else None
    return next((metric for metric in rules.metrics if metric.name == name), MetricRule(name))


def _pairs(summary: Summary, rules: JudgingRules) -> list[Pair]:
    trials, nothing = _gather(summary), Trials(0)
    return [
        Pair(cell, base, trials.get(cell, nothing), trials.get(base, nothing), rules.order != "cells")
        for cell, base in rules.pairs
    ]


def _gather(summary: Summary) -> dict[str, Trials]:
    results: dict[str, list[TrialResult]] = {cell.name: [] for cell in summary.cells}
    for result in summary.trials:
        if result.cell in results:
            results[result.cell].append(result)
    return {cell.name: gather(results[cell.name], cell.trials) for cell in summary.cells}


def _arranged(
    cells: Sequence[CellSummary],
    rules: JudgingRules,
    families: Sequence[Sequence[Comparison]],
    metrics: Sequence[MetricRule],
) -> dict[str, list[Comparison]]:
    """The rows of each cell in plan order, failures first; where there are pairs, cells without one say why."""
    found: dict[str, list[Comparison]] = {cell.name: [] for cell in cells}
    for family in families:
        for row in family:
            if row.cell in found:
                found[row.cell].append(row)
    bases = {base for _, base in rules.pairs} | {rules.baseline}
    for name, own in found.items():
        if not own and rules.pairs and name not in bases:
            own += [_alone(name, metric) for metric in (MetricRule(FAILURES), *metrics)]
    return {name: own for name, own in found.items() if own}


def _alone(cell: str, metric: MetricRule) -> Comparison:
    return Comparison(
        cell=cell,
        baseline="",
        metric=metric.name,
        unit=metric.unit,
        word=Word.NOT_COMPARABLE,
        reasons=(Reason.NO_BASELINE.value,),
        text="not comparable · no baseline agrees with it on all other axes and on the hardware",
        n=0,
        n0=0,
        scale=metric.scale,
    )
