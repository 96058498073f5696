"""What a plan carries on of the cells that earlier generations held and it does not.

A cell that comes back is then the same as before, whatever nodes there are by now; and an attempt that outlives its
cell is judged by what that allowed. So one plan holds all of the past that the next one needs.
"""

from __future__ import annotations

from collections.abc import Sequence

from batchmatrix.model.cell import Cell, Plan, RetiredCell
from batchmatrix.plan.estimate import devices
from batchmatrix.plan.identity import first_hash

__all__ = ["RETIRED_LIMIT", "retired_cells"]

RETIRED_LIMIT = 10_000
"""Cells of the past that a plan holds at most; those that were dropped first are forgotten first."""


def retired_cells(previous: Plan | None, cells: Sequence[Cell]) -> tuple[RetiredCell, ...]:
    """What a plan of `cells` has to carry on after `previous`, those that were dropped last first.

    The same run is kept once for each wording of the spec that led to it, as nodes were asked for each.
    """
    if previous is None:
        return ()
    seen = {(cell.hash, cell.inputs) for cell in cells}
    kept: list[RetiredCell] = []
    known: tuple[Cell | RetiredCell, ...] = (*previous.cells, *previous.retired)
    for cell in known:
        if len(kept) == RETIRED_LIMIT:
            break
        if (cell.hash, cell.inputs) in seen:
            continue
        if isinstance(cell, RetiredCell):
            kept.append(cell)
        elif cell.problem is None:  # else nothing was resolved, and nothing ever ran
            kept.append(_retire(cell))
        seen.add((cell.hash, cell.inputs))
    return tuple(kept)


def _retire(cell: Cell) -> RetiredCell:
    return RetiredCell(
        name=cell.name,
        hash=cell.hash,
        first=first_hash(cell),
        copy=cell.copy,
        inputs=cell.inputs,
        image=cell.work.image,
        node_selector=cell.work.node_selector,
        seed=cell.seed,
        allowed_exit_codes=cell.allowed_exit_codes,
        devices=sum(devices(cell.work).values()),
    )
