"""Two runs as one that can be compared: each cell of the later against the same cell of the earlier."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from batchmatrix.base.text import counted, one_line, scalar_text
from batchmatrix.model.judging import FAILURES, Comparison, JudgingRules
from batchmatrix.model.summary import CellSummary, Summary
from batchmatrix.publish.plain import plain
from batchmatrix.summarise.comparison.compare import compare, compared_metrics

__all__ = ["TwoRuns", "two_runs"]

_BEFORE = " (before)"

TIME_APART = (
    "the two runs were made at different times: a change of the machines between them looks like one of the workload"
)


@dataclass(frozen=True, slots=True)
class TwoRuns:
    """What came of it."""

    comparisons: tuple[Comparison, ...]
    notes: list[str] = field(default_factory=list)

    @property
    def rows(self) -> list[tuple[str, str, str]]:
        """Cell, what was compared, and the line that says what came of it."""
        return [
            (each.cell, "failures" if each.metric == FAILURES else each.metric, each.text) for each in self.comparisons
        ]

    def data(self) -> dict[str, Any]:
        """For programs."""
        return {"comparisons": [plain(each) for each in self.comparisons], "notes": self.notes}


def two_runs(before: Summary, after: Summary, rules: JudgingRules) -> TwoRuns:
    """Compare what the two have in common, by `rules` but for the pairs; what one of them alone has is noted.

    A metric that the two have in different units is not compared.
    """
    pairs = _pairs(before.cells, after.cells)
    names = _names(pairs, {cell.name for cell in after.cells})
    cells: list[CellSummary] = []
    for cell, base in pairs:
        cells += [cell, replace(base, name=names[base.name])]
    own = {cell.name for cell, _ in pairs}
    trials = [
        *(each for each in after.trials if each.cell in own),
        *(replace(each, cell=names[each.cell]) for each in before.trials if each.cell in names),
    ]
    metrics = [metric.name for metric in compared_metrics(rules)]
    units = _other_units(before, after, metrics)
    left = tuple(name for name in metrics if name not in units)
    judgement = compare(
        replace(after, cells=tuple(cells), trials=tuple(trials)),
        replace(
            rules,
            pairs=tuple((cell.name, names[base.name]) for cell, base in pairs),
            baseline="",
            # without a name in compare.metrics all that have a direction would be compared
            metrics=tuple(metric for metric in rules.metrics if metric.name in left),
            compare=replace(rules.compare, metrics=left, allow_confounded=True),
            order="rounds",
        ),
    )
    notes = [judgement.headline.replace("Against their baselines", "Against the run before", 1)] if pairs else []
    notes += units.values()
    notes += _alone(len(before.cells) - len(pairs), len(after.cells) - len(pairs))
    notes += [f"the run {name} has not ended: {run.reason}" for name, run in _runs(before, after) if not run.complete]
    if pairs:
        notes.append(TIME_APART)
        if not metrics:
            notes.append("failures alone are compared: no metric has a direction; name some in compare.metrics")
    else:
        notes.append("the two runs have no cell in common: no values of all axes are the same")
    return TwoRuns(judgement.comparisons, [*notes, *judgement.warnings])


def _runs(before: Summary, after: Summary) -> tuple[tuple[str, Summary], tuple[str, Summary]]:
    return ("before", before), ("after", after)


def _alone(before: int, after: int) -> Iterator[str]:
    for when, count in (("before", before), ("after", after)):
        if count:
            yield f"{counted(count, 'cell')} only {when}: not compared"


def _pairs(before: Sequence[CellSummary], after: Sequence[CellSummary]) -> list[tuple[CellSummary, CellSummary]]:
    """Cells of the same values; where several have them, those of the same name first, then in their order."""
    old: dict[object, list[CellSummary]] = {}
    for cell in before:
        old.setdefault(_same(cell), []).append(cell)
    found: dict[str, CellSummary] = {}
    for cell in after:
        twins = old.get(_same(cell), [])
        namesake = next((twin for twin in twins if twin.name == cell.name), None)
        if namesake is not None:
            twins.remove(namesake)
            found[cell.name] = namesake
    for cell in after:
        twins = old.get(_same(cell), [])
        if cell.name not in found and twins:
            found[cell.name] = twins.pop(0)
    return [(cell, found[cell.name]) for cell in after if cell.name in found]


def _same(cell: CellSummary) -> tuple[tuple[str, str], ...] | str:
    """What makes cells of two runs the same: the values of all axes; the name where there are none."""
    return tuple(sorted((axis, scalar_text(value)) for axis, value in cell.values.items())) or cell.name


def _names(pairs: Sequence[tuple[CellSummary, CellSummary]], taken: set[str]) -> dict[str, str]:
    """What the cells of the earlier run are called beside those of the later."""
    names = {}
    for _, base in pairs:
        name = base.name + _BEFORE
        while name in taken:
            name += _BEFORE
        taken.add(name)
        names[base.name] = name
    return names


def _other_units(before: Summary, after: Summary, metrics: Sequence[str]) -> dict[str, str]:
    """Metrics of other units on the two sides, each with a line that says so; a unit that nobody gave is any."""
    found = {}
    for name in metrics:
        old, new = (_units(run, name) for run in (before, after))
        if old and new and old != new:
            units = f"{_listed(new)} after, and {_listed(old)} before"
            found[name] = f"{one_line(name, limit=63)} is in {units}: not compared"
    return found


def _units(run: Summary, metric: str) -> set[str]:
    return {each.unit for cell in run.cells for each in cell.metrics if each.name == metric and each.unit}


def _listed(units: set[str]) -> str:
    return " or ".join(one_line(unit, limit=32) for unit in sorted(units))
