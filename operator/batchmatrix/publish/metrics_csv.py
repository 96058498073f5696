"""metrics.csv: one row per trial under columns that tools for lists of cases read.

The first nine columns are always the same, in the same order. Then come three metrics that such tools know by name, if
there are any, the values of axes as `param_*`, all other metrics as `ext_*`, the spec's labels as `tag_*`, and what OK,
FAIL and TIMEOUT do not say as `note_*`. The same results give the same bytes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping

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
_PERFORMANCE = ("cpu_util", "mem_peak_mb", "queue_depth_p95")
_NOTES = ("outcome", "message")
_EXTENSION = "ext_"

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
    units = metric_units(summary)
    known = [name for name in _PERFORMANCE if name in units]
    others = [name for name in units if name not in _MEASURED and name not in _PERFORMANCE]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    more = [*known, *(f"param_{name}" for name in axes), *(_extension(name, others) for name in others)]
    more += [*(f"tag_{name}" for name in tags), *(f"note_{name}" for name in _NOTES)]
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
                *(_number(values.get(name)) for name in known),
                *_params(cell, axes),
                *(_number(values.get(name)) for name in others),
                *(_text(scalar_text(value)) for value in tags.values()),
                record.outcome.value,
                _text(record.message),
            ]
        )
    return out.getvalue()


def _extension(metric: str, others: Collection[str]) -> str:
    """`ext_<name>`; a metric that is called so itself stays as it is, unless that is the column of another one."""
    own = metric.removeprefix(_EXTENSION)
    return metric if own != metric and own not in others else _EXTENSION + metric


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
    if value == 0:
        value = 0.0  # also for the one with a minus
    return f"{value:.6f}" if value == 0 or low <= abs(value) < high else f"{value:.9e}"


def _text(text: str) -> str:
    return for_csv(one_line(text, limit=1024))
