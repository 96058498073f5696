"""Cells of trials with values of one metric, for the tests of judging."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from batchmatrix.model.evidence import Outcome
from batchmatrix.model.judging import CheckRule, Comparison, GateRule, JudgingRules, Limit, MetricRule, Word
from batchmatrix.model.metric import MetricValue
from batchmatrix.model.summary import Summary, TrialResult
from batchmatrix.summarise.summary import summarise
from tests.support.records import a_cell, a_plan, a_result

__all__ = ["MS", "PAIRS", "a_comparison", "at_least", "at_most", "gate", "rules", "summary", "trial"]

MS = "ms"
PAIRS = (("fast", "base"), ("slow", "base"))

Trial = float | int | None | Outcome | MetricValue | tuple[Outcome, float]
"""A value of a trial that succeeded, nothing for one that has no result, an outcome without a value, or both."""


def trial(cell: Any, number: int, what: Trial) -> TrialResult:
    """The result of one trial."""
    if what is None:
        return a_result(cell, number, None)
    if isinstance(what, Outcome):
        return a_result(cell, number, what)
    outcome, value = what if isinstance(what, tuple) else (Outcome.SUCCEEDED, what)
    found = value if isinstance(value, MetricValue) else MetricValue(MS, "mean", float(value), 9)
    return a_result(cell, number, outcome, metrics=[found])


def summary(cells: Mapping[str, Sequence[Trial]], *, complete: bool = True, **options: Any) -> Summary:
    """A summary of these cells; each has its name as value of the axis `mitigation`."""
    made = {
        name: a_cell(name, trials=len(trials), values={"mitigation": name}, expect=options.get("expect", "success"))
        for name, trials in cells.items()
    }
    results = [trial(made[name], number, what) for name, trials in cells.items() for number, what in enumerate(trials)]
    return summarise(
        a_plan(*made.values()),
        results,
        units={MS: MS},
        complete=complete,
        started="2026-11-22T07:00:05Z",
        finished="2026-11-22T07:41:09Z",
        stopped=options.get("stopped", ""),
    )


def rules(*of: CheckRule | GateRule, scale: str = "log", **changes: Any) -> JudgingRules:
    """These checks and gates, `base` being the baseline of `fast` and `slow`."""
    return JudgingRules(
        checks=tuple(rule for rule in of if isinstance(rule, CheckRule)),
        gates=tuple(rule for rule in of if isinstance(rule, GateRule)),
        **{"metrics": (MetricRule(MS, MS, "lower", scale),), "pairs": PAIRS, "baseline": "base", **changes},
    )


def at_most(limit: float, **when: str) -> CheckRule:
    """A check of the metric, for cells with these values."""
    return CheckRule(MS, max=limit, when={name: frozenset({value}) for name, value in when.items()})


def at_least(limit: float) -> CheckRule:
    """The same the other way round."""
    return CheckRule(MS, min=limit)


def gate(text: str, *, lower: bool = False, severity: str = "fail", **when: str) -> GateRule:
    """A gate that is called `it`: at most `text`, or at least with `lower`."""
    relative = text.endswith("%")
    limit = Limit(float(text.rstrip("%")) / (100 if relative else 1), relative, text)
    wanted = {name: frozenset({value}) for name, value in when.items()}
    return GateRule(
        "it", MS, min=limit if lower else None, max=None if lower else limit, when=wanted, severity=severity
    )


def a_comparison(cell: str, low: float, high: float, **changes: Any) -> Comparison:
    """The change of the metric of `cell` against `base`, as the comparing stage gives it."""
    values: dict[str, Any] = {"n": 3, "n0": 3, "text": "as it is", "reasons": ("undecided",), "word": Word.NO_EVIDENCE}
    values |= {"estimate": (low + high) / 2, "low": low, "high": high}
    return Comparison(cell=cell, baseline="base", metric=MS, unit=MS, **{**values, **changes})
