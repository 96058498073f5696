"""Two runs as one that can be compared: each cell of the later against the same cell of the earlier."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from batchmatrix.base.text import counted, scalar_text
from batchmatrix.model.judging import FAILURES, Comparison, JudgingRules
from batchmatrix.model.summary import CellSummary, Summary
from batchmatrix.publish.plain import plain
from batchmatrix.summarise.comparison.compare import compare

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
    """Compare what the two have in common, by `rules` but for the pairs; what one of them alone has is noted."""
    old = {_same(cell): cell for cell in before.cells}
    pairs = [(cell, old[_same(cell)]) for cell in after.cells if _same(cell) in old]
    cells: list[CellSummary] = []
    for cell, base in pairs:
        cells += [cell, replace(base, name=base.name + _BEFORE)]
    kept = {base.name for _, base in pairs}
    names = {cell.name for cell, _ in pairs}
    trials = [
        *(each for each in after.trials if each.cell in names),
        *(replace(each, cell=each.cell + _BEFORE) for each in before.trials if each.cell in kept),
    ]
    both = replace(after, cells=tuple(cells), trials=tuple(trials))
    judgement = compare(
        both,
        replace(
            rules,
            pairs=tuple((cell.name, base.name + _BEFORE) for cell, base in pairs),
            baseline="",
            compare=replace(rules.compare, allow_confounded=True),
            order="rounds",
        ),
    )
    notes = [judgement.headline] if judgement.headline else []
    for what, count in (
        ("only before", len(before.cells) - len(pairs)),
        ("only after", len(after.cells) - len(pairs)),
    ):
        notes += [f"{counted(count, 'cell')} {what}: not compared"] if count else []
    if pairs:
        notes.append(TIME_APART)
    else:
        notes.append("the two runs have no cell in common: no values of all axes are the same")
    return TwoRuns(judgement.comparisons, [*notes, *judgement.warnings])


def _same(cell: CellSummary) -> tuple[tuple[str, str], ...] | str:
    """What makes cells of two runs the same: the values of all axes; the name where there are none."""
    return tuple(sorted((axis, scalar_text(value)) for axis, value in cell.values.items())) or cell.name
