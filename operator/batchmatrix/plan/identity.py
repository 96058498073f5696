"""What makes a cell this cell: a digest of what runs, and a number among those that run the very same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from batchmatrix.base.ids import digest
from batchmatrix.model.cell import Cell, Scalar, Work

__all__ = ["cell_hash", "first_hash", "work_json"]

_FIELDS = tuple(field.name for field in fields(Work))


def work_json(work: Work) -> dict[str, Any]:
    """`work` as plain JSON, every field under its own name; lists for tuples."""
    return {name: _plain(getattr(work, name)) for name in _FIELDS}


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def cell_hash(*, work: Work, parameters: Mapping[str, Scalar], hardware: str | None, seed: int, copy: int) -> str:
    """64 hexadecimal digits that change exactly when what runs changes.

    Its input is fixed for ever: a record of last year is found again by it. Names, numbers of trials, limits of
    time and how results are read are not in it.
    """
    return digest(
        {
            "schema": 1,
            "work": {name: getattr(work, name) for name in _FIELDS},  # JSON has one kind of list; tuples are lists
            "parameters": dict(parameters),
            "hardware": hardware,
            "seed": seed,
            "copy": copy,
        }
    )


def first_hash(cell: Cell) -> str:
    """The hash that `cell` would have if it were the only one that runs the very same."""
    if cell.copy == 0:
        return cell.hash
    return cell_hash(work=cell.work, parameters=cell.parameters, hardware=cell.hardware, seed=cell.seed, copy=0)
