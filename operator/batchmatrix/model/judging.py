"""How results are judged: the rules of a spec in the form that the judging stage takes, and what it comes to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from batchmatrix.base.text import scalar_text
from batchmatrix.model.cell import Scalar

__all__ = [
    "FAILURES",
    "NO_RULES",
    "CheckRule",
    "CompareRule",
    "Comparison",
    "ConfoundReading",
    "ConfoundRule",
    "Finding",
    "GateRule",
    "Judgement",
    "JudgingRules",
    "Limit",
    "Match",
    "MetricRule",
    "Rule",
    "Word",
    "fits",
    "overall",
]

FAILURES = ""
"""In the place of a metric's name: the comparison of how often trials fail."""

Match = Mapping[str, frozenset[str]]
"""Axis or label to its values that match, as texts (a stack of mitigations is `a+b`); empty matches all."""


def fits(match: Match, values: Mapping[str, Scalar]) -> bool:
    """Whether a cell with these values of axes and labels agrees with all that `match` names."""
    return all(name in values and scalar_text(values[name]) in wanted for name, wanted in match.items())


class Word(StrEnum):
    """What one comparison of a cell with its baseline has shown."""

    FIXES = "fixes"
    BREAKS = "breaks"
    SLOWER = "slower"
    FASTER = "faster"
    WORSE = "worse"
    """For a metric that is no time and no rate."""
    BETTER = "better"
    EQUIVALENT = "equivalent"
    NO_EVIDENCE = "no evidence"
    NOT_COMPARABLE = "not comparable"


@dataclass(frozen=True, slots=True)
class MetricRule:
    """What is to be known of a metric to judge it."""

    name: str
    unit: str = ""
    direction: str = ""
    """`lower` or `higher`: which is better; empty where nobody said."""
    scale: str = "log"
    """`log`: compared as ratios, `linear`: as differences."""
    required: bool = False


@dataclass(frozen=True, slots=True)
class CompareRule:
    """How cells are compared with their baseline."""

    metrics: tuple[str, ...] = ()
    level: float = 0.05
    """Chance of one false alarm over all cells."""
    margin: float = 0.05
    """Difference up to which cells are equivalent, as a share: 0.05 is 5 %."""
    min_trials: int = 3
    allow_confounded: bool = False
    aa_control: bool = False


@dataclass(frozen=True, slots=True)
class ConfoundRule:
    """When a cell that fixes something may only be slower."""

    metric: str = ""
    """Empty: the first metric that is compared."""
    threshold: float = 1.15


@dataclass(frozen=True, slots=True)
class Limit:
    """A bound of a gate."""

    value: float
    """As a share where `relative`: 0.05 is +5 %."""
    relative: bool = False
    """Against the baseline; else a value of the metric."""
    text: str = ""
    """As the user wrote it."""


@dataclass(frozen=True, slots=True)
class CheckRule:
    """A threshold on one metric of each cell that `when` matches: every trial has to keep it."""

    metric: str
    min: float | None = None
    max: float | None = None
    when: Match = field(default_factory=dict)
    severity: str = "fail"


@dataclass(frozen=True, slots=True)
class GateRule:
    """A threshold that a whole interval has to keep: on a cell's mean, or on its change against the baseline."""

    name: str
    metric: str
    min: Limit | None = None
    max: Limit | None = None
    when: Match = field(default_factory=dict)
    severity: str = "fail"


@dataclass(frozen=True, slots=True)
class JudgingRules:
    """All that a spec says about judging; a stored run can be judged anew by other rules."""

    metrics: tuple[MetricRule, ...] = ()
    labels: dict[str, Scalar] = field(default_factory=dict)
    """spec.labels: constants that `when` can match."""
    pairs: tuple[tuple[str, str], ...] = ()
    """Which cell is held against which, by their names, in the order of the cells; a baseline has no pair."""
    baseline: str = ""
    """The one cell of the ratio rule; empty where there is none."""
    compare: CompareRule = CompareRule()
    confound: ConfoundRule = ConfoundRule()
    checks: tuple[CheckRule, ...] = ()
    gates: tuple[GateRule, ...] = ()
    order: str = "rounds"
    """`rounds` or `cells`: without rounds, cells are not interleaved in time."""


NO_RULES = JudgingRules()


