"""cells.csv and trials.csv: LF, fixed columns first, then one per axis, then the metrics. Numbers as they are.

Columns that come later stand behind all others.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence

from batchmatrix.base.text import for_csv, one_line, scalar_text
from batchmatrix.model.summary import CellSummary, Summary, TrialResult
from batchmatrix.publish.fields import axis_names, metric_units, number_text
from batchmatrix.publish.judged_columns import Judged

__all__ = ["CELL_COLUMNS", "TRIAL_COLUMNS", "cells_csv", "trials_csv"]

CELL_COLUMNS = (
    "cell",
    "cell_hash",
    "trials",
    "done",
    "succeeded",
    "failed",
    "expect",
    "met",
    "attempts",
    "outcomes",
    "exit_codes",
    "logs",
    "nodes",
    "images",
    "message",
)
TRIAL_COLUMNS = (
    "cell",
    "cell_hash",
    "trial",
    "state",
    "attempts",
    "attempt",
    "rerun",
    "seed",
    "outcome",
    "blame",
    "reason",
    "exit_code",
    "signal",
    "job",
    "pod",
    "pod_uid",
    "node",
    "image",
    "image_digest",
    "created",
    "started",
    "finished",
    "run_seconds",
    "gpu_seconds",
    "hold_until",
    "log_state",
    "log_bytes",
    "log_lines",
    "log_long_lines",
    "log_malformed",
    "log_sha256",
    "log_key",
    "message",
)
_STATISTICS = ("n", "mean", "std", "min", "max")

_FIELD = 1024
"""Characters of one field."""

Field = str | int | float | None


def cells_csv(summary: Summary, *, limit: int | None = None) -> str:
    """One row per cell; with `limit` only as many as fit into that many bytes, the header always."""
    metrics = [f"metric_{name}_{what}" for name in metric_units(summary) for what in _STATISTICS]
    judged = Judged.of(summary)
    return _table([*_header(CELL_COLUMNS, summary, metrics), *judged.header], _cell_rows(summary, judged), limit)


def trials_csv(summary: Summary) -> str:
    """One row per trial that the summary holds, with its last attempt."""
    metrics = [f"metric_{name}" for name in metric_units(summary)]
    return _table([*_header(TRIAL_COLUMNS, summary, metrics), "stumbled"], _trial_rows(summary), None)


def _header(fixed: Iterable[str], summary: Summary, metrics: Iterable[str]) -> list[Field]:
    return [*fixed, *(f"axis_{name}" for name in axis_names(summary)), *metrics]


def _cell_rows(summary: Summary, judged: Judged) -> Iterator[list[Field]]:
    axes, names = axis_names(summary), metric_units(summary)
    for cell in summary.cells:
        by_name = {metric.name: metric for metric in cell.metrics}
        row: list[Field] = [
            cell.name,
            cell.hash,
            cell.trials,
            cell.done,
            cell.succeeded,
            cell.failed,
            cell.expect,
            None if cell.met is None else scalar_text(cell.met),
            cell.attempts,
            _counts(cell.outcomes),
            _counts(cell.exit_codes),
            _counts(cell.logs),
            _listed(cell.nodes),
            _listed(cell.images),
            cell.message,
        ]
        row += _axes(cell, axes)
        for name in names:
            metric = by_name.get(name)
            row += [metric.n, metric.mean, metric.std, metric.min, metric.max] if metric else [None] * len(_STATISTICS)
        yield [*row, *judged.row(cell)]


def _trial_rows(summary: Summary) -> Iterator[list[Field]]:
    axes, names = axis_names(summary), metric_units(summary)
    cells = {cell.name: cell for cell in summary.cells}
    for result in summary.trials:
        cell = cells[result.cell]
        row: list[Field] = [result.cell, cell.hash, result.trial, result.state, result.attempts]
        row += _record(result)
        row += _axes(cell, axes)
        metrics = result.record.log.metrics if result.record is not None else ()
        values = {metric.name: metric.value for metric in metrics}
        yield [*row, *(values.get(name) for name in names), scalar_text(result.stumbled)]


def _record(result: TrialResult) -> list[Field]:
    record = result.record
    if record is None:
        return [None] * (len(TRIAL_COLUMNS) - 5)
    return [
        record.id.attempt,
        record.rerun,
        record.seed,
        record.outcome.value,
        record.blame.value,
        record.reason,
        record.exit_code,
        record.signal,
        record.job,
        record.pod,
        record.pod_uid,
        record.node,
        record.image,
        record.image_digest,
        record.created,
        record.started,
        record.finished,
        record.run_seconds,
        record.gpu_seconds,
        record.hold_until,
        record.log.state.value,
        record.log.bytes,
        record.log.lines,
        record.log.long_lines,
        record.log.malformed,
        record.log.sha256,
        record.log.key,
        record.message,
    ]


def _axes(cell: CellSummary, axes: Iterable[str]) -> list[Field]:
    return [scalar_text(cell.values[name]) if name in cell.values else None for name in axes]


def _counts(counts: Mapping[str, int]) -> str:
    return _listed([f"{name}={count}" for name, count in counts.items()])


def _listed(names: Sequence[str]) -> str:
    """`a;b;c`, each whole: those that do not fit into a field are counted at its end (`a;b;… 7 more`)."""
    flat = [one_line(name, limit=_FIELD // 4) for name in names]
    if len(";".join(flat)) <= _FIELD:
        return ";".join(flat)
    kept, room = 0, _FIELD - len(f"… {len(flat)} more")
    while room > len(flat[kept]):
        room -= len(flat[kept]) + 1
        kept += 1
    return ";".join([*flat[:kept], f"… {len(flat) - kept} more"])


def _table(header: list[Field], rows: Iterable[list[Field]], limit: int | None) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([_text(field) for field in header])
    if limit is not None:
        limit -= len(out.getvalue().encode())
    for row in rows:
        start = out.tell()
        writer.writerow([_text(field) for field in row])
        if limit is not None:
            out.seek(start)
            limit -= len(out.read().encode())
            if limit < 0:
                out.truncate(start)
                break
    return out.getvalue()


def _text(field: Field) -> str:
    if isinstance(field, str):
        return for_csv(one_line(field, limit=_FIELD))
    return number_text(field) if isinstance(field, float) else "" if field is None else str(field)
