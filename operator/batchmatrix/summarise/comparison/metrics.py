"""One metric of each cell against its baseline's: one family of comparisons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from batchmatrix.base.text import counted
from batchmatrix.model.judging import CompareRule, Comparison, MetricRule, Word
from batchmatrix.summarise.comparison.decide import Shown, of_metric
from batchmatrix.summarise.comparison.equivalence import equivalence
from batchmatrix.summarise.comparison.holm import holm
from batchmatrix.summarise.comparison.pair import Pair, flags
from batchmatrix.summarise.comparison.power import smallest_difference, trials_needed
from batchmatrix.summarise.comparison.reasons import Reason
from batchmatrix.summarise.comparison.sample import Values, values
from batchmatrix.summarise.comparison.scale import Sides, sides
from batchmatrix.summarise.comparison.survivors import flattered, lacks
from batchmatrix.summarise.comparison.units import better_up, words
from batchmatrix.summarise.comparison.welch import welch
from batchmatrix.summarise.comparison.wording import metric_line

__all__ = ["metric_rows"]


@dataclass(slots=True)
class _Case:
    """One pair on its way; numbers are on the scale of the comparison, nan where there is none."""

    pair: Pair
    own: Values
    other: Values
    sides: Sides | Reason
    blocked: Reason | None
    """Why it cannot be compared; there may be numbers to show all the same."""
    difference: float = math.nan
    low: float = math.nan
    high: float = math.nan
    low90: float = math.nan
    high90: float = math.nan
    p: float = math.nan
    sd: float = math.nan
    p_equivalence: float = math.nan


def metric_rows(
    metric: MetricRule, pairs: Sequence[Pair], rule: CompareRule, *, failures: Sequence[Comparison | None]
) -> list[Comparison]:
    """One row per pair, in their order; all pairs share the chance of a false alarm.

    `failures` has for each pair the comparison of how often its trials fail, where that is known.
    """
    cases = [_case(metric, pair, rule) for pair in pairs]
    _measure(cases)
    for case in cases:
        if case.blocked is None and not _in_range(case):
            case.blocked = Reason.OUT_OF_RANGE
    p_holm = _family(cases, [case.p for case in cases])
    equal_holm = _family(cases, [case.p_equivalence for case in cases])
    return [
        _row(metric, case, rule, float(p), float(equal), len(pairs), fails=fails)
        for case, p, equal, fails in zip(cases, p_holm, equal_holm, failures, strict=True)
    ]


def _case(metric: MetricRule, pair: Pair, rule: CompareRule) -> _Case:
    own, other = values(pair.own, metric.name), values(pair.other, metric.name)
    found = sides(own.numbers, other.numbers, log=metric.scale == "log", margin=rule.margin)
    blocked = None
    if min(len(own.numbers), len(other.numbers)) < max(2, rule.min_trials):
        blocked = Reason.TOO_FEW_TRIALS
    elif isinstance(found, Reason):
        blocked = found
    elif found.flat:
        blocked = Reason.NO_SPREAD
    elif better_up(metric) is None:
        blocked = Reason.NO_DIRECTION
    return _Case(pair, own, other, found, blocked)


def _measure(cases: Sequence[_Case]) -> None:
    """Pairs with the same numbers of trials go through the tests together: one by one, each costs milliseconds."""
    groups: dict[tuple[int, int], list[tuple[_Case, Sides]]] = {}
    for case in cases:
        if isinstance(case.sides, Sides):
            groups.setdefault((len(case.sides.cell), len(case.sides.base)), []).append((case, case.sides))
    for group in groups.values():
        cell, base = np.array([each.cell for _, each in group]), np.array([each.base for _, each in group])
        found = welch(cell, base)
        equal = equivalence(cell, base, np.array([each.margin for _, each in group]))
        for index, (case, each) in enumerate(group):
            case.difference, case.sd = float(found.difference[index]), float(found.sd[index])
            if each.flat:
                continue
            case.low, case.high = float(found.low[index]), float(found.high[index])
            case.low90, case.high90 = float(found.low90[index]), float(found.high90[index])
            case.p, case.p_equivalence = float(found.p[index]), float(equal[index])


def _in_range(case: _Case) -> bool:
    known = isinstance(case.sides, Sides) and case.sides.change(case.difference) is not None
    return known and not math.isnan(case.p)


def _family(cases: Sequence[_Case], p: Sequence[float]) -> NDArray[np.float64]:
    """What cannot be compared was planned all the same, and counts."""
    tested = [value if case.blocked is None else math.nan for case, value in zip(cases, p, strict=True)]
    return holm(np.array(tested, dtype=float))


def _row(
    metric: MetricRule,
    case: _Case,
    rule: CompareRule,
    p_holm: float,
    equal_holm: float,
    m: int,
    *,
    fails: Comparison | None,
) -> Comparison:
    own, other, scale = case.own, case.other, case.sides if isinstance(case.sides, Sides) else None
    marks = flags(case.pair, own.records, other.records, rule)
    word, reasons = of_metric(
        Shown(rule.level, case.p, p_holm, equal_holm) if case.blocked is None else case.blocked,
        worse=(case.difference > 0) is not better_up(metric),
        words=words(metric),
        flattered=flattered(own, other, fails),
        capped=marks.capped,
    )
    level, tested = rule.level / m, case.blocked is None

    def change(value: float) -> float | None:
        return scale.change(value) if scale is not None else None

    smallest = smallest_difference(len(own.numbers), len(other.numbers), level) if tested else None
    row = Comparison(
        cell=case.pair.cell,
        baseline=case.pair.baseline,
        metric=metric.name,
        unit=metric.unit,
        word=word,
        reasons=tuple(reason.value for reason in reasons),
        text="",
        n=len(own.numbers),
        n0=len(other.numbers),
        failed=own.failed,
        failed0=other.failed,
        m=m,
        estimate=change(case.difference),
        low=change(case.low),
        high=change(case.high),
        low90=change(case.low90),
        high90=change(case.high90),
        p=case.p if tested else None,
        p_holm=p_holm if tested else None,
        p_equivalence=case.p_equivalence if tested else None,
        p_equivalence_holm=equal_holm if tested else None,
        margin=change(scale.margin) if scale is not None else None,
        sd_trial=None if scale is None or math.isnan(case.sd) else scale.spread(case.sd),
        smallest_effect80=change(smallest * case.sd) if smallest is not None else None,
        trials_for_margin=_needed(case, scale, level, rule.min_trials) if tested else None,
        scale=metric.scale,
        method=f"welch-{metric.scale}-holm",
        confounded=marks.confounded,
        trials=tuple(record.id.trial for record in own.records),
        trials0=tuple(record.id.trial for record in other.records),
    )
    return replace(row, text=metric_line(row, [*_why(row, case, rule), *marks.notes]))


def _needed(case: _Case, scale: Sides | None, level: float, least: int) -> int | None:
    return trials_needed(scale.margin / case.sd, level, least=least) if scale is not None and case.sd > 0 else None


def _why(row: Comparison, case: _Case, rule: CompareRule) -> list[str]:
    notes = []
    if Reason.TOO_FEW_TRIALS in row.reasons:
        notes.append(f"fewer than {max(2, rule.min_trials)} trials on a side")
    if Reason.NOT_POSITIVE in row.reasons:
        notes.append("0 or less has no ratio; scale: linear compares differences")
    if Reason.NO_SPREAD in row.reasons:
        notes.append("no spread measured")
    if Reason.NO_DIRECTION in row.reasons:
        notes.append("nothing says which way is better: set its direction")
    if Reason.OUT_OF_RANGE in row.reasons:
        notes.append("numbers too large or too small for a result")
    if Reason.COUNTS_ALONE in row.reasons:
        notes.append(f"would count alone; not after looking at {counted(row.m, 'cell')}")
    if Reason.FAILS_MORE in row.reasons and row.word is Word.NO_EVIDENCE:
        notes.append("the cell fails more often, survivors only")
    if Reason.FAILS_LESS in row.reasons and row.word is Word.NO_EVIDENCE:
        notes.append("the baseline fails more often, survivors only")
    for side, whose in ((case.own, ""), (case.other, " of the baseline")):
        if lacks(side.missing, side.planned):
            notes.append(_lost(side, whose))
    return notes


def _lost(side: Values, whose: str) -> str:
    of = f"of {counted(side.planned, 'trial')}{whose}"
    if lacks(side.failed, side.planned):
        return f"{side.failed} {of} failed, survivors only"
    return f"{side.missing} {of} gave no value"
