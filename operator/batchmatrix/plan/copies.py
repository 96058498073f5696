"""Copy numbers: which of the cells that run the very same is which, over all edits of a matrix."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from batchmatrix.model.cell import Plan, Scalar
from batchmatrix.plan.identity import first_hash

__all__ = ["Numbered", "copy_numbers"]

_Known = dict[tuple[str, str], Iterator[int]]
"""First hash and what a cell is known by, to the copy numbers that such cells had."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """A cell that is to get its copy number."""

    first: str
    """Its hash with copy number 0: cells that share it run the very same."""
    name: str
    values: Mapping[str, Scalar]


def copy_numbers(cells: Sequence[Numbered], previous: Plan | None) -> list[int]:
    """A number for each cell, in their order, its own among those of the same first hash.

    A cell keeps the number that it had in `previous` or before, by its name and, where only that changed, by its
    values: records are found by it, so they would move to another cell with it. The rest take the lowest that are
    free, in the order of the plan.
    """
    numbers: dict[int, int] = {}
    taken: defaultdict[str, set[int]] = defaultdict(set)
    free: defaultdict[str, Iterator[int]] = defaultdict(count)

    def take(index: int, offered: Iterator[int]) -> None:
        mine = taken[cells[index].first]
        number = next((number for number in offered if number not in mine), None)
        if number is not None:
            numbers[index] = number
            mine.add(number)

    nothing: Iterator[int] = iter(())
    if previous is not None:
        held = [(first_hash(cell), cell) for cell in previous.cells]
        by_name = _known((first, cell.name, cell.copy) for first, cell in held)
        by_values = _known((first, _text(cell.values), cell.copy) for first, cell in held)
        retired = _known((cell.first, cell.name, cell.copy) for cell in previous.retired)
        for known, named in ((by_name, True), (retired, True), (by_values, False)):
            for index, cell in enumerate(cells):
                if index not in numbers:
                    key = (cell.first, cell.name if named else _text(cell.values))
                    take(index, known.get(key, nothing))
    for index, cell in enumerate(cells):
        if index not in numbers:
            take(index, free[cell.first])
    return [numbers[index] for index in range(len(cells))]


def _known(cells: Iterable[tuple[str, str, int]]) -> _Known:
    found: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for first, name, copy in cells:
        found[first, name].append(copy)
    return {key: iter(copies) for key, copies in found.items()}


def _text(values: Mapping[str, Scalar]) -> str:
    return repr(dict(values))  # tells 1 from 1.0 and True
