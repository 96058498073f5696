"""The one line that a comparison is for people: effect, interval, word, n, p, always in this order.

An estimate with its interval comes first, since a word alone hides how much is known. It never says that something is
significant, that nothing changed, or that two things are the same because no difference was seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from batchmatrix.base.numbers import apart, percent, quantity
from batchmatrix.base.text import counted, one_line
from batchmatrix.model.evidence import Outcome
from batchmatrix.model.judging import Comparison, Word
from batchmatrix.summarise.comparison.reasons import Reason

__all__ = ["amount", "failure_line", "metric_line", "outcomes", "p_text", "zero_means"]

_DOT = " · "
_USUAL = 0.05
"""The level that most comparisons are held against."""


def amount(value: float, row: Comparison, *, signed: bool = False, unit: bool = True) -> str:
    """A change as people read it: in per cent on a log scale, else with the metric's unit."""
    if row.scale == "log":
        return percent(value, signed=signed) + (" %" if unit else "")
    text = quantity(value, signed=signed)
    return f"{text} {one_line(row.unit, limit=32)}".strip() if unit else text


def p_text(p: float) -> str:
    """`p 0.031`, `p <0.001`; never 0, and 0.05 or 1 only where it is that."""
    if p < 0.001:
        return "p <0.001"
    return f"p {apart(p, (_USUAL, 1.0), lambda digits: f'{p:.{digits}g}', 2)}"


def zero_means(failed: int, of: int, interval: tuple[float, float] | None) -> str:
    """What it says about the rate that no trial failed, or all did; empty for everything between."""
    if interval is None or failed not in (0, of):
        return ""
    if failed:
        return f"{failed} of {of} = at least {percent(interval[0])} %"
    return f"0 of {of} = up to {percent(interval[1])} %"


def outcomes(causes: Mapping[Outcome, int]) -> str:
    """`NodeLost 2, Evicted 1`."""
    return ", ".join(f"{outcome} {causes[outcome]}" for outcome in Outcome if causes.get(outcome))


def metric_line(row: Comparison, notes: Sequence[str]) -> str:
    """The line of a comparison of a metric; `notes` go to its end."""
    effect = "no effect measured" if row.estimate is None else amount(row.estimate, row, signed=True)
    low, high, which = row.low, row.high, ""
    if row.word is Word.EQUIVALENT:
        low, high, which = row.low90, row.high90, " (90 %)"
    if low is not None and high is not None:
        effect += f" [{amount(low, row, signed=True, unit=False)}, {amount(high, row, signed=True, unit=False)}]{which}"
    parts = [effect, _word(row), f"n {row.n} v {row.n0}"]
    p = row.p_equivalence_holm if row.word is Word.EQUIVALENT else row.p_holm
    return _DOT.join([*parts, *_p(p, row.m), *notes, *_reach(row)])


def failure_line(row: Comparison, notes: Sequence[str]) -> str:
    """The line of a comparison of failures; `notes` go to its end."""
    verb = "fails"
    if row.word in (Word.FIXES, Word.BREAKS):
        verb = "fails more:" if row.word is Word.BREAKS else "fails less:"
    zeros = [zero_means(row.failed, row.n, row.rate), zero_means(row.failed0, row.n0, row.rate0)]
    meaning = ", ".join(dict.fromkeys(text for text in zeros if text))
    effect = f"{verb} {row.failed} of {row.n} v {row.failed0} of {row.n0}" + (f" ({meaning})" if meaning else "")
    parts = [effect]
    if row.rate is not None and row.rate0 is not None:
        parts.append(" v ".join(f"[{percent(low)}, {percent(high)}] %" for low, high in (row.rate, row.rate0)))
    return _DOT.join([*parts, _word(row), f"n {row.n} v {row.n0}", *_p(row.p_holm, row.m), *notes])


def _word(row: Comparison) -> str:
    if row.word is Word.NO_EVIDENCE:
        return "no evidence either way"
    if row.word is Word.EQUIVALENT and row.margin is not None:
        real = f", real but small ({p_text(row.p_holm or 0.0)})" if Reason.ALSO_DIFFERENT in row.reasons else ""
        return f"equivalent within ±{amount(row.margin, row)}{real}"
    return row.word.value


def _p(p: float | None, m: int) -> tuple[str, ...]:
    if p is None:
        return ()
    return (p_text(p) + (f" (Holm, {counted(m, 'cell')})" if m > 1 else ""),)


def _reach(row: Comparison) -> tuple[str, ...]:
    """What the run could have shown, and what it would take to show the margin."""
    if row.smallest_effect80 is None or row.margin is None or math.isinf(row.smallest_effect80):
        return ()
    only = "only " if row.word is Word.NO_EVIDENCE else ""
    trials = f"about {row.trials_for_margin:,}" if row.trials_for_margin is not None else "more than 99,999"
    could = f"this run could {only}show {amount(row.smallest_effect80, row)} or more"
    return (f"{could}; {trials} trials per cell would show {amount(row.margin, row)}",)
