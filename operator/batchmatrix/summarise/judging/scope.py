"""Which cells a rule speaks of, and how its limits and the numbers that it meets are written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from batchmatrix.base.text import one_line
from batchmatrix.model.judging import Finding, JudgingRules, Match, Rule, fits
from batchmatrix.model.summary import CellSummary, Summary, TrialResult

__all__ = ["by_cell", "cell_words", "cells_of", "exact", "no_cell", "other_labels"]


def cells_of(summary: Summary, rules: JudgingRules, when: Match) -> Sequence[CellSummary] | None:
    """The cells that `when` fits; None where it asks for another value of one of the spec's own labels.

    Such a rule is written for another mode of the same matrix, and has nothing to say in this one.
    """
    if other_labels(rules, when):
        return None
    return [cell for cell in summary.cells if fits(when, {**rules.labels, **cell.values})]


def other_labels(rules: JudgingRules, when: Match) -> Match:
    """What `when` asks of labels of the spec that have another value."""
    return {
        name: wanted for name, wanted in when.items() if name in rules.labels and not fits({name: wanted}, rules.labels)
    }


def by_cell(summary: Summary) -> Mapping[str, Mapping[int, TrialResult]]:
    """Cell to the number of a trial to its result, for those that there are."""
    found: defaultdict[str, dict[int, TrialResult]] = defaultdict(dict)
    for result in summary.trials:
        found[result.cell][result.trial] = result
    return found


def no_cell(kind: str, name: str, rule: Rule, text: str) -> Finding:
    """What there is to say of a rule that has nothing to look at: such a rule has not been kept."""
    return Finding(
        kind=kind,
        name=name,
        cell="",
        metric=rule.metric,
        status="inconclusive",
        severity=rule.severity,
        text=f"{text}, so nothing shows that it is kept",
        reason="no-cell",
    )


def cell_words(cell: CellSummary) -> str:
    """A cell as it is called in a line."""
    return f"cell {one_line(cell.name, limit=63)}"


def exact(value: float) -> str:
    """The shortest decimal that reads back as `value`, without a fraction where it has none."""
    return repr(value).removesuffix(".0")
