"""The ratio rule: is a cell slower than the one baseline by more than a factor, so that being slow may be its cure?

A mitigation can hide a race by slowing everything down. The rule looks at two means and nothing else, so that as a test
it is a toss of a coin where the truth lies at the threshold; it is a flag and no verdict. Beside it stands what the
interval of the same comparison says about the threshold; only `excluded` clears a cell. The means are those of all
trials with a value, failed ones too; the comparison counts trials that passed. Where the two rest on different
trials, or their answers contradict each other, the reading is `possible` at best.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from batchmatrix.base.text import one_line
from batchmatrix.model.judging import Comparison, ConfoundReading, JudgingRules, MetricRule
from batchmatrix.model.summary import CellSummary
from batchmatrix.summarise.comparison.reasons import Reason
from batchmatrix.summarise.comparison.units import better_up

__all__ = ["label", "ratio_rule"]

NONE, NOT_KNOWN = "none", "n/a"
_DOUBTS = frozenset(
    {
        Reason.SURVIVORS_ONLY,
        Reason.TRIALS_MISSING,
        Reason.FAILS_MORE,
        Reason.CONFOUNDED_NODE,
        Reason.CONFOUNDED_TIME,
        Reason.RERUN_SELECTED,
    }
)

_AGREES = {True: "excluded", False: "shown"}
"""By whether the label is `none`: the one firm reading that does not contradict it."""


def label(slowdown: float | None, threshold: float) -> str:
    """`speed (+N%)` strictly above the threshold, `none`, or `n/a` where there is no ratio.

    N has a minus where the threshold is below 1 and the ratio too.
    """
    if slowdown is None:
        return NOT_KNOWN
    return f"speed ({(slowdown - 1) * 100:+.0f}%)" if slowdown > threshold else NONE


def ratio_rule(
    cells: Sequence[CellSummary], metric: MetricRule, rules: JudgingRules, comparisons: Sequence[Comparison]
) -> tuple[tuple[ConfoundReading, ...], tuple[str, ...]]:
    """A reading for each cell, the baseline's own first of all `none`, and warnings; nothing without a baseline."""
    base = next((cell for cell in cells if cell.name == rules.baseline), None)
    if base is None:
        return (), ()
    rows = {row.cell: row for row in comparisons if row.baseline == base.name and row.metric == metric.name}
    n0, mean0 = _mean(base, metric.name)
    faster_up = better_up(metric) is True
    found = []
    for cell in cells:
        n, mean = _mean(cell, metric.name)
        ratio = _ratio(mean, mean0)
        # one division: the inverse of a rounded ratio is above a threshold at which the means stand exactly
        slowdown = _ratio(mean0, mean) if faster_up else ratio
        text = label(slowdown, rules.confound.threshold)
        if cell is base:
            text = NONE if ratio is not None else NOT_KNOWN
        reading = _reading(rows, cell.name, rules.confound.threshold, faster_up=faster_up)
        if reading and ((rows[cell.name].n, rows[cell.name].n0) != (n, n0) or reading != _AGREES[text == NONE]):
            reading = "possible"
        found.append(ConfoundReading(cell.name, base.name, metric.name, ratio, text, reading))
    usable = mean0 is not None and mean0 > 0
    what = f"baseline {one_line(base.name, limit=63)} has no usable {one_line(metric.name, limit=63)}"
    warning = f"{what}: no cell can be checked for being only slower"
    return tuple(found), () if usable else (warning,)


def _mean(cell: CellSummary, metric: str) -> tuple[int, float | None]:
    """With how many trials are in it."""
    return next(((each.n, each.mean) for each in cell.metrics if each.name == metric), (0, None))


def _ratio(mean: float | None, mean0: float | None) -> float | None:
    """None where a mean is missing or not positive, and where no float holds the ratio or its inverse."""
    if mean is None or mean0 is None or mean <= 0 or mean0 <= 0:
        return None
    ratio, inverse = mean / mean0, mean0 / mean
    return ratio if math.isfinite(ratio) and math.isfinite(inverse) and ratio > 0 and inverse > 0 else None


def _reading(rows: Mapping[str, Comparison], cell: str, threshold: float, *, faster_up: bool) -> str:
    """From the 95 % interval; empty where there is none, or none of ratios."""
    row = rows.get(cell)
    if row is None or row.low is None or row.high is None or row.scale != "log":
        return ""
    low, high = 1 + row.low, 1 + row.high
    if faster_up:
        if low <= 0:
            return ""
        low, high = 1 / high, 1 / low
    if _DOUBTS.intersection(row.reasons) or (not low > threshold and not high < threshold):
        return "possible"
    if low > threshold:
        return "possible" if Reason.FAILS_LESS in row.reasons else "shown"  # a baseline's survivors may make it so
    return "excluded"
