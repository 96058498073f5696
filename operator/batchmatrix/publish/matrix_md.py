"""The summary for people: GitHub's Markdown that reads as well in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from batchmatrix.base.text import counted, for_markdown, for_markdown_code, one_line
from batchmatrix.model.evidence import Outcome
from batchmatrix.model.summary import CellSummary, Summary, TrialResult
from batchmatrix.publish.columns import METRIC_LIMIT, columns_of, table_rows
from batchmatrix.publish.fields import fitting, metric_units
from batchmatrix.publish.judged_md import comparison_lines, finding_lines, warning_lines
from batchmatrix.publish.readings import failed_values

__all__ = ["bounded_markdown", "matrix_markdown"]

FAILED_LIMIT = 50
"""Failed trials that are listed; trials.csv has them all."""

_BADGES = {"pass": "✓ ", "fail": "✗ ", "inconclusive": "? "}
_MESSAGE = 400
"""Characters of cause and remedy."""

_KEY = 300
"""Characters of a log's place: half of it would be no use."""

_IN_MEANS = 12
"""Means with values of failed trials that are named."""

_SHORTEST_ROW = 13
"""Bytes that a row takes at least: `| xxx | 1/1 |`."""


def matrix_markdown(summary: Summary, *, location: str = "") -> str:
    """The whole report. `location` is where the other files lie."""
    return bounded_markdown(summary, location=location, limit=None)[0]


