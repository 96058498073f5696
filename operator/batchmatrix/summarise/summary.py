"""Records in, summary out: the same records give the same summary, whatever order they come in."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from batchmatrix.model.cell import Cell, Plan
from batchmatrix.model.evidence import LogState, Outcome
from batchmatrix.model.record import Record
from batchmatrix.model.summary import CellSummary, MetricSummary, Summary, TrialResult
from batchmatrix.summarise.stats import describe, mean
from batchmatrix.summarise.trials import failure_rate, number, reading
from batchmatrix.summarise.verdict import expectation, verdict

__all__ = ["summarise"]

# Made once: to iterate over an enum costs microseconds, which shows at 20,000 cells.
_OUTCOMES = tuple(outcome.value for outcome in Outcome)
_LOG_STATES = tuple(state.value for state in LogState)


def summarise(
    plan: Plan,
    trials: Iterable[TrialResult],
    *,
    units: Mapping[str, str],
    complete: bool,
    started: str,
    finished: str,
    stopped: str = "",
    suspended: bool = False,
    named: bool = False,
) -> Summary:
    """The summary of one plan, cells in its order.

    `trials` holds at most one result per trial; those of cells or trials that the plan does not hold are left
    out. `units` names the metrics to report, in their order, with their units. `started` and `finished` are RFC
    3339 texts, empty where not known yet. `stopped` says why a complete matrix lacks results, in one line; `named` is
    for cells whose names the user gave.
    """
    by_trial = {(result.cell, result.trial): result for result in trials}
    cells: list[CellSummary] = []
    results: list[TrialResult] = []
    for cell in plan.cells:
        keys = ((cell.name, trial) for trial in range(cell.trials))
        own = [by_trial[key] for key in keys if key in by_trial]
        cells.append(_cell(cell, own, units))
        results += own
    word, reason = verdict(cells, complete=complete, stopped=stopped)
    return Summary(
        namespace=plan.matrix.namespace,
        name=plan.matrix.name,
        uid=plan.matrix.uid,
        generation=plan.generation,
        complete=complete,
        suspended=suspended and not complete,
        named=named,
        verdict=word,
        reason=reason,
        cells=tuple(cells),
        trials=tuple(results),
        started=started,
        finished=finished,
        stopped=stopped if complete else "",
    )


def _cell(cell: Cell, results: Sequence[TrialResult], units: Mapping[str, str]) -> CellSummary:
    records = [result.record for result in results if result.record is not None]
    failed = [record for record in records if record.outcome is not Outcome.SUCCEEDED]
    outcomes = Counter(record.outcome.value for record in records)
    codes = Counter(record.exit_code for record in records if record.exit_code is not None)
    logs = Counter(state.value for result in results for state in result.logs)
    met, against = expectation(cell.expect, cell.trials, records)
    return CellSummary(
        name=cell.name,
        hash=cell.hash,
        values=dict(cell.values),
        trials=cell.trials,
        done=len(records),
        succeeded=len(records) - len(failed),
        failed=len(failed),
        attempts=sum(result.attempts for result in results),
        outcomes={name: outcomes[name] for name in _OUTCOMES if name in outcomes},
        exit_codes={str(code): codes[code] for code in sorted(codes)},
        logs={name: logs[name] for name in _LOG_STATES if name in logs},
        nodes=tuple(sorted({record.node for record in records if record.node})),
        images=tuple(sorted({record.image for record in records if record.image})),
        metrics=tuple(_metric(name, unit, records) for name, unit in units.items()),
        message=failed[0].message if failed else "",
        expect=cell.expect,
        met=met,
        against=against,
        failure_rate=failure_rate(results),
        gpu_seconds=_sum(record.gpu_seconds for record in records),
        mean_run_seconds=mean(_known(record.run_seconds for record in records)),
    )


def _sum(values: Iterable[float | None]) -> float | None:
    known = _known(values)
    return math.fsum(known) if known else None


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None and math.isfinite(value)]


def _metric(name: str, unit: str, records: Iterable[Record]) -> MetricSummary:
    """Over the trials that gave a value, those that failed among them; `n` shows how many did."""
    values = (number(reading(record, name)) for record in records)
    return describe(name, unit, [value for value in values if value is not None])
