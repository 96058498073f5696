"""Checks of an imported run: each says pass, fail or that it cannot be decided, and the verdict follows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from batchmatrix.base.text import counted, one_line
from batchmatrix.model.evidence import Blame, Outcome
from batchmatrix.model.judging import CheckRule, Finding, Judgement, JudgingRules, Limit, fits
from batchmatrix.model.summary import CellSummary, Summary, TrialResult

__all__ = ["judged"]

_NAMED = 3
"""Findings that a reason names."""


def judged(summary: Summary, rules: JudgingRules) -> Summary:
    """`summary` with the findings of all checks, and the verdict with those of severity fail in it.

    A check fails for a cell if one value is beyond its limit, passes if every trial has a value within it, and cannot
    be decided else: missing data never passes.
    """
    findings = tuple(_findings(summary, rules))
    failed = [one for one in findings if one.severity == "fail" and one.status == "fail"]
    undecided = [one for one in findings if one.severity == "fail" and one.status == "inconclusive"]
    parts = [summary.reason] if summary.verdict != "pass" else []
    if failed:
        parts.append(f"{len(failed)} of {counted(len(findings), 'check')} failed: {_named(failed)}")
    if undecided:
        text = f"{len(undecided)} of {counted(len(findings), 'check')} could not be decided: {_named(undecided)}"
        parts.append(text)
    word = "fail" if failed or summary.verdict == "fail" else "inconclusive" if parts else "pass"
    if not parts:
        parts = [summary.reason, *([f"{counted(len(findings), 'check')} kept"] if findings else [])]
    judgement = Judgement(findings=findings)
    return replace(summary, verdict=word, reason="; ".join(parts), judgement=judgement)


def _named(findings: Sequence[Finding]) -> str:
    more = f" and {len(findings) - _NAMED} more" if len(findings) > _NAMED else ""
    return ", ".join(one.text for one in findings[:_NAMED]) + more


def _findings(summary: Summary, rules: JudgingRules) -> Iterator[Finding]:
    for rule in rules.checks:
        for cell in summary.cells:
            if fits(rule.when, {**rules.labels, **cell.values}):
                yield _finding(rule, cell, [trial for trial in summary.trials if trial.cell == cell.name])


def _finding(rule: CheckRule, cell: CellSummary, trials: Sequence[TrialResult]) -> Finding:
    values = {trial.trial: value for trial in trials if (value := _value(trial, rule.metric)) is not None}
    open_ = next((trial for trial in trials if trial.trial not in values), None)
    worst = max(values.values(), key=lambda value: _beyond(rule, value), default=None)
    asked = _asked(rule)
    name = one_line(cell.name, limit=63)
    if worst is not None and _beyond(rule, worst) > 0:
        status, reason, text = "fail", "violated", f"{name}: {rule.metric} is {_short(worst)} and has to be {asked}"
    elif open_ is not None or worst is None:
        reason, why = _missing(open_)
        status, text = "inconclusive", f"{name}: {rule.metric} has to be {asked} and {why}"
    else:
        status, reason, text = "pass", "kept", f"{name}: {rule.metric} is {_short(worst)}, {asked}"
    return Finding(
        kind="check",
        name=f"{rule.metric} {asked}",
        cell=cell.name,
        metric=rule.metric,
        status=status,
        severity=rule.severity,
        text=text,
        reason=reason,
        actual=worst,
        minimum=_limit(rule.min),
        maximum=_limit(rule.max),
    )


def _value(trial: TrialResult, metric: str) -> float | None:
    record = trial.record
    if record is None or not (record.outcome is Outcome.SUCCEEDED or record.blame is Blame.WORKLOAD):
        return None
    value = next((each.value for each in record.log.metrics if each.name == metric), None)
    return value if value is not None and math.isfinite(value) else None


def _missing(trial: TrialResult | None) -> tuple[str, str]:
    if trial is None or trial.record is None:
        return "no-result", "there is no result"
    if trial.record.outcome is not Outcome.SUCCEEDED and trial.record.blame is not Blame.WORKLOAD:
        return "infrastructure", f"trial {trial.trial} ended as {trial.record.outcome}"
    return "no-value", f"the log of trial {trial.trial} has no number for it"


def _beyond(rule: CheckRule, value: float) -> float:
    """How far on the wrong side; at most 0 where the check is kept."""
    sides = [rule.min - value] if rule.min is not None else []
    sides += [value - rule.max] if rule.max is not None else []
    return max(sides)


def _asked(rule: CheckRule) -> str:
    parts = [f"at least {_short(rule.min)}"] if rule.min is not None else []
    parts += [f"at most {_short(rule.max)}"] if rule.max is not None else []
    return " and ".join(parts)


def _short(value: float) -> str:
    return repr(value).removesuffix(".0")


def _limit(value: float | None) -> Limit | None:
    return Limit(value, text=_short(value)) if value is not None else None