def bounded_markdown(summary: Summary, *, location: str, limit: int | None) -> tuple[str, bool]:
    """The report, and whether cells were left out so that it fits into `limit` bytes; then it says so itself.

    What stands around the table (some 70 KiB at the very most, and less under a `limit`) always stays.
    """
    total = len(summary.cells)
    shown = total if limit is None else min(total, limit // _SHORTEST_ROW + 1)
    columns, lines = columns_of(summary, shown)
    head = [*_heading(summary), *_paragraph(lines), *_judged(summary, limit), "## Cells", ""]
    rows = table_rows(columns)
    tail = ["", *_notes(summary, location), *_failed(summary, limit)]
    if shown == total:
        text = _joined(head, rows, tail)
        if limit is None or len(text.encode()) <= limit:
            return text, False
    assert limit is not None
    around = [*head, *_cut_note(summary, shown, location), *tail]
    kept = fitting(rows, limit - len(_joined(around).encode()))
    return _joined(head, kept, _cut_note(summary, max(0, len(kept) - 2), location), tail), True


def _joined(*parts: Sequence[str]) -> str:
    return "\n".join(line for part in parts for line in part).rstrip("\n") + "\n"


def _heading(summary: Summary) -> list[str]:
    cells = summary.cells
    total, done = sum(cell.trials for cell in cells), sum(cell.done for cell in cells)
    failed, attempts = sum(cell.failed for cell in cells), sum(cell.attempts for cell in cells)
    word = summary.verdict or ("suspended" if summary.suspended else "running")
    span = " to ".join(for_markdown(time) for time in (summary.started, summary.finished) if time)
    trials = f"{done} of {counted(total, 'trial')} done"
    lines = [
        f"{counted(len(cells), 'cell')}, {trials}, {done - failed} succeeded, {failed} failed",
        f"Generation {summary.generation}" + (f", {span}" if span else "") + f", {counted(attempts, 'attempt')}",
    ]
    logs = {state: sum(cell.logs.get(state, 0) for cell in cells) for state in ("truncated", "lost")}
    if any(logs.values()):
        lines.append(f"**Logs not complete**: {logs['truncated']} truncated, {logs['lost']} lost")
    said = [f"{_BADGES.get(word, '')}**{word}**: {for_markdown(summary.reason)}"]
    judgement = summary.judgement
    if judgement is not None and judgement.headline:
        said.append(f"**Comparisons**: {for_markdown(judgement.headline)}")
    if judgement is not None:
        said += warning_lines(judgement)
    return [f"# {for_markdown(summary.name)}: {word}", "", *_paragraph(said), *_paragraph(lines)]


def _judged(summary: Summary, limit: int | None) -> list[str]:
    """Comparisons, checks and gates: of a report that is bounded they take at most three eighths."""
    if summary.judgement is None:
        return []
    compared = comparison_lines(summary.judgement, limit=None if limit is None else limit // 4)
    return [*finding_lines(summary.judgement, limit=None if limit is None else limit // 8), *compared]


def _paragraph(lines: Sequence[str]) -> list[str]:
    """`lines` as lines of one paragraph, and the empty line after it."""
    return [*(f"{line}  " for line in lines[:-1]), lines[-1], ""] if lines else []


def _cut_note(summary: Summary, shown: int, location: str) -> list[str]:
    where = f" in {for_markdown_code(location)}" if location else ""
    return [
        "",
        f"**Truncated**: the first {shown} of {counted(len(summary.cells), 'cell')}; cells.csv{where} has them all.",
    ]


def _notes(summary: Summary, location: str) -> list[str]:
    notes = []
    metrics = [(metric, cell) for cell in summary.cells for metric in cell.metrics]
    if metrics:
        notes.append("Mean ± sample standard deviation over trials.")
    if any(0 < metric.n != cell.done for metric, cell in metrics):
        notes[0] += " In parentheses: how many trials gave a value, where not all did."
    notes += _failed_in_means(summary)
    if any(cell.failure_rate != (cell.failed / cell.done if cell.done else None) for cell in _with_rate(summary)):
        notes.append("Failure rate: of trials that ended by the workload's doing, retries that failed among them.")
    more = len(metric_units(summary)) - METRIC_LIMIT
    if more > 0:
        notes.append(f"{counted(more, 'more metric')} in cells.csv.")
    if location:
        notes.append(f"All files: {for_markdown_code(location)}")
    return _paragraph(notes)


def _with_rate(summary: Summary) -> list[CellSummary]:
    return [cell for cell in summary.cells if cell.failed or cell.failure_rate]


def _failed_in_means(summary: Summary) -> list[str]:
    """Of the metrics and, up to a bound, the cells of the table."""
    shown = list(metric_units(summary))[:METRIC_LIMIT]
    units = {(cell.name, metric.name): metric.n for cell in summary.cells for metric in cell.metrics}
    found = [(at, count) for at, count in failed_values(summary).items() if at[1] in shown and at in units]
    if not found:
        return []
    listed = [
        f"{_name(cell)} {_name(metric)} {count} of {units[cell, metric]}" for (cell, metric), count in found[:_IN_MEANS]
    ]
    more = f" and {len(found) - _IN_MEANS} more" if len(found) > _IN_MEANS else ""
    what = "Values of trials that failed, or passed on a retry only, count in these means and in no comparison or gate"
    return [f"{what}: {', '.join(listed)}{more}."]


def _name(text: str) -> str:
    return for_markdown_code(one_line(text, limit=63))


def _failed(summary: Summary, limit: int | None) -> list[str]:
    """Failed trials, of a report that is bounded in at most a quarter of it."""
    failed = [
        result
        for result in summary.trials
        if result.record is not None and result.record.outcome is not Outcome.SUCCEEDED
    ]
    if not failed:
        return []
    met = {cell.name for cell in summary.cells if cell.met}
    failed.sort(key=lambda result: result.cell in met)  # what nobody expected comes first
    rows = [_failed_line(result, as_expected=result.cell in met) for result in failed[:FAILED_LIMIT]]
    shown = rows if limit is None else fitting(rows, limit // 4)
    lines = ["## Failed trials", "", *shown]
    if len(failed) > len(shown):
        lines += ["", f"And {len(failed) - len(shown)} more: trials.csv has them all."]
    return lines


def _failed_line(result: TrialResult, *, as_expected: bool) -> str:
    record = result.record
    assert record is not None
    message = f" {for_markdown_code(one_line(record.message, limit=_MESSAGE))}" if record.message else ""
    cell = for_markdown_code(one_line(result.cell, limit=63))
    expected = " (as expected)" if as_expected else ""
    line = f"- {cell} trial {result.trial}, attempt {record.id.attempt}: **{record.outcome}**{expected}{message}"
    return f"{line}, log {for_markdown_code(one_line(record.log.key, limit=_KEY))}" if record.log.key else line
