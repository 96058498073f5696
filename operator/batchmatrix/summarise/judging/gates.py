"""Gates: a whole 95 % interval has to lie inside of a limit, that of a cell's mean or of its change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from batchmatrix.base.numbers import percent_sign, quantity
from batchmatrix.base.text import one_line
from batchmatrix.model.evidence import Outcome
from batchmatrix.model.judging import Comparison, Finding, GateRule, JudgingRules, Limit, Word
from batchmatrix.model.summary import CellSummary, Summary, TrialResult
from batchmatrix.summarise.judging.intervals import Interval, change, difference, mean_interval
from batchmatrix.summarise.judging.scope import by_cell, cell_words, cells_of, no_cell
from batchmatrix.summarise.trials import number, reading

__all__ = ["gates"]


@dataclass(frozen=True, slots=True)
class _Sample:
    """One metric of one cell."""

    values: tuple[float, ...]
    """Of the trials that succeeded at once: those of others flatter, as what was slow may have failed for it."""
    whole: bool
    """Every planned trial gave one, and nothing in its log that was no number."""
    words: str
    """How many did."""


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
class _Look:
    """All that the gates of one summary look at."""

    rules: JudgingRules
    cells: Mapping[str, CellSummary]
    results: Mapping[str, Mapping[int, TrialResult]]
    bases: Mapping[str, str]
    comparisons: Mapping[tuple[str, str], Comparison]
    doubts: Mapping[str, str]
    """Cell to why nothing may be read from its change, whatever the metric: a key of _DOUBTS."""

    baselines: frozenset[str]
    """Cells that others are held against, and that are held against none themselves."""
    samples: dict[tuple[str, str], _Sample] = field(default_factory=dict)
    """Those that were looked at before: of a baseline it is always the same."""

    def scale(self, metric: str) -> str:
        return next((each.scale for each in self.rules.metrics if each.name == metric), "log")

    def sample(self, cell: str, metric: str) -> _Sample:
        if (cell, metric) not in self.samples:
            self.samples[cell, metric] = self._sample(cell, metric)
        return self.samples[cell, metric]

    def _sample(self, cell: str, metric: str) -> _Sample:
        results, trials = self.results.get(cell, {}), self.cells[cell].trials
        values, sound = [], 0
        for trial in range(trials):
            record = results[trial].record if trial in results else None
            if record is None or record.outcome is not Outcome.SUCCEEDED or results[trial].stumbled:
                continue
            found = reading(record, metric)
            value = number(found)
            if found is not None and value is not None:
                values.append(value)
                sound += not found.invalid
        return _Sample(tuple(values), 0 < sound == trials, f"{sound} of {trials} trials of {one_line(cell, limit=63)}")


def gates(summary: Summary, rules: JudgingRules, comparisons: Sequence[Comparison]) -> Iterator[Finding]:
    """One finding for each gate and each cell that it speaks of, in the order of the rules, then of the cells.

    It passes where the whole interval is inside of each limit and every trial has its value, and fails where the whole
    interval is outside of one; all else is inconclusive. Relative limits do not speak of a baseline itself.
    `comparisons` are those with the baselines: of a metric that is in them the interval is theirs, and what is not
    comparable or confounded there, decides nothing here.
    """
    bases = dict(rules.pairs)
    look = _Look(
        rules=rules,
        cells={cell.name: cell for cell in summary.cells},
        results=by_cell(summary),
        bases=bases,
        comparisons={(each.cell, each.metric): each for each in comparisons},
        doubts=_doubtful(rules, comparisons),
        baselines=frozenset(bases.values()) - frozenset(bases),
    )
    for rule in rules.gates:
        cells = cells_of(summary, rules, rule.when)
        if cells is None:
            continue
        found = [finding for cell in cells if (finding := _finding(look, rule, cell)) is not None]
        if not found:
            text = "it fits no cell" if not cells else "it fits baselines alone, which are held against nothing"
            found = [no_cell("gate", rule.name, rule, text)]
        yield from found


_SELECTED = "rerun-selected"
_NO_DIRECTION = "no-direction"
"""Reasons of the comparing stage: only some trials of a side were run again; which way is better is not known."""

_DOUBTS = {
    "confounded": "it ran on other nodes than its baseline, or at another time (compare.allowConfounded)",
    _SELECTED: "only some trials of a side were run again, which selects among its results",
}


def _doubtful(rules: JudgingRules, comparisons: Sequence[Comparison]) -> Mapping[str, str]:
    found = {each.cell: _SELECTED for each in comparisons if _SELECTED in each.reasons}
    if not rules.compare.allow_confounded:
        found |= {each.cell: "confounded" for each in comparisons if each.confounded}
    return found


def _finding(look: _Look, rule: GateRule, cell: CellSummary) -> Finding | None:
    is_base = cell.name in look.baselines
    parts = [
        _relative(look, rule, cell, limit, upper=upper) if limit.relative else _absolute(look, rule, cell, limit, upper)
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


def _absolute(look: _Look, rule: GateRule, cell: CellSummary, limit: Limit, upper: bool) -> _Part:
    sample = look.sample(cell.name, rule.metric)
    found = mean_interval(sample.values, look.scale(rule.metric))
    if found is None:
        return _Part("inconclusive", "no-interval", f"{_too_few(sample)} {rule.metric}, an interval needs two")
    at, low, high = (quantity(each, digits=6, marks=(limit.value,)) for each in (found.estimate, found.low, found.high))
    span = f"{rule.metric} {at} [{low}, {high}] ({found.kind})"
    return _decided(found, limit.value, limit, upper=upper, span=span, samples=[sample])


def _too_few(sample: _Sample) -> str:
    few = "no trial has" if not sample.values else f"{len(sample.values)} trial has"
    return f"{few} succeeded with a value of"


def _relative(look: _Look, rule: GateRule, cell: CellSummary, limit: Limit, *, upper: bool) -> _Part:
    base = look.bases.get(cell.name)
    if base is None or base not in look.cells:
        return _Part("inconclusive", "no-baseline", f"{limit.text} is against a baseline, and it has none")
    compared = look.comparisons.get((cell.name, rule.metric))
    if compared is not None and compared.word is Word.NOT_COMPARABLE:
        why = compared.reasons[0] if compared.reasons else "not-comparable"
        if why != _NO_DIRECTION:  # a limit has a direction of its own
            return _Part("inconclusive", why, f"{rule.metric} cannot be compared: {compared.text}")
    if cell.name in look.doubts:
        return _Part("inconclusive", look.doubts[cell.name], _DOUBTS[look.doubts[cell.name]])
    one, other = look.sample(cell.name, rule.metric), look.sample(base, rule.metric)
    least = look.rules.compare.min_trials
    if min(len(one.values), len(other.values)) < least:
        counts = f"{len(one.values)} v {len(other.values)} trials have a value of {rule.metric}"
        return _Part("inconclusive", "too-few-trials", f"{counts}, {least} on each side are the least")
    if look.scale(rule.metric) == "linear":
        return _linear(rule, limit, one, other, upper=upper)
    found = _from(compared) or change(one.values, other.values)
    if found is None:
        return _Part("inconclusive", "no-interval", f"{rule.metric} has no spread on either side, or is not positive")
    at, low, high = (percent_sign(each, marks=(limit.value,)) for each in (found.estimate, found.low, found.high))
    span = f"{rule.metric} {at} [{low}, {high}]"
    return _decided(found, limit.value, limit, upper=upper, span=span, samples=[one, other])


def _from(compared: Comparison | None) -> Interval | None:
    if compared is None or compared.estimate is None or compared.low is None or compared.high is None:
        return None
    return Interval(compared.estimate, compared.low, compared.high)


def _linear(rule: GateRule, limit: Limit, one: _Sample, other: _Sample, *, upper: bool) -> _Part:
    """A share of a mean that is itself estimated: the cell is held against as much more of the baseline's trials.

    The mean of x is at most 1.05 times that of y exactly where that of x - 1.05 y is at most 0, and that is Welch's
    test of x and 1.05 y. A share of a mean that may as well be 0 says nothing.
    """
    mean = mean_interval(other.values, "linear")
    if mean is None or mean.low <= 0 <= mean.high:
        return _Part("inconclusive", "baseline-near-zero", f"{limit.text} of a baseline that may be 0 says nothing")
    factor = 1 + limit.value if mean.estimate > 0 else 1 - limit.value
    found = difference(one.values, [factor * value for value in other.values])
    if found is None:
        return _Part("inconclusive", "no-interval", f"{rule.metric} has no spread on either side")
    span = (
        f"{rule.metric} less {factor:g} times its baseline {found.estimate:+.4g} [{found.low:+.4g}, {found.high:+.4g}]"
    )
    part = _decided(found, 0.0, limit, upper=upper, span=span, samples=[one, other])
    return _Part(part.status, part.reason, part.text)


def _decided(
    found: Interval, bound: float, limit: Limit, *, upper: bool, span: str, samples: Sequence[_Sample]
) -> _Part:
    """What the interval says to one limit; a pass needs the value of every trial."""
    inside = found.high <= bound if upper else found.low >= bound
    outside = found.low > bound if upper else found.high < bound
    missing = [sample.words for sample in samples if not sample.whole]
    limit_words = f"{'at most' if upper else 'at least'} {limit.text}"
    if outside:
        status, reason, text = "fail", "outside", f"{span} is beyond {limit_words}"
    elif not inside:
        status, reason, text = "inconclusive", "undecided", f"{span} is on both sides of {limit_words}"
    elif missing:
        status, reason = "inconclusive", "missing-values"
        text = f"{span} keeps {limit_words}, but only {' and '.join(missing)} have a sound value"
    else:
        status, reason, text = "pass", "inside", f"{span} keeps {limit_words}"
    return _Part(status, reason, text, found.estimate, found.low, found.high)
