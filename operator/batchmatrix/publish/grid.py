"""The grid of a matrix laid out as a table: one axis across, the others down."""

from __future__ import annotations

from dataclasses import dataclass

from batchmatrix.model.summary import CellSummary, Summary
from batchmatrix.publish.fields import axis_names, axis_text

__all__ = ["Grid", "grid_of"]

_ACROSS = 12
"""Columns that a screen has room for."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells by the values of their axes; a place may hold none, or several that differ in nothing but their name."""

    down: tuple[str, ...]
    """Axes of the rows; empty where cells stand under each other by name."""
    across: str
    """Axis of the columns; empty where there is one column alone."""
    rows: tuple[tuple[str, ...], ...]
    """Values of `down`, or the cell's name, in the order in which they first appear."""
    columns: tuple[str, ...]
    places: dict[tuple[tuple[str, ...], str], tuple[int, ...]]
    """Numbers of the cells (in the summary) by row and column."""


def grid_of(summary: Summary, *, limit: int) -> Grid:
    """The first `limit` cells as a grid.

    Axes along which nothing differs are left out. Across goes the last axis that has no more than twelve values; with
    less than two axes, or where names say more than values, each cell has a row of its own.
    """
    cells = summary.cells[:limit]
    differing = {name: values for name in axis_names(summary) if len(values := _values(cells, name)) > 1}
    fit = [name for name, values in differing.items() if len(values) <= _ACROSS]
    if summary.named or len(differing) < 2 or not fit:
        rows = tuple((cell.name,) for cell in cells)
        return Grid((), "", rows, ("",), {(row, ""): (at,) for at, row in enumerate(rows)})
    across = fit[-1]
    down = tuple(name for name in differing if name != across)
    places: dict[tuple[tuple[str, ...], str], tuple[int, ...]] = {}
    for at, cell in enumerate(cells):
        key = tuple(axis_text(cell, name) for name in down), axis_text(cell, across)
        places[key] = (*places.get(key, ()), at)
    return Grid(down, across, tuple(dict.fromkeys(row for row, _ in places)), tuple(differing[across]), places)


def _values(cells: tuple[CellSummary, ...], name: str) -> list[str]:
    return list(dict.fromkeys(axis_text(cell, name) for cell in cells))