@dataclass(frozen=True, slots=True)
class Comparison:
    """One cell against its baseline in one metric, or in how often trials fail.

    Effects are changes against the baseline: on a log scale a share (0.041 is +4.1 %), on a linear one the difference
    in the metric's unit, for failures the difference of the two rates.
    """

    cell: str
    baseline: str
    """Empty where there is none."""
    metric: str
    """FAILURES for how often trials fail."""
    unit: str
    word: Word
    reasons: tuple[str, ...]
    """Stable codes, the one that decided first; docs/reference/verdicts.md lists them."""
    text: str
    """One line: effect, interval, word, n, p."""
    n: int
    """Trials that count, of the cell and of the baseline."""
    n0: int
    failed: int = 0
    failed0: int = 0
    m: int = 0
    """Planned comparisons that share the chance of a false alarm."""
    estimate: float | None = None
    low: float | None = None
    """95 % interval (Wilson's for failures: see low_rate)."""
    high: float | None = None
    low90: float | None = None
    high90: float | None = None
    p: float | None = None
    p_holm: float | None = None
    p_equivalence: float | None = None
    p_equivalence_holm: float | None = None
    margin: float | None = None
    sd_trial: float | None = None
    """Standard deviation between trials, pooled over the two sides, on the scale of the comparison."""
    smallest_effect80: float | None = None
    """Smallest change that this run had an 80 % chance to show."""
    trials_for_margin: int | None = None
    """Trials per cell that would have an 80 % chance to show a change of `margin`."""
    rate: tuple[float, float] | None = None
    """Wilson's 95 % interval of the cell's failure rate."""
    rate0: tuple[float, float] | None = None
    scale: str = "log"
    method: str = ""
    confounded: tuple[str, ...] = ()
    """`node`, `time`."""
    trials: tuple[int, ...] = ()
    """Numbers of the cell's trials that went into it."""
    trials0: tuple[int, ...] = ()


def overall(comparisons: Iterable[Comparison]) -> Word:
    """One word for a cell from all its comparisons: failures first, then what is worse, then what is better.

    It is equivalent where every metric that can be compared is; how often trials fail cannot be shown to be.
    """
    rows = tuple(comparisons)
    words = [row.word for row in rows if row.metric != FAILURES]
    failures = [row.word for row in rows if row.metric == FAILURES]
    for wanted in (Word.BREAKS, Word.FIXES):
        if wanted in failures:
            return wanted
    for adverse in (Word.SLOWER, Word.WORSE, Word.FASTER, Word.BETTER):
        if adverse in words:
            return adverse
    known = [word for word in words if word is not Word.NOT_COMPARABLE] or failures
    if all(word is Word.NOT_COMPARABLE for word in known):
        return Word.NOT_COMPARABLE
    return Word.EQUIVALENT if all(word is Word.EQUIVALENT for word in known) else Word.NO_EVIDENCE


@dataclass(frozen=True, slots=True)
class ConfoundReading:
    """The ratio rule: is the cell slower than its baseline by more than the threshold?"""

    cell: str
    baseline: str
    metric: str
    ratio: float | None
    """Mean of the cell by mean of the baseline."""
    label: str
    """`none`, `speed (+N%)` or `n/a`."""
    reading: str
    """`shown` (the whole interval is above the threshold), `possible`, `excluded`; empty where there is no interval."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check or gate has come to for one cell."""

    kind: str
    """`check` or `gate`."""
    name: str
    cell: str
    metric: str
    status: str
    """`pass`, `fail`, `inconclusive`."""
    severity: str
    """`fail` or `warn`."""
    text: str
    """One line: what was asked, what there is."""
    reason: str
    """Stable code."""
    actual: float | None = None
    low: float | None = None
    high: float | None = None
    minimum: Limit | None = None
    maximum: Limit | None = None


Rule = CheckRule | GateRule


@dataclass(frozen=True, slots=True)
class Judgement:
    """All that judging adds to a summary."""

    headline: str = ""
    """One sentence over all comparisons."""
    baseline: str = ""
    """The one cell of the ratio rule; each comparison names its own."""
    comparisons: tuple[Comparison, ...] = ()
    """Cells in plan order, and of each failures first, then metrics in the order of compare.metrics."""
    confounds: tuple[ConfoundReading, ...] = ()
    findings: tuple[Finding, ...] = ()
    warnings: tuple[str, ...] = ()
    """About the matrix as a whole, one line each."""
