"""What all comparisons of a matrix come to: one sentence, and what to look at before believing it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from batchmatrix.base.text import one_line
from batchmatrix.model.judging import FAILURES, Comparison, Word, overall

__all__ = ["headline", "same_way"]

FEW = 4
"""Cells of one baseline below which it says nothing that most of them go one way."""

_ORDER = (
    Word.BREAKS,
    Word.FIXES,
    Word.SLOWER,
    Word.WORSE,
    Word.FASTER,
    Word.BETTER,
    Word.EQUIVALENT,
    Word.NO_EVIDENCE,
    Word.NOT_COMPARABLE,
)
_SAID = {Word.BREAKS: "fails more", Word.FIXES: "fails less"}
_NAME = 63


def headline(rows: Mapping[str, Sequence[Comparison]]) -> str:
    """One sentence over the comparisons of each cell; empty where there are none."""
    if not rows:
        return ""
    counts = Counter(overall(own) for own in rows.values())
    said = ", ".join(f"{counts[word]} {_said(word, counts[word])}" for word in _ORDER if counts[word])
    bases = {row.baseline for own in rows.values() for row in own if row.baseline}
    against = one_line(next(iter(bases)), limit=_NAME) if len(bases) == 1 else "their baselines"
    return f"Against {against}: {said}." if bases else f"Nothing is compared: {said}."


def same_way(rows: Sequence[Comparison], level: float) -> tuple[str, ...]:
    """A warning for each baseline and metric of which more than half of the cells move one way, each taken alone."""
    groups: dict[tuple[str, str], list[Comparison]] = {}
    for row in rows:
        if row.baseline:
            groups.setdefault((row.baseline, row.metric), []).append(row)
    found = []
    for (base, metric), group in groups.items():
        moved = Counter(row.estimate > 0 for row in group if row.estimate and row.p is not None and row.p <= level)
        for up, count in moved.items():
            if len(group) >= FEW and 2 * count > len(group):
                found.append(_warning(one_line(base, limit=_NAME), metric, count, len(group), up=up))
    return tuple(found)


def _warning(base: str, metric: str, count: int, of: int, *, up: bool) -> str:
    if metric == FAILURES:
        what = f"fail {'more' if up else 'less'} often than {base}"
    else:
        what = f"have {'more' if up else 'less'} {one_line(metric, limit=_NAME)} than {base}"
    return f"{count} of {of} cells {what}: look at the baseline first"


def _said(word: Word, count: int) -> str:
    text = _SAID.get(word, word.value)
    return text.replace("fails", "fail") if count > 1 else text
