"""The summary for programs: versioned JSON, keys in a fixed order, one line per cell and per trial."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from batchmatrix.base.text import one_line
from batchmatrix.model.evidence import Captured
from batchmatrix.model.exits import recommended_exit
from batchmatrix.model.judging import NO_RULES, Judgement, JudgingRules
from batchmatrix.model.metric import MetricValue
from batchmatrix.model.record import Record
from batchmatrix.model.rules_json import rules_to_dict
from batchmatrix.model.summary import CellSummary, MetricSummary, Summary, TrialResult
from batchmatrix.publish.fields import fitting
from batchmatrix.publish.plain import plain

__all__ = ["SUMMARY_SCHEMA", "summary_json"]

SUMMARY_SCHEMA = 1


_SHARES = {"findings": 1 / 4, "comparisons": 1 / 3, "confounds": 1 / 6}
"""Of what is left, how much each list may take where there is a limit; cells have the rest."""


def summary_json(
    summary: Summary,
    *,
    rules: JudgingRules = NO_RULES,
    location: str = "",
    trials: bool = True,
    limit: int | None = None,
    truncated: bool = False,
) -> str:
    """The JSON text, ASCII only, with one newline at its end.

    `rules` are those that it was judged by, `location` is where the full files lie. With `limit` only as many rows as
    fit into that many bytes are in it. Its member `truncated` says whether some are missing here, or in another file
    (the argument `truncated`); without `trials` those and the rules are left out, and that is not a cut.
    """
    judgement = summary.judgement
    rows = {
        "findings": [plain(each) for each in judgement.findings] if judgement else [],
        "comparisons": [plain(each) for each in judgement.comparisons] if judgement else [],
        "confounds": [plain(each) for each in judgement.confounds] if judgement else [],
        "cells": [_cell(cell) for cell in summary.cells],
    }
    lists = {name: [_dump(row) for row in found] for name, found in rows.items()}
    if trials:
        whole = [_dump(_trial(trial)) for trial in summary.trials]
        return _assemble(summary, location, lists, truncated=truncated, trials=whole, rules=rules)
    if limit is None:
        return _assemble(summary, location, lists, truncated=truncated)
    kept = {name: [] if found else found for name, found in lists.items()}
    left = limit - len(_assemble(summary, location, kept, truncated=False))
    for name, found in lists.items():
        # a row takes an indent and a comma, its line's end is counted by fitting; closing the list takes a line too
        indent = 4 if name == "cells" else 6
        share = int(left * _SHARES.get(name, 1)) - (indent - 2)
        kept[name] = [line[: -indent - 1] for line in fitting((line + " " * (indent + 1) for line in found), share)]
        left -= sum(len(line) + indent + 2 for line in kept[name]) + (indent - 2 if kept[name] else 0)
    cut = any(len(kept[name]) < len(found) for name, found in lists.items())
    return _assemble(summary, location, kept, truncated=truncated or cut)


def _assemble(
    summary: Summary,
    location: str,
    lists: Mapping[str, Sequence[str]],
    *,
    truncated: bool,
    trials: Sequence[str] | None = None,
    rules: JudgingRules | None = None,
) -> str:
    members = [f"  {_dump(name)}: {_dump(value)}" for name, value in _head(summary, location, truncated).items()]
    if rules is not None:
        members.append(f'  "rules": {_dump(rules_to_dict(rules))}')
    members.append(f'  "judgement": {_judgement(summary.judgement, lists)}')
    members.append(f'  "cells": {_list(lists["cells"])}')
    if trials is not None:
        members.append(f'  "trials": {_list(trials)}')
    return "{\n" + ",\n".join(members) + "\n}\n"


def _judgement(judgement: Judgement | None, lists: Mapping[str, Sequence[str]]) -> str:
    if judgement is None:
        return "null"
    head = {
        "headline": one_line(judgement.headline),
        "baseline": judgement.baseline,
        "warnings": [one_line(warning) for warning in judgement.warnings],
    }
    members = [f"    {_dump(name)}: {_dump(value)}" for name, value in head.items()]
    members += [f"    {_dump(name)}: {_list(lists[name], 2)}" for name in ("findings", "comparisons", "confounds")]
    return "{\n" + ",\n".join(members) + "\n  }"


def _list(rows: Sequence[str], deeper: int = 0) -> str:
    if not rows:
        return "[]"
    pad = " " * (2 + deeper)
    lines = ",\n".join(f"{pad}  {row}" for row in rows)
    return f"[\n{lines}\n{pad}]"


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
        "suspended": summary.suspended,
        "named": summary.named,
        "verdict": summary.verdict,
        "reason": one_line(summary.reason),
        "stopped": one_line(summary.stopped),
        "recommendedExitCode": recommended_exit(summary.verdict, summary) if summary.complete else None,
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
        "metrics": [_metric(metric) for metric in cell.metrics],
        "message": one_line(cell.message),
        "against": one_line(cell.against),
        "failureRate": cell.failure_rate,
        "gpuSeconds": cell.gpu_seconds,
        "meanRunSeconds": cell.mean_run_seconds,
    }


def _metric(metric: MetricSummary) -> dict[str, Any]:
    return {
        "name": metric.name,
        "unit": metric.unit,
        "n": metric.n,
        "mean": metric.mean,
        "std": metric.std,
        "min": metric.min,
        "max": metric.max,
        "p50": metric.p50,
        "p90": metric.p90,
        "p99": metric.p99,
        "outliers": metric.outliers,
        "low": metric.low,
        "high": metric.high,
        "interval": metric.interval,
    }


def _trial(trial: TrialResult) -> dict[str, Any]:
    row: dict[str, Any] = {
        "cell": trial.cell,
        "trial": trial.trial,
        "state": trial.state,
        "attempts": trial.attempts,
        "logs": trial.logs,
        "stumbled": trial.stumbled,
    }
    return {**row, "rerun": trial.rerun} if trial.record is None else {**row, **_record(trial.record)}


def _record(record: Record) -> dict[str, Any]:
    return {
        "generation": record.generation,
        "recordedCell": record.cell,
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
        "log": _log(record.log),
        **({"moreLogs": [_log(log) for log in record.more_logs]} if record.more_logs else {}),
        "podReason": record.pod_reason,
        "turned": record.turned,
        "recorded": record.recorded,
        "writer": record.writer,
        "metrics": {metric.name: _finite(metric.value) for metric in record.log.metrics},
        "readings": [_reading(metric) for metric in record.log.metrics],
    }


def _log(log: Captured) -> dict[str, Any]:
    return {
        "state": log.state,
        "bytes": log.bytes,
        "lines": log.lines,
        "longLines": log.long_lines,
        "malformed": log.malformed,
        "sha256": log.sha256,
        "key": log.key,
        "message": one_line(log.message),
        "parser": log.parser,
        "capped": log.capped,
        "limit": log.limit,
        "hold": plain(log.hold),
    }


def _reading(metric: MetricValue) -> dict[str, Any]:
    return {
        "name": metric.name,
        "strategy": metric.strategy,
        "value": _finite(metric.value),
        "count": metric.count,
        "invalid": metric.invalid,
        "unit": metric.unit,
        "message": one_line(metric.message),
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _dump(value: Any) -> str:
    """Compact, and ASCII: nothing in it can steer a terminal that it is printed on."""
    return json.dumps(value, separators=(", ", ": "), allow_nan=False)
