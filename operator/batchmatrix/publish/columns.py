"""The columns of the Markdown table: what differs between cells. What they share is said once, above it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from batchmatrix.base.numbers import percent
from batchmatrix.base.text import counted, for_markdown, one_line
from batchmatrix.model.summary import CellSummary, Summary
from batchmatrix.publish.fields import axis_names, axis_text, mean_text, metric_units, shown_unit

__all__ = ["METRIC_LIMIT", "Column", "columns_of", "table_rows"]

METRIC_LIMIT = 6
"""Metrics that get a column; cells.csv has them all."""

PLACE_LIMIT = 8
"""Nodes or images that are listed."""

_TABLE_WIDTH = 80
"""Characters beyond which nodes and images go into lines of their own, so that a terminal need not wrap."""

_BASELINE, _NOT_KNOWN = "baseline", "n/a"
_QUIET = frozenset({"none", _BASELINE})
"""What the ratio rule says where there is nothing to say."""

_CLIP = 28
"""Characters of one text in the table."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column; all texts are escaped."""

    head: str
    texts: Sequence[str]
    """One per cell."""
    right: bool = False

    @property
    def width(self) -> int:
        """Characters of its widest text."""
        return max(3, len(self.head), *map(len, self.texts)) if self.texts else max(3, len(self.head))


def columns_of(summary: Summary, shown: int) -> tuple[list[Column], list[str]]:
    """The columns with the first `shown` cells in them, and lines (escaped) for what is not in them."""
    cells = summary.cells[:shown]
    columns, shared = _axes(summary, cells)
    told_apart = columns and len(set(zip(*(column.texts for column in columns), strict=True))) == len(cells)
    if summary.named or not told_apart:
        columns.insert(0, Column("cell", [_clip(cell.name) for cell in cells]))
    columns.append(Column("done", [f"{cell.done}/{cell.trials}" for cell in cells], right=True))
    if any(cell.failed for cell in summary.cells):
        columns.append(Column("failed", [str(cell.failed) for cell in cells], right=True))
    if any(cell.failed or cell.failure_rate for cell in summary.cells):  # where all passed on a retry, too
        columns.append(Column("failure rate", [_rate(cell) for cell in cells], right=True))
    if any(_tells(cell) for cell in summary.cells):
        columns.append(Column("expect", [_expect(cell) for cell in cells]))
    for name, unit in list(metric_units(summary).items())[:METRIC_LIMIT]:
        behind = shown_unit(name, unit)
        head = f"{_clip(name)} ({_clip(behind)})" if behind else _clip(name)
        columns.append(Column(head, [_metric(cell, name) for cell in cells], right=True))
    labels = _confounds(summary)
    if any(label not in _QUIET for label in labels.values()):
        columns.append(Column("confound", [labels.get(cell.name, "-") for cell in cells]))
    lines = [f"All cells: {', '.join(shared)}"] if shared else []
    for kind, places in (
        ("node", [cell.nodes for cell in summary.cells]),
        ("image", [cell.images for cell in summary.cells]),
    ):
        column = Column(kind, [_few(kind, names) for names in places[:shown]])
        counts = Counter(name for names in places for name in names)
        if len(counts) > 1 and sum(each.width + 3 for each in (*columns, column)) < _TABLE_WIDTH:
            columns.append(column)
        elif counts:
            lines.append(f"{kind.capitalize()}s: {_listed(kind, counts)}")
    return columns, lines


def table_rows(columns: Sequence[Column]) -> list[str]:
    """The lines of the table, its two head lines first, padded so that columns stand under each other."""
    rules = ["-" * (column.width - 1) + (":" if column.right else "-") for column in columns]
    table: Iterable[Sequence[str]] = zip(*(column.texts for column in columns), strict=True)
    rows = [[column.head for column in columns], rules, *table]
    widths = [column.width for column in columns]
    return ["| " + " | ".join(_pad(columns, widths, texts)) + " |" for texts in rows]


def _pad(columns: Sequence[Column], widths: Sequence[int], texts: Sequence[str]) -> list[str]:
    return [
        text.rjust(width) if column.right else text.ljust(width)
        for column, width, text in zip(columns, widths, texts, strict=True)
    ]


def _axes(summary: Summary, cells: Sequence[CellSummary]) -> tuple[list[Column], list[str]]:
    columns, shared = [], []
    for name in axis_names(summary):
        if len({axis_text(cell, name) for cell in summary.cells}) > 1:
            columns.append(Column(_clip(name), [_clip(axis_text(cell, name)) for cell in cells]))
        else:
            shared.append(f"{_clip(name)} {_clip(axis_text(summary.cells[0], name))}")
    return columns, shared


def _tells(cell: CellSummary) -> bool:
    """Whether it is worth a column: something else than success is expected, or it is not what was shown."""
    return cell.expect != "success" or cell.met is False or (cell.met is None and cell.done == cell.trials)


def _expect(cell: CellSummary) -> str:
    if cell.met is None:
        return f"{cell.expect}: open" if cell.done == cell.trials else cell.expect
    return cell.expect if cell.met else f"{cell.expect}: not met"


def _rate(cell: CellSummary) -> str:
    return "-" if cell.failure_rate is None else f"{percent(cell.failure_rate, digits=3)} %"


def _confounds(summary: Summary) -> dict[str, str]:
    """What the ratio rule says of each cell; its baseline is compared with nothing and called so."""
    judgement = summary.judgement
    if judgement is None:
        return {}
    labels = {each.cell: for_markdown(each.label) for each in judgement.confounds}
    unusable = labels.get(judgement.baseline) == _NOT_KNOWN
    return {**labels, judgement.baseline: f"{_BASELINE}: {_NOT_KNOWN}" if unusable else _BASELINE}


def _metric(cell: CellSummary, name: str) -> str:
    metric = next((each for each in cell.metrics if each.name == name), None)
    if metric is None or metric.n == 0:
        return "-"
    # fewer values than trials must not look like a whole result
    return mean_text(metric.mean, metric.std) + (f" ({metric.n})" if metric.n != cell.done else "")


def _few(kind: str, names: Sequence[str]) -> str:
    return _place(kind, names[0]) if len(names) == 1 else f"{len(names)} {kind}s" if names else "-"


def _listed(kind: str, counts: Counter[str]) -> str:
    first = sorted(counts.items())[:PLACE_LIMIT]
    listed = [f"{_place(kind, name)} ({counted(count, 'cell')})" for name, count in first]
    return ", ".join(listed) + (f" and {len(counts) - PLACE_LIMIT} more" if len(counts) > PLACE_LIMIT else "")


def _place(kind: str, name: str) -> str:
    """A node's name, or an image without registry and with a short digest."""
    if kind == "node":
        return _clip(name)
    base, _, digest = name.partition("@sha256:")
    return _clip(base.rsplit("/", 1)[-1] + (f"@{digest[:8]}" if digest else ""))


def _clip(text: str) -> str:
    return for_markdown(one_line(text, limit=_CLIP)) or "-"
