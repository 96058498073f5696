"""A plan report for people: plain text that reads the same in a terminal of 80 columns and in the log of a pipeline."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from batchmatrix.base.text import counted, one_line, scalar_text
from batchmatrix.cli.output import table
from batchmatrix.model.cell import Cell
from batchmatrix.plan.explain import Outlook, State
from batchmatrix.plan.placement import label_text
from batchmatrix.plan.report import PlanReport

__all__ = ["plan_text", "short_image"]

_ROWS = 60
"""Cells above which the middle of the table is left out."""
_TAIL = 10
"""Of them at the end."""
_IMAGE = 20
"""Characters that an image gets in the table at least."""
_GAP = 2
"""Spaces between columns."""
_NAMED = 2
"""Cells that are named beside a change."""
_ANY = 10_000
"""Columns, where the screen's do not count."""


def plan_text(report: PlanReport, *, width: int, wide: bool = False, every: bool = False) -> str:
    """The report in at most `width` columns, without a line end.

    `wide` adds values, hashes and whole images, and takes the columns that it needs; `every` leaves no cell out.
    """
    parts = [
        _head(report, width),
        _cells(report, width=width, wide=wide, every=every or wide),
        _listed("Not placed", _blocked(report), width),
        _listed("Changed", _changes(report), width),
        _listed("Removed (results are kept)", _removed(report), width),
        _listed("Excluded", _excluded(report), width),
        _listed("Images", _images(report), width),
        _listed("Nodes", _rooms(report), width),
        _listed("At most, retries not counted", _hours(report), width),
        _listed("Warnings", (one.message for one in report.warnings), width),
        _total(report, width),
    ]
    return "\n\n".join(part for part in parts if part)


# -- head and total -----------------------------------------------------------------------------------------------


def _head(report: PlanReport, width: int) -> str:
    plan = report.plan
    order = "trials of all cells interleaved" if plan.order == "rounds" else "cell after cell"
    size = f"{counted(len(plan.cells), 'cell')}, {counted(plan.trials, 'trial')}, a Job each"
    lines = [
        f"Matrix {plan.matrix.namespace}/{plan.matrix.name}: {size}",
        f"order: {plan.order} ({order}), at most {counted(report.parallelism, 'trial')} at one time",
        *report.notes,
    ]
    return "\n".join(_wrapped(line, width, later="  ") for line in lines)


def _total(report: PlanReport, width: int) -> str:
    states = report.states
    words: dict[State, str] = {
        "new": "new",
        "changed": "changed",
        "more": "with more to run",
        "done": "done",
        "unchanged": "unchanged",
        "unknown": "unknown",
        "blocked": "not placed",
    }
    cells = ", ".join(f"{states[state]} {word}" for state, word in words.items() if states[state])
    trials = [counted(report.to_run, "trial") + " to run"] if report.to_run or not report.unknown else []
    if report.unknown:
        more = f"{report.unknown} more" if trials else f"{counted(report.unknown, 'trial')} to run"
        trials.append(f"up to {more}, as what is recorded is not known")
    done = sum(outlook.recorded for outlook in report.cells)
    if done:
        trials.append(f"{done} recorded already")
    nothing = "" if report.acts else "Nothing to run. "
    return "\n".join(
        _wrapped(line, width, later="  ") for line in (f"Cells: {cells}.", f"{nothing}Plan: {', '.join(trials)}.")
    )


# -- the table ----------------------------------------------------------------------------------------------------


def _cells(report: PlanReport, *, width: int, wide: bool, every: bool) -> str:
    outlooks = report.cells
    images = wide or len(report.images) > 1
    nodes = any(count is not None for count in report.nodes)
    plans = [_plan(outlook) for outlook in outlooks]
    names = [outlook.cell.name for outlook in outlooks]
    room = width - max(map(len, ["TRIALS", *plans])) - _GAP - (len("NODES") + _GAP if nodes else 0)
    longest = max(map(len, names))
    limit = max(_IMAGE, room - _GAP - longest)
    room -= limit + _GAP if images else 0

    columns: dict[str, list[str]] = {"CELL": names if wide else [_at_hyphens(name, room) for name in names]}
    if wide:
        columns["HASH"] = [outlook.cell.hash10 for outlook in outlooks]
        columns["VALUES"] = [_values(outlook.cell) for outlook in outlooks]
    if images:
        shown = [outlook.cell.work.image for outlook in outlooks]
        columns["IMAGE"] = [image if wide else short_image(image, limit=limit) for image in shown]
    if nodes:
        columns["NODES"] = [str(count) for count in report.nodes]
    columns["TRIALS"] = plans
    rows = list(zip(*columns.values(), strict=True))
    if every or len(rows) <= _ROWS:
        return table(list(columns), rows, width=_ANY if wide else width)
    kept = [*rows[: _ROWS - _TAIL], *rows[-_TAIL:]]
    lines = table(list(columns), kept, width=width).splitlines()
    tail = sum(row[0].count("\n") + 1 for row in kept[-_TAIL:])
    gap = f"... {counted(len(rows) - _ROWS, 'cell')} in between not shown; --all shows every cell ..."
    return "\n".join([*lines[:-tail], gap, *lines[-tail:]])


