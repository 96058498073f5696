"""Tests that stand in more than one row of a set of batches, as they do where a file was given with its copy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from batchmatrix.formats.batch_results import BatchRow

__all__ = ["Repeats", "repeats"]


@dataclass(frozen=True, slots=True)
class Repeats:
    """Rows of tests that stood in a row before, by their batch and test."""

    count: int
    first: BatchRow
    before: BatchRow
    """The row that `first` repeats."""


def repeats(rows: Iterable[BatchRow]) -> Repeats | None:
    """All rows that name a test once more; None where each test is there once."""
    seen: dict[tuple[int, int], BatchRow] = {}
    again = [row for row in rows if seen.setdefault((row.batch, row.test), row) is not row]
    return Repeats(len(again), again[0], seen[again[0].batch, again[0].test]) if again else None
