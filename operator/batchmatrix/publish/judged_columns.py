"""Columns of cells.csv that came with judging: behind all others, so that those stay where they were."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from batchmatrix.model.judging import FAILURES, Comparison, Finding, overall
from batchmatrix.model.summary import CellSummary, MetricSummary, Summary
from batchmatrix.publish.fields import metric_units

__all__ = ["Judged"]

Field = str | int | float | None

_FIXED = ("failure_rate", "gpu_seconds", "baseline", "word", "confound", "checks", "gates", "mean_run_seconds")
_STATISTICS = ("p50", "p90", "p99", "outliers", "low", "high")
_COMPARED = ("word", "effect", "low", "high", "p_holm", "reason")


@dataclass(frozen=True, slots=True)
class Judged:
    """What a summary says of its cells beyond their counts, ready to be asked for each of them."""

    metrics: Sequence[str]
    compared: Sequence[str]
    """Metrics that are compared, FAILURES among them."""
    comparisons: Mapping[str, Mapping[str, Comparison]]
    confounds: Mapping[str, str]
    findings: Mapping[str, Sequence[Finding]]

    @classmethod
    def of(cls, summary: Summary) -> Judged:
        """All of it."""
        judgement = summary.judgement
        comparisons: defaultdict[str, dict[str, Comparison]] = defaultdict(dict)
        findings: defaultdict[str, list[Finding]] = defaultdict(list)
        compared: dict[str, None] = {}
        for comparison in judgement.comparisons if judgement is not None else ():
            comparisons[comparison.cell][comparison.metric] = comparison
            compared[comparison.metric] = None
        for finding in judgement.findings if judgement is not None else ():
            findings[finding.cell].append(finding)
        confounds = {each.cell: each.label for each in judgement.confounds} if judgement is not None else {}
        return cls(list(metric_units(summary)), list(compared), comparisons, confounds, findings)

    @property
    def header(self) -> list[str]:
        """Names of the columns."""
        more = [f"metric_{name}_{what}" for name in self.metrics for what in _STATISTICS]
        prefixes = ["failures" if name == FAILURES else f"compare_{name}" for name in self.compared]
        return [*_FIXED, *more, *(f"{prefix}_{what}" for prefix in prefixes for what in _COMPARED)]

    def row(self, cell: CellSummary) -> list[Field]:
        """The fields of one cell."""
        own = self.comparisons.get(cell.name, {})
        findings = self.findings.get(cell.name, ())
        fields: list[Field] = [
            cell.failure_rate,
            cell.gpu_seconds,
            next((each.baseline for each in own.values()), None),
            overall(own.values()).value if own else None,
            self.confounds.get(cell.name),
            _counts(each.status for each in findings if each.kind == "check"),
            _counts(each.status for each in findings if each.kind == "gate"),
            cell.mean_run_seconds,
        ]
        by_name = {metric.name: metric for metric in cell.metrics}
        for name in self.metrics:
            fields += _statistics(by_name.get(name))
        for name in self.compared:
            fields += _comparison(own.get(name))
        return fields


def _statistics(metric: MetricSummary | None) -> list[Field]:
    if metric is None:
        return [None] * len(_STATISTICS)
    return [metric.p50, metric.p90, metric.p99, metric.outliers, metric.low, metric.high]


def _comparison(found: Comparison | None) -> list[Field]:
    if found is None:
        return [None] * len(_COMPARED)
    reason = found.reasons[0] if found.reasons else ""
    return [found.word.value, found.estimate, found.low, found.high, found.p_holm, reason]


def _counts(statuses: Iterable[str]) -> str:
    counts = Counter(statuses)
    return ";".join(f"{status}={counts[status]}" for status in ("pass", "fail", "inconclusive") if counts[status])