def _plan(outlook: Outlook) -> str:
    trials = outlook.cell.trials
    match outlook.state:
        case "more" if outlook.to_run is not None:
            return f"{outlook.to_run} of {trials} more"
        case "more":
            return f"{outlook.recorded} of {trials} done"
        case "blocked":
            return f"{trials} unplaced"
        case state:
            return f"{trials} {state}"


def _values(cell: Cell) -> str:
    return ", ".join(f"{axis}={scalar_text(value)}" for axis, value in cell.values.items())


def _at_hyphens(name: str, limit: int) -> str:
    """A name too long for its column on several lines, broken after hyphens where there are some."""
    lines = []
    while len(name) > limit:
        cut = name.rfind("-", 0, limit) + 1 or limit
        lines.append(name[:cut])
        name = name[cut:]
    return "\n".join([*lines, name])


def short_image(image: str, *, limit: int) -> str:
    """An image in at most `limit` characters: digests to 8 digits, then the front taken away, best at a slash."""
    name, at, digest = image.partition("@sha256:")
    text = f"{name}@{digest[:8]}" if at else image
    rest = text
    while len(rest) + 2 > limit and "/" in rest:
        rest = rest.split("/", 1)[1]
    if len(text) <= limit:
        return text or "-"
    return f"…/{rest}" if len(rest) + 2 <= limit else "…" + rest[-(limit - 1) :]


# -- lists --------------------------------------------------------------------------------------------------------


def _listed(title: str, lines: Iterable[str], width: int) -> str:
    texts = [_wrapped(line, width, first="  ", later="    ") for line in lines]
    return "\n".join([f"{title}:", *texts]) if texts else ""


def _blocked(report: PlanReport) -> Iterator[str]:
    """Each reason once, with all cells that have it."""
    groups: dict[str, list[str]] = {}
    for one in report.cells:
        if one.state == "blocked":
            groups.setdefault(str(one.cell.problem), []).append(one.cell.name)
    for text, names in groups.items():
        yield f"{text} [{', '.join(names)}]"


def _changes(report: PlanReport) -> Iterator[str]:
    """Each change once, with the first cells that have it."""
    groups: dict[str, list[str]] = {}
    for one in report.cells:
        for change in one.changes:
            if change.runs or change.field != "trials" or one.state == "unchanged":  # else the table has them
                text = f"{change}" if change.runs else f"{change}, which runs nothing again"
                groups.setdefault(text, []).append(one.cell.name)
    for text, names in groups.items():
        rest = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        yield f"{text} ({counted(len(names), 'cell')}: {', '.join(names[:_NAMED])}{rest})"
    for one in report.cells:
        if one.was and one.was != one.cell.name:
            yield f"{one.cell.name} was called {one.was}"


def _removed(report: PlanReport) -> Iterator[str]:
    for one in report.removed:
        yield f"{one.name}" + (f" ({counted(one.recorded, 'trial')} recorded)" if one.recorded else "")


def _excluded(report: PlanReport) -> Iterator[str]:
    for one in report.excluded:
        yield f"{counted(one.count, 'combination')} by spec.exclude[{one.rule}]: {one.match}"


def _images(report: PlanReport) -> Iterator[str]:
    for image, count in report.images.items():
        yield f"{image} ({counted(count, 'cell')})"


def _rooms(report: PlanReport) -> Iterator[str]:
    for room in report.rooms:
        name = room.hardware or "any hardware"
        where = f" with {label_text(room.labels)}" if room.labels else ""
        if room.nodes is None:
            if where:
                yield f"{name}: nodes{where}"
            continue
        once = f", {counted(room.at_once, 'pod')} at one time" if room.at_once is not None else ""
        yield f"{name}: {counted(room.nodes, 'node')}{where}{once}"


def _hours(report: PlanReport) -> Iterator[str]:
    for one in report.device_hours:
        if not one.trials:
            continue
        where = f" on {one.hardware}" if one.hardware else ""
        yield f"{one.hours:.1f} h of {one.resource}{where} ({counted(one.trials, 'trial')}, each to its timeout)"


def _wrapped(text: str, width: int, *, first: str = "", later: str = "") -> str:
    return textwrap.fill(
        one_line(text, limit=20_000),
        width,
        initial_indent=first,
        subsequent_indent=later,
        break_on_hyphens=False,
        break_long_words=False,  # an image reference stays whole, to be copied
    )
