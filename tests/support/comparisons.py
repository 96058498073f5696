"""Matrices of a few cells whose trials have known values, to compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from batchmatrix.model.evidence import Outcome
from batchmatrix.model.judging import CompareRule, Comparison, Judgement, JudgingRules, MetricRule
from batchmatrix.model.metric import MetricValue
from batchmatrix.model.summary import Summary, TrialResult
from batchmatrix.summarise.comparison.compare import compare
from batchmatrix.summarise.summary import summarise
from tests.support.records import a_cell, a_plan, a_result

__all__ = ["METRIC", "a_matrix", "judged", "row", "rules"]

METRIC = MetricRule("step_time_ms", "ms", "lower")

Ends = Sequence[float | Outcome | Mapping[str, Any] | None]
"""Per trial its value, or how it failed, or None while it runs, or a_result's own arguments."""


def a_matrix(cells: Mapping[str, Ends], *, metric: str = METRIC.name, unit: str = "ms") -> Summary:
    """A complete matrix with one metric."""
    made = {name: a_cell(name, trials=len(ends)) for name, ends in cells.items()}
    results = [
        _result(made[name], trial, end, metric) for name, ends in cells.items() for trial, end in enumerate(ends)
    ]
    return summarise(a_plan(*made.values()), results, units={metric: unit}, complete=True, started="", finished="")


def _result(cell: Any, trial: int, end: Any, metric: str) -> TrialResult:
    if end is None or isinstance(end, Outcome):
        return a_result(cell, trial, end)
    if not isinstance(end, Mapping):
        return a_result(cell, trial, metrics=[MetricValue(metric, "mean", end, 10)])
    changes = dict(end)
    outcome = changes.pop("outcome", Outcome.SUCCEEDED)
    stumbled = changes.pop("stumbled", False)
    values = [MetricValue(metric, "mean", changes.pop("value"), 10)] if "value" in changes else []
    made = a_result(cell, trial, outcome, metrics=values, **changes)
    return replace(made, stumbled=stumbled)


def rules(cells: Mapping[str, Any], *, baseline: str = "", metric: MetricRule = METRIC, **compare: Any) -> JudgingRules:
    """Every cell against the first one, or against `baseline`."""
    base = baseline or next(iter(cells))
    pairs = tuple((name, base) for name in cells if name != base)
    order = compare.pop("order", "rounds")
    return JudgingRules((metric,), pairs=pairs, baseline=base, compare=CompareRule(**compare), order=order)


def judged(cells: Mapping[str, Ends], **options: Any) -> Judgement:
    """The judgement of such a matrix; options are those of `rules`."""
    made = rules(cells, **options)
    return compare(a_matrix(cells, metric=made.metrics[0].name, unit=made.metrics[0].unit), made)


def row(judgement: Judgement, cell: str, metric: str = METRIC.name) -> Comparison:
    """The one comparison of a cell in a metric, or in how often it fails (metric FAILURES)."""
    (found,) = [each for each in judgement.comparisons if each.cell == cell and each.metric == metric]
    return found
