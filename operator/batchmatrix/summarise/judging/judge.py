"""The whole of judging: statistics, comparisons, checks and gates, and the verdict that follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from batchmatrix.model.judging import Judgement, JudgingRules
from batchmatrix.model.summary import MetricSummary, Summary, TrialResult
from batchmatrix.summarise.judging.checks import checks
from batchmatrix.summarise.judging.elsewhere import elsewhere
from batchmatrix.summarise.judging.gates import gates
from batchmatrix.summarise.judging.intervals import mean_interval
from batchmatrix.summarise.judging.scope import by_cell
from batchmatrix.summarise.trials import number, reading
from batchmatrix.summarise.verdict import verdict

__all__ = ["judge"]


def judge(summary: Summary, rules: JudgingRules) -> Summary:
    """`summary` with intervals, judgement, verdict and reason; one that is not complete stays as it is.

    The same summary and rules give the same result, and what an earlier judging left in the summary does not count:
    a stored one can be judged anew by other rules.
    """
    if not summary.complete:
        return summary
    summary = _with_intervals(summary, rules)
    judgement = _compared(summary, rules)
    findings = (*checks(summary, rules), *gates(summary, rules, judgement.comparisons))
    word, reason = verdict(summary.cells, complete=True, findings=findings, stopped=summary.stopped)
    left = elsewhere(rules)
    warnings = (left, *judgement.warnings) if left else judgement.warnings
    judgement = replace(judgement, findings=findings, warnings=warnings)
    return replace(summary, verdict=word, reason=reason, judgement=judgement)


def _compared(summary: Summary, rules: JudgingRules) -> Judgement:
    if not rules.pairs and not rules.baseline:
        return Judgement()
    from batchmatrix.summarise.comparison.compare import compare  # a second to load, and most runs compare nothing

    return compare(summary, rules)


def _with_intervals(summary: Summary, rules: JudgingRules) -> Summary:
    scales = {metric.name: metric.scale for metric in rules.metrics}
    results = by_cell(summary)
    cells = []
    for cell in summary.cells:
        own = results.get(cell.name, {})
        cells.append(replace(cell, metrics=tuple(_metric(each, own, scales) for each in cell.metrics)))
    return replace(summary, cells=tuple(cells))


def _metric(metric: MetricSummary, results: Mapping[int, TrialResult], scales: Mapping[str, str]) -> MetricSummary:
    records = [result.record for result in results.values() if result.record is not None]
    values = [value for record in records if (value := number(reading(record, metric.name))) is not None]
    found = mean_interval(values, scales.get(metric.name, "linear"))
    if found is None:
        return replace(metric, low=None, high=None, interval="")
    return replace(metric, low=found.low, high=found.high, interval=found.kind)
