"""What judging adds to matrix.json: comparisons, the ratio rule, checks and gates."""

from __future__ import annotations

from typing import Literal

from batchmatrix.model.judging import Word
from batchmatrix.model.rules_json import LimitShape
from batchmatrix.model.shapes import Shape

__all__ = ["ComparisonShape", "ConfoundShape", "FindingShape", "JudgementShape"]


class ComparisonShape(Shape):
    """One cell against its baseline in one metric, or in how often trials fail.

    Effects are changes: shares on a log scale (0.041 is +4.1 %), differences on a linear one and of failure rates.
    """

    cell: str
    baseline: str
    """Empty where there is none."""
    metric: str
    """Empty for how often trials fail."""
    unit: str
    word: Word
    reasons: tuple[str, ...]
    """Stable codes, the one that decided first."""
    text: str
    """One line: effect, interval, word, n, p."""
    n: int
    """Trials that count, of the cell."""
    n0: int
    """Of the baseline."""
    failed: int
    failed0: int
    m: int
    """Planned comparisons that share the chance of a false alarm."""
    estimate: float | None
    low: float | None
    """95 % interval."""
    high: float | None
    low90: float | None
    high90: float | None
    p: float | None
    p_holm: float | None
    p_equivalence: float | None
    p_equivalence_holm: float | None
    margin: float | None
    sd_trial: float | None
    """Standard deviation between trials, pooled over the two sides."""
    smallest_effect80: float | None
    """Smallest change that this run had an 80 % chance to show."""
    trials_for_margin: int | None
    """Trials per cell that would have an 80 % chance to show a change of `margin`."""
    rate: tuple[float, float] | None
    """Wilson's 95 % interval of the cell's failure rate."""
    rate0: tuple[float, float] | None
    scale: Literal["log", "linear"]
    method: str
    confounded: tuple[str, ...]
    """`node`, `time`."""
    trials: tuple[int, ...]
    """Numbers of the cell's trials that went into it."""
    trials0: tuple[int, ...]


class ConfoundShape(Shape):
    """The ratio rule for one cell."""

    cell: str
    baseline: str
    metric: str
    ratio: float | None
    label: str
    """`none`, `speed (+N%)` or `n/a`."""
    reading: Literal["shown", "possible", "excluded", ""]


class FindingShape(Shape):
    """What one check or gate has come to for one cell."""

    kind: Literal["check", "gate"]
    name: str
    cell: str
    """Empty where the rule fits no cell."""
    metric: str
    status: Literal["pass", "fail", "inconclusive"]
    severity: Literal["fail", "warn"]
    text: str
    reason: str
    """Stable code."""
    actual: float | None
    low: float | None
    high: float | None
    minimum: LimitShape | None
    maximum: LimitShape | None


class JudgementShape(Shape):
    """All that judging adds."""

    headline: str
    baseline: str
    """The one cell of the ratio rule."""
    warnings: tuple[str, ...]
    findings: tuple[FindingShape, ...]
    comparisons: tuple[ComparisonShape, ...]
    confounds: tuple[ConfoundShape, ...]
