"""The summary for programs: versioned JSON, keys in a fixed order, one line per cell and per trial."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

from batchmatrix.base.text import one_line
from batchmatrix.model.record import Record
from batchmatrix.model.summary import CellSummary, Summary, TrialResult
from batchmatrix.publish.fields import fitting

__all__ = ["SUMMARY_SCHEMA", "summary_json"]

SUMMARY_SCHEMA = 1


def summary_json(
    summary: Summary,
    *,
    location: str = "",
    trials: bool = True,
    limit: int | None = None,
    truncated: bool = False,
) -> str:
    """The JSON text, ASCII only, with one newline at its end.

    `location` is where the full files lie. With `limit` only as many cells as fit into that many bytes are in it.
    Its member `truncated` says whether some are missing here, or in another file (the argument `truncated`);
    without `trials` those are left out, and that is not a cut.
    """
    rows = [_dump(_trial(trial)) for trial in summary.trials] if trials else None
    lines = (_dump(_cell(cell)) for cell in summary.cells)
    if limit is None:
        return _assemble(summary, location, list(lines), rows, truncated=truncated)
    frame = len(_assemble(summary, location, [], rows, truncated=False))
    # each row takes an indent of 4 and a comma, the line's end is counted by fitting; 2 more close the list
    kept = [line[:-5] for line in fitting((line + " " * 5 for line in lines), limit - frame - 2)]
    return _assemble(summary, location, kept, rows, truncated=truncated or len(kept) < len(summary.cells))


def _assemble(
    summary: Summary, location: str, cells: Iterable[str], trials: Iterable[str] | None, *, truncated: bool
) -> str:
    members = [f"  {_dump(name)}: {_dump(value)}" for name, value in _head(summary, location, truncated).items()]
    members.append(f'  "cells": {_list(cells)}')
    if trials is not None:
        members.append(f'  "trials": {_list(trials)}')
    return "{\n" + ",\n".join(members) + "\n}\n"


def _list(rows: Iterable[str]) -> str:
    lines = ",\n".join(f"    {row}" for row in rows)
    return f"[\n{lines}\n  ]" if lines else "[]"


def _head(summary: Summary, location: str, truncated: bool) -> dict[str, Any]:
    outcomes: Counter[str] = Counter()
    logs: Counter[str] = Counter()
    for cell in summary.cells:
        outcomes.update(cell.outcomes)
        logs.update(cell.logs)
    return {
        "schema": SUMMARY_SCHEMA,
        "namespace": summary.namespace,
        "name": summary.name,
        "uid": summary.uid,
        "generation": summary.generation,
        "complete": summary.complete,
        "verdict": summary.verdict,
        "reason": one_line(summary.reason),
        "started": summary.started,
        "finished": summary.finished,
        "counts": {
            "cells": len(summary.cells),
            "trials": sum(cell.trials for cell in summary.cells),
            "done": sum(cell.done for cell in summary.cells),
            "succeeded": sum(cell.succeeded for cell in summary.cells),
            "failed": sum(cell.failed for cell in summary.cells),
            "attempts": sum(cell.attempts for cell in summary.cells),
        },
        "outcomes": dict(sorted(outcomes.items())),
        "logs": dict(sorted(logs.items())),
        "results": location,
        "truncated": truncated,
    }


def _cell(cell: CellSummary) -> dict[str, Any]:
    return {
        "name": cell.name,
        "hash": cell.hash,
        "values": cell.values,
        "trials": cell.trials,
        "done": cell.done,
        "succeeded": cell.succeeded,
        "failed": cell.failed,
        "expect": cell.expect,
        "met": cell.met,
        "attempts": cell.attempts,
        "outcomes": cell.outcomes,
        "exitCodes": cell.exit_codes,
        "logs": cell.logs,
        "nodes": cell.nodes,
        "images": cell.images,
        "metrics": [
            {
                "name": metric.name,
                "unit": metric.unit,
                "n": metric.n,
                "mean": metric.mean,
                "std": metric.std,
                "min": metric.min,
                "max": metric.max,
            }
            for metric in cell.metrics
        ],
        "message": one_line(cell.message),
    }


def _trial(trial: TrialResult) -> dict[str, Any]:
    row: dict[str, Any] = {
        "cell": trial.cell,
        "trial": trial.trial,
        "state": trial.state,
        "attempts": trial.attempts,
    }
    return row if trial.record is None else {**row, **_record(trial.record)}


def _record(record: Record) -> dict[str, Any]:
    return {
        "attempt": record.id.attempt,
        "rerun": record.rerun,
        "seed": record.seed,
        "outcome": record.outcome,
        "blame": record.blame,
        "reason": record.reason,
        "message": one_line(record.message),
        "exitCode": record.exit_code,
        "signal": record.signal,
        "job": record.job,
        "pod": record.pod,
        "podUid": record.pod_uid,
        "node": record.node,
        "image": record.image,
        "imageDigest": record.image_digest,
        "created": record.created,
        "started": record.started,
        "finished": record.finished,
        "runSeconds": record.run_seconds,
        "gpuSeconds": record.gpu_seconds,
        "holdUntil": record.hold_until,
        "log": {
            "state": record.log.state,
            "bytes": record.log.bytes,
            "lines": record.log.lines,
            "sha256": record.log.sha256,
            "key": record.log.key,
            "message": one_line(record.log.message),
        },
        "metrics": {metric.name: _finite(metric.value) for metric in record.log.metrics},
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _dump(value: Any) -> str:
    """Compact, and ASCII: nothing in it can steer a terminal that it is printed on."""
    return json.dumps(value, separators=(", ", ": "), allow_nan=False)
