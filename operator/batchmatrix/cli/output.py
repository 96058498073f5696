"""What commands share: tables that fit the screen, machine-readable output, colour, and options of the same name."""

from __future__ import annotations

import json
import os
import shutil
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from batchmatrix.base.text import escaped, one_line
from batchmatrix.formats.matrix_file import dump_yaml

__all__ = ["catalog_option", "output_option", "say", "screen_width", "table", "write_data"]

_Command = TypeVar("_Command", bound=Callable[..., Any])

_GAP = 2
_NARROWEST = 8
"""Columns that a column of a table keeps however narrow the screen is, if it has so much to say."""


def screen_width() -> int:
    """Columns of the terminal, or what COLUMNS says; 80 where the output goes to a file or a pipe."""
    return max(40, shutil.get_terminal_size(fallback=(80, 24)).columns)


def say(text: str, *, style: str | None = None, err: bool = False) -> None:
    """Print `text` and a line end, in a colour where a terminal shows it and NO_COLOR is not set (no-color.org)."""
    colour = False if os.environ.get("NO_COLOR") else None  # None: click asks whether it is a terminal
    click.echo(click.style(text, fg=style) if style else text, err=err, color=colour)


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, width: int | None = None) -> str:
    """Rows under headers, at most `width` columns wide (default: the screen), without a line end.

    A cell may hold several lines, and is wrapped where its column is too narrow for it; the widest columns give way
    first. Control characters are made harmless. A table of more columns than fit is wider than `width`.
    """
    texts = [[[one_line(line, limit=4096) for line in cell.splitlines()] or [""] for cell in row] for row in rows]
    columns = [[[header], *(row[index] for row in texts)] for index, header in enumerate(headers)]
    widths = [max(len(line) for cell in column for line in cell) for column in columns]
    least = [min(natural, max(_NARROWEST, len(header))) for natural, header in zip(widths, headers, strict=True)]
    room = (screen_width() if width is None else width) - _GAP * (len(headers) - 1)
    widths = _shrunk(widths, least, room)
    lines = []
    for row in [[[header] for header in headers], *texts]:
        wrapped = [_wrapped(cell, size) for cell, size in zip(row, widths, strict=True)]
        for at in range(max(len(cell) for cell in wrapped)):
            parts = [
                (cell[at] if at < len(cell) else "").ljust(size) for cell, size in zip(wrapped, widths, strict=True)
            ]
            lines.append((" " * _GAP).join(parts).rstrip())
    return "\n".join(lines)


def _shrunk(widths: list[int], least: list[int], room: int) -> list[int]:
    """Widths that fill `room`: the widest column is made narrower until it fits, never below its least."""
    widths = list(widths)
    while sum(widths) > room:
        able = [index for index, size in enumerate(widths) if size > least[index]]
        if not able:
            break
        widths[max(able, key=lambda index: widths[index])] -= 1
    return widths


def _wrapped(cell: list[str], width: int) -> list[str]:
    """Lines of at most `width`; names are not broken at their hyphens."""
    return [part for line in cell for part in (textwrap.wrap(line, width, break_on_hyphens=False) or [""])]


def write_data(data: Any, form: str) -> None:
    """Print plain data as `json` or `yaml`: the same data, the same bytes; what could harm a terminal is escaped."""
    if form == "json":
        click.echo(escaped(json.dumps(data, indent=2, ensure_ascii=False)))
    else:
        click.echo(dump_yaml(data).rstrip("\n"))


def output_option(*forms: str) -> Callable[[_Command], _Command]:
    """`-o`/`--output` with one of `forms`, the first by default; the command gets it as `output`."""
    return click.option(
        "-o", "--output", type=click.Choice(forms), default=forms[0], show_default=True, help="Form of the output."
    )


def catalog_option(command: _Command) -> _Command:
    """`--catalog FILE`, as often as wanted; the command gets a tuple of paths as `catalog`."""
    return click.option(
        "--catalog",
        type=click.Path(path_type=Path),
        multiple=True,
        metavar="FILE",
        help="A catalog file (YAML or JSON) to look names up in; may be given several times.",
    )(command)
