"""metrics.csv: one row per trial under columns that tools for lists of cases read.

The first nine columns are always the same, in the same order; other metrics, the values of axes as `param_*` and the
spec's labels as `tag_*` follow. The same results give the same bytes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

from batchmatrix.base.text import for_csv, one_line, scalar_text
from batchmatrix.model.cell import Scalar
from batchmatrix.model.evidence import Outcome
from batchmatrix.model.record import Record
from batchmatrix.model.summary import CellSummary, Summary
from batchmatrix.publish.fields import axis_names, metric_units, number_text

__all__ = ["METRICS_COLUMNS", "metrics_csv"]

METRICS_COLUMNS = (
    "case_id",
    "status",
    "run_seconds",
    "p95",
    "p99",
    "throughput_rps",
    "errors",
    "ts_start",
    "ts_end",
)
_MEASURED = METRICS_COLUMNS[3:7]

_PLAIN = (1e-4, 1e15)
"""Sizes that six digits behind the point show well."""


def metrics_csv(summary: Summary, *, tags: Mapping[str, Scalar] | None = None) -> str:
    """The trials that have a result, cells in their order. `tags` are the same for all rows.

    case_id is the cell's name, with the number of the trial behind a slash where the cell has several. status is OK,
    TIMEOUT, or FAIL for every other outcome, whoever is to blame. Times are RFC 3339, numbers have six digits behind
    the point, or nine and an exponent where they are too large or too small for that; what is not known is empty.
    """
    tags = tags or {}
    axes = axis_names(summary)
    others = [name for name in metric_units(summary) if name not in _MEASURED]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    more = [*map(_column, others), *(f"param_{name}" for name in axes), *(f"tag_{name}" for name in tags)]
    writer.writerow([_text(name) for name in (*METRICS_COLUMNS, *more)])
    cells = {cell.name: cell for cell in summary.cells}
    for result in summary.trials:
        if result.record is None:
            continue
        cell, record = cells[result.cell], result.record
        values = {metric.name: metric.value for metric in record.log.metrics}
        writer.writerow(
            [
                _text(cell.name if cell.trials == 1 else f"{cell.name}/{result.trial}"),
                _status(record),
                _number(record.run_seconds),
                *(_number(values.get(name)) for name in _MEASURED),
                _text(record.started),
                _text(record.finished),
                *(_number(values.get(name)) for name in others),
                *_params(cell, axes),
                *(_text(scalar_text(value)) for value in tags.values()),
            ]
        )
    return out.getvalue()


def _column(metric: str) -> str:
    """A metric that has the name of something else that is in every row is told apart."""
    return f"ext_{metric}" if metric in METRICS_COLUMNS else metric


def _status(record: Record) -> str:
    if record.outcome is Outcome.SUCCEEDED:
        return "OK"
    return "TIMEOUT" if record.outcome is Outcome.TIMEOUT else "FAIL"


def _params(cell: CellSummary, axes: list[str]) -> list[str]:
    return [_text(scalar_text(cell.values[name])) if name in cell.values else "" for name in axes]


def _number(value: float | None) -> str:
    if value is None or not number_text(float(value)):
        return ""
    low, high = _PLAIN
    return f"{value:.6f}" if value == 0 or low <= abs(value) < high else f"{value:.9e}"


def _text(text: str) -> str:
    return for_csv(one_line(text, limit=1024))
