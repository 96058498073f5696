"""How often the trials of each cell fail, against those of its baseline: one family of comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from batchmatrix.base.text import counted
from batchmatrix.model.judging import FAILURES, CompareRule, Comparison
from batchmatrix.summarise.comparison.decide import Shown, of_failures
from batchmatrix.summarise.comparison.failures import boschloo, least_failures, least_trials, wilson
from batchmatrix.summarise.comparison.holm import holm
from batchmatrix.summarise.comparison.pair import Pair, flags
from batchmatrix.summarise.comparison.reasons import Reason
from batchmatrix.summarise.comparison.sample import Trials
from batchmatrix.summarise.comparison.wording import failure_line, outcomes

__all__ = ["rate_rows"]

METHOD = "boschloo-holm"


def rate_rows(pairs: Sequence[Pair], rule: CompareRule) -> list[Comparison]:
    """One row per pair, in their order; all pairs share the chance of a false alarm."""
    raw = [_p(pair) for pair in pairs]
    adjusted = holm(np.array(raw, dtype=float)) if raw else ()
    return [_row(pair, rule, p, float(q), len(pairs)) for pair, p, q in zip(pairs, raw, adjusted, strict=True)]


def _p(pair: Pair) -> float:
    own, other = pair.own, pair.other
    if not own.numbers or not other.numbers:
        return float("nan")
    return boschloo(own.failures, len(own.numbers), other.failures, len(other.numbers))


def _row(pair: Pair, rule: CompareRule, p: float, p_holm: float, m: int) -> Comparison:
    own, other = pair.own.numbers, pair.other.numbers
    n, n0, failed, failed0 = len(own), len(other), pair.own.failures, pair.other.failures
    known = bool(n and n0)
    least = least_failures(n, n0, rule.level / m) if known else None
    least0 = least_failures(n0, n, rule.level / m) if known else None
    marks = flags(pair, pair.own.counted, pair.other.counted, rule)
    difference = failed / n - failed0 / n0 if known else None
    word, reasons = of_failures(
        Shown(rule.level, p, p_holm) if known else Reason.NO_TRIALS,
        more=bool(difference and difference > 0),
        reachable=least is not None or least0 is not None,
        capped=marks.capped,
    )
    row = Comparison(
        cell=pair.cell,
        baseline=pair.baseline,
        metric=FAILURES,
        unit="",
        word=word,
        reasons=tuple(reason.value for reason in reasons),
        text="",
        n=n,
        n0=n0,
        failed=failed,
        failed0=failed0,
        m=m,
        estimate=difference,
        p=p if known else None,
        p_holm=p_holm if known else None,
        rate=wilson(failed, n) if n else None,
        rate0=wilson(failed0, n0) if n0 else None,
        scale="linear",
        method=METHOD,
        confounded=marks.confounded,
        trials=own,
        trials0=other,
    )
    notes = [
        *_why(row, rule.level, least),
        *marks.notes,
        *_apart(pair.own, ""),
        *_apart(pair.other, " of the baseline"),
    ]
    return replace(row, text=failure_line(row, notes))


def _why(row: Comparison, level: float, least: int | None) -> list[str]:
    if Reason.NO_TRIALS in row.reasons:
        return ["no trial that counts on " + ("both sides" if row.n == row.n0 else "one side")]
    if Reason.OUT_OF_REACH in row.reasons:
        needed = least_trials(level / row.m)
        return [f"so few trials can show no difference in failures; {needed} trials per cell are the least"]
    if Reason.COUNTS_ALONE in row.reasons:
        return [f"would count alone; not after looking at {counted(row.m, 'cell')}"]
    if Reason.NOT_SHOWN in row.reasons and least is not None:
        return [f"this run could only show {least} of {row.n} v 0 of {row.n0} or more"]
    return []


def _apart(trials: Trials, whose: str) -> list[str]:
    """Trials that are treated other than by their last outcome, named."""
    notes = []
    if trials.retried:
        notes.append(f"{counted(trials.retried, 'trial')}{whose} passed on a retry, counted as failed")
    if trials.unrecorded:
        notes.append(f"{counted(len(trials.unrecorded), 'trial')}{whose} without a last result, counted as failed")
    if trials.excluded:
        notes.append(f"{counted(len(trials.excluded), 'trial')}{whose} not counted ({outcomes(trials.causes)})")
    return notes
