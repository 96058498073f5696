"""Whether the trials of a plan are enough for a comparison to show anything, known before anything runs.

Failures are compared by Boschloo's exact test, two-sided (twice the one-sided p), all comparisons of a matrix
together under Holm's rule. The most that can be seen is all n0 trials of one side failing and none of the other's
n1. Of all tables that one has the smallest Fisher p on its side, so it is Boschloo's whole rejection region, and
its p is the largest chance of it under any common rate r: max of r^n0 (1-r)^n1, reached at r = n0/(n0+n1).
For n on both sides that is 2 / 4^n: 3, 5 and 6 trials a side reach 0.05, 0.05/10 and 0.05/100.
(Boschloo 1970, Raised conditional level of significance for the 2x2-table; Holm 1979, A simple sequentially
rejective multiple test procedure.)

Times need `compare.minTrials` trials on each side; below it they are not comparable.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from batchmatrix.base.text import scalar_text
from batchmatrix.model.catalog import NO_MITIGATION
from batchmatrix.model.cell import Cell
from batchmatrix.model.v1alpha1 import Baseline, MatchValue, Spec
from batchmatrix.plan.match import Rule

__all__ = ["Comparison", "Finding", "comparisons", "least_trials", "one_baseline", "reach", "smallest_p"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a plan that its author may want to change before it runs."""

    code: str
    """A stable word for programs, such as `failures-out-of-reach`."""
    message: str
    """One line, with a remedy."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A cell and the one it is compared with."""

    cell: Cell
    baseline: Cell


def smallest_p(baseline: int, cell: int) -> float:
    """Smallest two-sided p that a comparison of failures can have with so many trials on its sides."""
    total = baseline + cell
    if not baseline or not cell:
        return 1.0
    return min(1.0, 2.0 * (baseline / total) ** baseline * (cell / total) ** cell)


def least_trials(level: float, comparisons: int) -> int:
    """Fewest trials on each side with which one of so many comparisons can show a difference in failures at all."""
    trials = 1
    while smallest_p(trials, trials) > level / max(1, comparisons):
        trials += 1
    return trials


def comparisons(cells: Sequence[Cell], baseline: Baseline | None) -> list[Comparison]:
    """Which cell is held against which, in the order of the cells; hardware of different kinds is never compared.

    Without a baseline in the spec it is the first cell called `baseline-*`, else the first with mitigation none.
    """
    if baseline is not None and baseline.match is not None:
        return list(_matched(cells, baseline.match))
    base = _single(cells, baseline)
    if base is None:
        return []
    return [Comparison(cell, base) for cell in cells if cell is not base and cell.hardware == base.hardware]


def one_baseline(cells: Sequence[Cell], baseline: Baseline | None) -> Cell | None:
    """The one cell that the ratio rule holds all others against; of those that a match fits, the first."""
    if baseline is not None and baseline.match is not None:
        rule = Rule(baseline.match, alternatives=False)
        return next((cell for cell in cells if rule.fits(cell.values)), None)
    return _single(cells, baseline)


def _single(cells: Sequence[Cell], baseline: Baseline | None) -> Cell | None:
    if baseline is not None:
        return next((cell for cell in cells if cell.name == baseline.cell), None)
    for cell in cells:
        if cell.name.startswith("baseline-"):
            return cell
    return next((cell for cell in cells if cell.mitigations == (NO_MITIGATION,)), None)


def _matched(cells: Sequence[Cell], match: dict[str, MatchValue]) -> Iterator[Comparison]:
    rule = Rule(match, alternatives=False)  # as in include.match, a list is one stack
    bases: dict[tuple[tuple[str, str], ...], Cell] = {}
    for cell in cells:
        if rule.fits(cell.values):
            bases.setdefault(_others(cell, match), cell)
    for cell in cells:
        base = bases.get(_others(cell, match))
        if base is not None and not rule.fits(cell.values) and base.hardware == cell.hardware:
            yield Comparison(cell, base)


def _others(cell: Cell, match: dict[str, MatchValue]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((axis, scalar_text(value)) for axis, value in cell.values.items() if axis not in match))


def reach(cells: Sequence[Cell], spec: Spec) -> tuple[Finding, ...]:
    """What the comparisons of these cells can never show; nothing where there are fewer than two cells."""
    if len(cells) < 2:
        return ()
    pairs = comparisons(cells, spec.baseline)
    if not pairs and not _compares(cells, spec):
        return tuple(_order(spec, cells))
    if not pairs:
        text = "no cell is compared with another: no baseline fits; name one in spec.baseline"
        return (Finding("no-baseline", text), *_order(spec, cells))
    return (*_failures(pairs, spec.compare.level), *_times(pairs, spec), *_order(spec, cells))


def _compares(cells: Sequence[Cell], spec: Spec) -> bool:
    """Whether its author can have wanted a comparison: else a grid without a baseline is as it should be."""
    directed = any(metric.direction is not None for metric in spec.metrics)
    return directed or bool(spec.compare.metrics) or any(cell.mitigations for cell in cells)


def _failures(pairs: Sequence[Comparison], level: float) -> Iterator[Finding]:
    """Holm's rule on the best that could be seen: what it does not reject then, no result can make it reject."""
    best = sorted((smallest_p(pair.baseline.trials, pair.cell.trials), index) for index, pair in enumerate(pairs))
    rejected = 0
    while rejected < len(best) and best[rejected][0] <= level / (len(best) - rejected):
        rejected += 1
    lost = len(best) - rejected
    if not lost:
        return
    pair = pairs[best[rejected][1]]
    needed = least_trials(level, len(pairs))
    sides = f"{pair.cell.trials} of {pair.cell.trials} failed against 0 of {pair.baseline.trials}"
    text = (
        f"{_of(lost, len(pairs))} can never show a difference in failures at level {level:g}: even {sides} has "
        f"p {best[rejected][0]:.2g}, and the smallest of {len(pairs)} needs {level / len(pairs):.2g} or less; "
        f"{needed} trials a cell are the least"
    )
    yield Finding("failures-out-of-reach", text)


def _times(pairs: Sequence[Comparison], spec: Spec) -> Iterator[Finding]:
    least = spec.compare.min_trials
    if not spec.compare.metrics and all(metric.direction is None for metric in spec.metrics):
        return
    lost = sum(min(pair.cell.trials, pair.baseline.trials) < least for pair in pairs)
    if lost:
        text = (
            f"{_of(lost, len(pairs))} of metrics will be 'not comparable': fewer than {least} trials on a side "
            f"(spec.compare.minTrials); {least} trials a cell are the least, 5 are advised"
        )
        yield Finding("times-not-comparable", text)


def _order(spec: Spec, cells: Sequence[Cell]) -> Iterator[Finding]:
    if spec.order == "cells" and any(cell.trials > 1 for cell in cells):
        text = (
            "order: cells runs cell after cell, so a drift of the machines over time looks like a difference between "
            "cells; order: rounds interleaves them"
        )
        yield Finding("order-confounded", text)


def _of(some: int, all_: int) -> str:
    return "the only comparison" if all_ == 1 else f"{some} of {all_} comparisons"
