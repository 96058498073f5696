"""What judging has come to, as sections of the report for people."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from batchmatrix.base.numbers import quantity
from batchmatrix.base.text import counted, for_markdown, for_markdown_code, one_line
from batchmatrix.model.judging import FAILURES, Comparison, Finding, Judgement, Word
from batchmatrix.publish.fields import fitting
from batchmatrix.publish.forest import metrics_of
from batchmatrix.publish.forest_md import effect_rows, rate_rows

__all__ = ["comparison_lines", "finding_lines", "warning_lines"]

COMPARED_LIMIT = 60
"""Comparisons of one metric that are listed; matrix.json has them all."""

METRICS_LIMIT = 6
FINDING_LIMIT = 40
WARNING_LIMIT = 10
_TEXT = 320
_NAME = 63
_SHARED = 8
"""Cells that one line names."""

_ROW = 160
"""Bytes that a row of a plot takes at most, its dots being two or three each."""

_FENCE = re.compile(r"`{3,}")
_STATUS = ("fail", "inconclusive", "pass")


def warning_lines(judgement: Judgement) -> list[str]:
    """What speaks against the matrix as a whole, one line each; what is left out is said."""
    lines = [f"**Warning**: {_text(warning)}" for warning in judgement.warnings[:WARNING_LIMIT]]
    more = len(judgement.warnings) - WARNING_LIMIT
    return [*lines, f"And {counted(more, 'more warning')}: matrix.json has them all."] if more > 0 else lines


def comparison_lines(judgement: Judgement, *, limit: int | None = None) -> list[str]:
    """Forest plots and one line per comparison, by metric, failures first.

    With `limit` they take no more than about that many bytes: metrics share it. Where not all fit, those that have
    shown something stay. Empty without comparisons.
    """
    groups = list(metrics_of(judgement).items())
    if not groups:
        return []
    bases = Counter(one.baseline for one in judgement.comparisons if one.baseline)
    alone = next(iter(bases)) if len(bases) == 1 else ""
    lines = [f"## Against the baseline{f' {_name(alone)}' if alone else ''}", ""]
    shown = groups[:METRICS_LIMIT]
    share = None if limit is None else limit // len(shown)
    for metric, comparisons in shown:
        lines += _group(metric, comparisons, share, named=not alone)
    if len(groups) > len(shown):
        lines += [f"{counted(len(groups) - len(shown), 'more metric')} in matrix.json.", ""]
    return lines + _confounds(judgement)


def finding_lines(judgement: Judgement, *, limit: int | None = None) -> list[str]:
    """Checks and gates, failed ones first; with `limit` in about that many bytes. Empty if there are none."""
    if not judgement.findings:
        return []
    ordered = sorted(judgement.findings, key=_rank)
    rows = [_finding(finding) for finding in ordered[:FINDING_LIMIT]]
    kept = rows if limit is None else fitting(rows, limit)
    left = Counter(finding.status for finding in ordered[len(kept) :])
    words = ", ".join(f"{left[status]} {status}" for status in _STATUS if left[status])
    more = ["", f"And {sum(left.values())} more ({words}): matrix.json has them all."] if left else []
    return ["## Checks and gates", "", *kept, *more, ""]


def _group(metric: str, comparisons: Sequence[Comparison], limit: int | None, *, named: bool) -> list[str]:
    unit = one_line(comparisons[0].unit, limit=16)
    title = "Failures" if metric == FAILURES else _text(metric, 63) + (f" ({_text(unit)})" if unit else "")
    ordered = sorted(comparisons, key=lambda one: one.word in (Word.NO_EVIDENCE, Word.NOT_COMPARABLE))
    kept = _fitting(ordered[:COMPARED_LIMIT], limit)
    chosen = {id(one) for one in kept}
    shown = [one for one in comparisons if id(one) in chosen]
    plot = rate_rows(shown) if metric == FAILURES else effect_rows(shown)
    lines = [f"### {title}", "", *(_code(plot) if plot else []), *_lines(shown, named=named)]
    left = len(comparisons) - len(shown)
    if left:
        lines += ["", f"And {counted(left, 'more comparison')}: matrix.json has them all."]
    return [*lines, ""]


def _fitting(comparisons: Sequence[Comparison], limit: int | None) -> list[Comparison]:
    """The first whose lines and rows of the plot fit into `limit` bytes."""
    if limit is None:
        return list(comparisons)
    sized = fitting((_lines([one], named=True)[0] + " " * _ROW for one in comparisons), limit)
    return list(comparisons[: len(sized)])


def _lines(comparisons: Sequence[Comparison], *, named: bool) -> list[str]:
    """One line per comparison; cells of which the very same is said share one."""
    cells: dict[tuple[str, str, str], list[str]] = {}
    for one in comparisons:
        against = f" against {_name(one.baseline)}" if named and one.baseline else ""
        confounded = f" (confounded: {_text(', '.join(one.confounded))})" if one.confounded else ""
        cells.setdefault((against, _said(one.text), confounded), []).append(_name(one.cell))
    return [
        f"- {', '.join(names[:_SHARED])}{f' and {len(names) - _SHARED} more' if len(names) > _SHARED else ''}"
        f"{against}: {said}{confounded}"
        for (against, said, confounded), names in cells.items()
    ]


def _confounds(judgement: Judgement) -> list[str]:
    """The ratio rule, where it says something."""
    flagged = [reading for reading in judgement.confounds if reading.label not in ("none", "n/a")]
    unknown = sum(reading.label == "n/a" for reading in judgement.confounds)
    if not flagged and not unknown:
        return []
    lines = ["### Slower by the ratio rule", ""]
    for reading in flagged[:COMPARED_LIMIT]:
        ratio = "" if reading.ratio is None else f", ratio of means {quantity(reading.ratio, marks=(1.0,))}"
        shown = f", {_text(reading.reading)}" if reading.reading else ""
        lines.append(f"- {_name(reading.cell)}: {_text(reading.label)}{ratio}{shown}")
    left = len(flagged) - COMPARED_LIMIT
    if left > 0:
        lines.append(f"- and {counted(left, 'more cell')}: matrix.json has them all")
    if unknown:
        lines.append(f"- {counted(unknown, 'cell')} without an answer (n/a)")
    return [*lines, ""]


def _rank(finding: Finding) -> tuple[int, bool]:
    at = _STATUS.index(finding.status) if finding.status in _STATUS else len(_STATUS)
    return at, finding.severity != "fail"


def _finding(finding: Finding) -> str:
    warns = " (only warns)" if finding.severity == "warn" and finding.status != "pass" else ""
    what = f"{_text(finding.kind)} {_name(finding.name or finding.metric)}"
    where = f" of {_name(finding.cell)}" if finding.cell else ""
    return f"- **{_text(finding.status)}**{warns} {what}{where}: {_said(finding.text)}"


def _code(rows: Sequence[str]) -> list[str]:
    """Rows as a block in which nothing is live: no run of backticks in it is as long as its fence."""
    runs = [len(run) for row in rows for run in _FENCE.findall(row)]
    fence = "`" * (max(runs, default=2) + 1)
    return [f"{fence}text", *rows, fence, ""]


def _name(text: str) -> str:
    return for_markdown_code(one_line(text, limit=_NAME))


def _said(text: str) -> str:
    """Brackets and signs stay as they are."""
    return for_markdown_code(one_line(text, limit=_TEXT))


def _text(text: str, limit: int = _TEXT) -> str:
    return for_markdown(one_line(text, limit=limit))
