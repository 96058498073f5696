"""Whether the trials of a generation may start, as its preflight says. Worked out from records alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from batchmatrix.base.clock import parse_rfc3339
from batchmatrix.model.cell import PREFLIGHT, Cell
from batchmatrix.model.evidence import Outcome
from batchmatrix.model.launch import Mutation, RetryRule
from batchmatrix.model.record import Record
from batchmatrix.outcome.retry import Retry, next_step

__all__ = ["Gate", "Preflights"]


@dataclass(frozen=True, slots=True)
class Gate:
    """What a preflight says about one generation."""

    cell: Cell
    generation: int
    attempt: int
    """Number of the next attempt, should there be one."""
    passed: bool = False
    failed: Record | None = None
    """The result because of which nothing starts, and no further attempt is made either."""
    mutation: Mutation = field(default_factory=Mutation)
    """Of the next attempt."""


class Preflights:
    """Attempts of all preflights of a matrix; records are taken in the order in which they became durable."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._by_generation: dict[int, list[Record]] = {}
        self._next = 0
        for record in records:
            self.add(record)

    def add(self, record: Record) -> None:
        """Take in a durable record; those of trials are left out."""
        if record.id.cell_hash == PREFLIGHT:
            self._by_generation.setdefault(record.id.trial, []).append(record)
            self._next = max(self._next, record.id.attempt + 1)

    def gate(
        self, cell: Cell, generation: int, *, rules: Mapping[Outcome, RetryRule], asked: float | None = None
    ) -> Gate:
        """How this generation stands. `asked` is when somebody last asked for a rerun, Unix seconds; None for never.

        A preflight is retried as a trial is, by the same rules. One that was cancelled is no result. What failed
        before somebody asked for a rerun counts no more; what passed does.
        """
        records = self._by_generation.get(generation, [])
        passed = any(record.outcome is Outcome.SUCCEEDED for record in records)
        counted = [record for record in records if asked is None or parse_rfc3339(record.recorded) > asked]
        counted.sort(key=lambda record: record.id.attempt)
        if passed or not counted or counted[-1].outcome is Outcome.CANCELLED:
            return Gate(cell, generation, self._next, passed=passed)
        following = next_step(counted, rules)
        if isinstance(following, Retry):
            return Gate(cell, generation, self._next, mutation=following.mutation)
        return Gate(cell, generation, self._next, failed=following.record)
