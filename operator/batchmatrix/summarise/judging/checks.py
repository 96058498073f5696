"""Checks: each trial of each cell that a check speaks of has to keep its limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from batchmatrix.base.text import counted
from batchmatrix.model.evidence import LogState, Outcome
from batchmatrix.model.judging import CheckRule, Finding, JudgingRules, Limit
from batchmatrix.model.summary import CellSummary, Summary, TrialResult
from batchmatrix.summarise.judging.scope import by_cell, cell_words, cells_of, exact, no_cell
from batchmatrix.summarise.trials import ended_by_itself, number, reading

__all__ = ["check_name", "checks"]


@dataclass(frozen=True, slots=True)
class _Value:
    trial: int
    value: float
    room: float
    """How far it is on the right side of its limit; negative on the wrong one."""


def checks(summary: Summary, rules: JudgingRules) -> Iterator[Finding]:
    """One finding for each check and each cell that it speaks of, in the order of the rules, then of the cells.

    A value beyond a limit fails the check, whatever else is missing, be it the log of another program. It passes when
    every planned trial has ended by the workload's own doing and gave a value inside of the limits, and nothing in its
    log that was no number. All else is inconclusive. A check that fits no cell is inconclusive too, unless it is for
    another value of a label.
    """
    results = by_cell(summary)
    for rule in rules.checks:
        cells = cells_of(summary, rules, rule.when)
        if cells is None:
            continue
        if not cells:
            yield no_cell("check", check_name(rule), rule, "it fits no cell")
        for cell in cells:
            yield _finding(rule, cell, results.get(cell.name, {}))


def check_name(rule: CheckRule) -> str:
    """What it asks for: `p99_us <= 250000`."""
    if rule.max is None:
        return f"{rule.metric} >= {exact(rule.min)}" if rule.min is not None else rule.metric
    least = f"{exact(rule.min)} <= " if rule.min is not None else ""
    return f"{least}{rule.metric} <= {exact(rule.max)}"


def _finding(rule: CheckRule, cell: CellSummary, results: Mapping[int, TrialResult]) -> Finding:
    values: list[_Value] = []
    open_: dict[str, list[int]] = {}
    for trial in range(cell.trials):
        value, doubt = _look(rule, results.get(trial))
        if value is not None:
            values.append(_Value(trial, value, _room(rule, value)))
        if doubt:
            open_.setdefault(doubt, []).append(trial)
    worst = min(values, key=lambda each: (each.room, each.trial), default=None)
    broken = [each for each in values if each.room < 0]
    if worst is not None and broken:
        status, reason, text = "fail", "violated", _broken(rule, cell, worst, len(broken))
    elif open_ or worst is None:
        reason = min(open_, key=list(_DOUBTS).index) if open_ else "no-trial"
        status, text = "inconclusive", f"{cell_words(cell)}: {_doubts(rule, open_) or 'it has no trial'}"
    else:
        status, reason = "pass", "kept"
        all_ = f"all {cell.trials} trials keep" if cell.trials > 1 else "its one trial keeps"
        text = f"{cell_words(cell)}: {all_} {check_name(rule)}, at worst {exact(worst.value)} in trial {worst.trial}"
    return Finding(
        kind="check",
        name=check_name(rule),
        cell=cell.name,
        metric=rule.metric,
        status=status,
        severity=rule.severity,
        text=text,
        reason=reason,
        actual=worst.value if worst is not None else None,
        low=min((each.value for each in values), default=None),
        high=max((each.value for each in values), default=None),
        minimum=_limit(rule.min),
        maximum=_limit(rule.max),
    )


_DOUBTS = {
    "no-result": "without a result",
    "infrastructure": "not ended by the workload",
    "no-value": "without a value of",
    "invalid-values": "with values that are no numbers of",
}
"""What keeps a trial from showing that a check is kept, the first to be named first."""


def _look(rule: CheckRule, result: TrialResult | None) -> tuple[float | None, str]:
    """The value of a trial, and a key of _DOUBTS; empty where there is none."""
    if result is None or result.record is None:
        return None, "no-result"
    if not ended_by_itself(result.record):
        # a whole log says what it says, even if that of another program of the trial was lost: it can break a limit
        known = result.record.outcome is Outcome.LOG_LOST and result.record.log.state is LogState.COMPLETE
        return number(reading(result.record, rule.metric)) if known else None, "infrastructure"
    found = reading(result.record, rule.metric)
    value = number(found)
    if found is None or value is None:
        return None, "no-value"
    return value, "invalid-values" if found.invalid else ""


def _room(rule: CheckRule, value: float) -> float:
    above = value - rule.min if rule.min is not None else float("inf")
    below = rule.max - value if rule.max is not None else float("inf")
    return min(above, below)


def _broken(rule: CheckRule, cell: CellSummary, worst: _Value, broken: int) -> str:
    under = rule.min is not None and worst.value < rule.min
    limit = rule.min if under else rule.max
    assert limit is not None
    beyond = f"{exact(worst.value)} {'<' if under else '>'} {exact(limit)}"
    many = f" ({broken} of {cell.trials} trials)" if cell.trials > 1 else ""
    return f"{cell_words(cell)}, trial {worst.trial}: {rule.metric} {beyond}{many}"


def _doubts(rule: CheckRule, found: Mapping[str, Sequence[int]]) -> str:
    parts = []
    for doubt, words in _DOUBTS.items():
        trials = found.get(doubt, ())
        if trials:
            of = f" {rule.metric}" if words.endswith(" of") else ""
            first = f" {trials[0]}" if len(trials) == 1 else f"s {trials[0]} and {counted(len(trials) - 1, 'other')}"
            parts.append(f"trial{first} {words}{of}")
    return ", ".join(parts)


def _limit(value: float | None) -> Limit | None:
    return Limit(value, text=exact(value)) if value is not None else None
