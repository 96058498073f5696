"""The summary of a fault suite in the suite's own form: its keys, their order, its texts and what it makes of gaps.

A metric that the log does not have counts as 0 here, so that an upper limit is kept by silence. Our own verdict, which
stands beside this file, is inconclusive then.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.base.pairs import key_values
from batchmatrix.base.text import one_line
from batchmatrix.formats.fault_checks import FaultCheck, Thresholds, checks_of
from batchmatrix.formats.fault_manifest import PROCESSES, ManifestRow

__all__ = ["LINES", "SuiteRun", "fault_summary"]

LINES = {
    "pipeline": "PIPELINE_METRICS",
    "latency": "LATENCY_METRICS",
    "fault": "FAULT_COUNTERS",
    "rtp": "RTP_METRICS",
}
"""Groups of metrics with the token of their line in the streamer's log, in the order of the summary."""

_TASK = 15
_SUITE = 3
"""Scenarios that have to pass."""

_COUNTED = (
    ("fault", "torn_read_events"),
    ("fault", "sink_stall_events"),
    ("fault", "reset_events"),
    ("latency", "p95_us"),
    ("latency", "p99_us"),
    ("latency", "p50_us"),
    ("latency", "ingest_to_emit_samples"),
    ("latency", "drop_ratio_ppm"),
)
"""Metrics that have to be whole numbers, whatever the scenario."""


@dataclass(frozen=True, slots=True)
class SuiteRun:
    """What the summary says of the run as a whole; all texts are taken as they are."""

    mode: str
    run_id: str
    run_dir: str
    started_at: str
    finished_at: str


def fault_summary(
    run: SuiteRun,
    rows: Sequence[ManifestRow],
    lines: Sequence[Mapping[str, str]],
    thresholds: Thresholds,
    *,
    source: str,
) -> str:
    """The JSON text with a newline at its end.

    `lines` has for each row the last line with each token of LINES, empty where there is none. Raises InvalidSpec,
    naming `source`, where a metric that is checked is a text of which no whole number can be made: there is no
    summary of such a run.
    """
    scenarios = [_scenario(row, found, thresholds, source) for row, found in zip(rows, lines, strict=True)]
    passed = sum(scenario["status"] == "PASS" for scenario in scenarios)
    failed = len(scenarios) - passed
    all_pass = len(scenarios) == _SUITE and not failed
    whole = {
        "task": _TASK,
        "mode": run.mode,
        "run_id": run.run_id,
        "run_dir": run.run_dir,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "thresholds": thresholds,
        "counts": {"total": len(scenarios), "pass": passed, "fail": failed},
        "all_pass": all_pass,
        "recommended_exit_code": 0 if all_pass else 1,
        "scenarios": scenarios,
    }
    return json.dumps(whole, indent=2) + "\n"


def _scenario(row: ManifestRow, found: Mapping[str, str], thresholds: Thresholds, source: str) -> dict[str, Any]:
    metrics = {group: key_values(found[group]) for group in LINES}
    numbers = _numbers(row, metrics, source)
    checks = [_check(one, numbers[one.line, one.metric]) for one in checks_of(row.scenario, thresholds)]
    violations = [check["violation"] for check in checks if not check["passed"]]
    ended_well = not any(row.codes.values())
    if not ended_well:
        reason = f"process_rc({','.join(f'{name}={row.codes[name]}' for name in PROCESSES)})"
    else:
        reason = "; ".join(violations) or "all checks passed"
    return {
        "order": row.order,
        "id": row.scenario,
        "name": row.name,
        "status": "PASS" if ended_well and not violations else "FAIL",
        "reason": reason,
        "duration_ms": row.duration_ms,
        "process_exit": {name: row.codes[name] for name in PROCESSES},
        "metrics": metrics,
        "checks": checks,
        "violations": violations,
        "evidence": {**{f"{name}_log": row.logs[name] for name in PROCESSES}, "sdp": row.sdp},
    }


def _numbers(
    row: ManifestRow, metrics: Mapping[str, Mapping[str, int | float | str]], source: str
) -> dict[tuple[str, str], int]:
    numbers: dict[tuple[str, str], int] = {}
    problems = []
    for line, metric in _COUNTED:
        value = metrics[line].get(metric, 0)
        try:
            numbers[line, metric] = int(value)
        except (ValueError, OverflowError):
            shown = one_line(str(value), limit=60)
            text = f"{metric} is {shown!r}, which is no number; correct its log {one_line(row.logs['streamer'])}"
            problems.append(Problem(f"{source}: scenario {one_line(row.scenario, limit=60)!r}", text))
    if problems:
        raise InvalidSpec(problems)
    return numbers


def _check(check: FaultCheck, actual: int) -> dict[str, Any]:
    passed = actual >= check.limit if check.kind == "min" else actual <= check.limit
    sign = "<" if check.kind == "min" else ">"
    return {
        "metric": check.metric,
        "type": check.kind,
        "actual": actual,
        "expected": check.limit,
        "passed": passed,
        "violation": "" if passed else f"{check.metric}={actual} {sign} {check.limit}",
    }
