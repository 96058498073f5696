"""Gates: a whole 95 % interval has to lie inside of a limit, that of a cell's mean or of its change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from batchmatrix.base.numbers import percent_sign, quantity
from batchmatrix.model.judging import Comparison, Finding, GateRule, JudgingRules, Limit, Word
from batchmatrix.model.summary import CellSummary, Summary
from batchmatrix.summarise.comparison.reasons import Reason
from batchmatrix.summarise.comparison.units import better_up
from batchmatrix.summarise.judging.evidence import CONFOUNDED, SELECTED, Look, Sample, look_at
from batchmatrix.summarise.judging.intervals import Interval, difference, mean_interval
from batchmatrix.summarise.judging.scope import cell_words, cells_of, no_cell

__all__ = ["gates"]


@dataclass(frozen=True, slots=True)
class _Part:
    """What one limit of a gate has come to."""

    status: str
    reason: str
    text: str
    actual: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class _Side:
    """One limit of a gate, on its cell."""

    rule: GateRule
    limit: Limit
    upper: bool
    """It is the most that there may be; else the least."""
    up: bool
    """More is better: by the metric, or else by the limit, which says what is too much or too little."""

    @property
    def words(self) -> str:
        return f"{'at most' if self.upper else 'at least'} {self.limit.text}"


_DOUBTS = {
    CONFOUNDED: "it ran on other nodes than its baseline, or at another time (compare.allowConfounded)",
    SELECTED: "only some trials of a side were run again, which selects among its results",
}


def gates(summary: Summary, rules: JudgingRules, comparisons: Sequence[Comparison]) -> Iterator[Finding]:
    """One finding for each gate and each cell that it speaks of, in the order of the rules, then of the cells.

    It passes where the whole interval is inside of each limit and every trial has its value, and fails where the whole
    interval is outside of one, and no missing trials can have put it there; all else is inconclusive. Relative limits
    do not speak of a baseline itself. `comparisons` are those with the baselines; of a metric that is not in them, one
    is made by the same rules. What is not comparable or confounded there, decides nothing here.
    """
    look = look_at(summary, rules, comparisons)
    for rule in rules.gates:
        cells = cells_of(summary, rules, rule.when)
        if cells is None:
            continue
        found = [finding for cell in cells if (finding := _finding(look, rule, cell)) is not None]
        if not found:
            text = "it fits no cell" if not cells else "it fits baselines alone, which are held against nothing"
            found = [no_cell("gate", rule.name, rule, text)]
        yield from found


def _finding(look: Look, rule: GateRule, cell: CellSummary) -> Finding | None:
    is_base = cell.name not in look.bases and cell.name in look.bases.values()
    known = better_up(look.metric(rule.metric))
    parts = [
        (_relative if limit.relative else _absolute)(
            look, _Side(rule, limit, upper, (not upper) if known is None else known), cell
        )
        for limit, upper in ((rule.min, False), (rule.max, True))
        if limit is not None and not (limit.relative and is_base)
    ]
    if not parts:
        return None
    decides = min(parts, key=lambda part: ("fail", "inconclusive", "pass").index(part.status))
    return Finding(
        kind="gate",
        name=rule.name,
        cell=cell.name,
        metric=rule.metric,
        status=decides.status,
        severity=rule.severity,
        text=f"{cell_words(cell)}: {decides.text}",
        reason=decides.reason,
        actual=decides.actual,
        low=decides.low,
        high=decides.high,
        minimum=rule.min,
        maximum=rule.max,
    )


def _absolute(look: Look, side: _Side, cell: CellSummary) -> _Part:
    metric = side.rule.metric
    if look.selected(cell.name):
        text = "only some of its trials were run again, which selects among its results"
        return _Part("inconclusive", SELECTED, text)
    sample = look.sample(cell.name, metric)
    found = mean_interval(sample.values, look.metric(metric).scale)
    if found is None:
        return _Part("inconclusive", "no-interval", f"{_too_few(sample)} {metric}, an interval needs two")
    limit = side.limit.value
    at, low, high = (quantity(each, digits=6, marks=(limit,)) for each in (found.estimate, found.low, found.high))
    span = f"{metric} {at} [{low}, {high}] ({found.kind})"
    made = sample.few and side.upper is side.up
    return _decided(found, limit, side, span=span, samples=[sample], made="it" if made else "")


def _too_few(sample: Sample) -> str:
    few = "no trial has" if not sample.values else f"{len(sample.values)} trial has"
    return f"{few} succeeded with a value of"


def _relative(look: Look, side: _Side, cell: CellSummary) -> _Part:
    metric, limit, base = side.rule.metric, side.limit, look.bases.get(cell.name)
    if base is None or base not in look.cells:
        return _Part("inconclusive", "no-baseline", f"{limit.text} is against a baseline, and it has none")
    compared = look.compared(cell.name, metric)
    if compared.word is Word.NOT_COMPARABLE:
        why = compared.reasons[0] if compared.reasons else "not-comparable"
        if why != Reason.NO_DIRECTION:  # a limit has a direction of its own
            return _Part("inconclusive", why, f"{metric} cannot be compared: {compared.text}")
    doubt = look.doubt(compared)
    if doubt:
        return _Part("inconclusive", doubt, _DOUBTS[doubt])
    samples = [look.sample(cell.name, metric), look.sample(base, metric)]
    made = _made_by_survivors(look, side, cell.name, samples)
    if look.metric(metric).scale == "linear":
        return _linear(side, samples, made)
    if compared.estimate is None or compared.low is None or compared.high is None:
        return _Part("inconclusive", "no-interval", f"{metric} has no interval of its change")
    found = Interval(compared.estimate, compared.low, compared.high)
    at, low, high = (percent_sign(each, marks=(limit.value,)) for each in (found.estimate, found.low, found.high))
    span = f"{metric} {at} [{low}, {high}]"
    return _decided(found, limit.value, side, span=span, samples=samples, made=made)


def _made_by_survivors(look: Look, side: _Side, cell: str, samples: Sequence[Sample]) -> str:
    """Who is flattered by what is left of its trials, so that a change beyond the limit may come from that.

    A cell that looks better than it is can only seem to be beyond the limit on the good side, and one whose baseline
    does, beyond the limit on the bad side.
    """
    own, other = samples
    if side.upper is side.up:
        return "it" if own.few or Reason.FAILS_MORE in look.fails(cell) else ""
    return "its baseline" if other.few or Reason.FAILS_LESS in look.fails(cell) else ""


def _linear(side: _Side, samples: Sequence[Sample], made: str) -> _Part:
    """A share of a mean that is itself estimated: the cell is held against as much more of the baseline's trials.

    The mean of x is at most 1.05 times that of y exactly where that of x - 1.05 y is at most 0, and that is Welch's
    test of x and 1.05 y. A share of a mean that may as well be 0 says nothing.
    """
    one, other = samples
    mean = mean_interval(other.values, "linear")
    if mean is None or mean.low <= 0 <= mean.high:
        return _Part(
            "inconclusive", "baseline-near-zero", f"{side.limit.text} of a baseline that may be 0 says nothing"
        )
    factor = 1 + side.limit.value if mean.estimate > 0 else 1 - side.limit.value
    found = difference(one.values, [factor * value for value in other.values])
    if found is None:
        return _Part("inconclusive", "no-interval", f"{side.rule.metric} has no interval of its change")
    bounds = f"[{found.low:+.4g}, {found.high:+.4g}]"
    span = f"{side.rule.metric} less {factor:g} times its baseline {found.estimate:+.4g} {bounds}"
    part = _decided(found, 0.0, side, span=span, samples=samples, made=made)
    return replace(part, actual=None, low=None, high=None)


def _decided(found: Interval, bound: float, side: _Side, *, span: str, samples: Sequence[Sample], made: str) -> _Part:
    """What the interval says to one limit; a pass needs the value of every trial, and so does a fail in part.

    `made` names who may have put the interval beyond the limit by the trials that it lacks; empty for nobody.
    """
    inside = found.high <= bound if side.upper else found.low >= bound
    outside = found.low > bound if side.upper else found.high < bound
    missing = " and ".join(sample.words for sample in samples if not sample.whole)
    if outside and made:
        status, reason = "inconclusive", "missing-values"
        text = f"{span} is beyond {side.words}, but only {missing} have a sound value, which flatters {made}"
    elif outside:
        status, reason, text = "fail", "outside", f"{span} is beyond {side.words}"
    elif not inside:
        status, reason, text = "inconclusive", "undecided", f"{span} is on both sides of {side.words}"
    elif missing:
        status, reason = "inconclusive", "missing-values"
        text = f"{span} keeps {side.words}, but only {missing} have a sound value"
    else:
        status, reason, text = "pass", "inside", f"{span} keeps {side.words}"
    return _Part(status, reason, text, found.estimate, found.low, found.high)
