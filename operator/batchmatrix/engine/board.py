"""Where every trial of one plan stands, kept up to date record by record instead of worked out anew each pass.

Rebuilding it from the ledger gives the same board: it holds nothing that plan and records do not say, but for
which trials were seen to have started (their Jobs and pods say that again after a restart).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from batchmatrix.model.cell import Cell, Plan, RetiredCell
from batchmatrix.model.evidence import Outcome
from batchmatrix.model.launch import Mutation, RetryRule
from batchmatrix.model.record import Record
from batchmatrix.outcome.retry import Retry, next_step

__all__ = ["Board", "Candidate", "Lane", "TrialKey", "lane_of"]

TrialKey = tuple[str, int]
"""Cell hash and trial number."""

Lane = tuple[tuple[str, str], ...]
"""The node labels that a cell asks for: cells with the same ones wait for the same devices."""


def lane_of(cell: Cell) -> Lane:
    """The lane of a cell."""
    return tuple(sorted(cell.work.node_selector.items()))


@dataclass(frozen=True, slots=True)
class Candidate:
    """An attempt that may be launched now."""

    cell: Cell
    trial: int
    attempt: int
    mutation: Mutation


class Board:
    """Results, due retries and trials not started, of one plan."""

    def __init__(
        self,
        plan: Plan,
        *,
        order: Sequence[tuple[int, int]],
        rules: Mapping[Outcome, RetryRule],
        records: Iterable[Record],
    ) -> None:
        self.plan = plan
        self.rules = rules
        self.cells: dict[str, Cell] = {cell.hash: cell for cell in plan.cells}
        self._retired = {cell.hash: cell for cell in reversed(plan.retired)}
        self.results: dict[TrialKey, Record] = {}
        """The last record of each trial that is done."""
        self.outcomes: Counter[Outcome] = Counter()
        self.log_states: Counter[str] = Counter()
        """Logs of all recorded attempts of the plan's trials, those that were followed by another among them."""
        self.retried = 0
        """Attempts beyond the first of each trial; a second pod of the same attempt is none."""
        self._newest: dict[TrialKey, int] = {}
        self.first_start = ""
        """RFC 3339 time at which the first container of this plan's trials started, as far as recorded."""
        self._order = order
        self._cursor = 0
        self._attempts: dict[TrialKey, list[Record]] = {}
        self._retries: dict[TrialKey, Candidate] = {}
        self._started: set[TrialKey] = set()
        self._unplaced = [
            (cell.hash, trial) for cell in plan.cells if cell.problem is not None for trial in range(cell.trials)
        ]
        self.left: Counter[Lane] = Counter()
        """Trials not started, by lane."""
        for cell in plan.cells:
            self.left[lane_of(cell)] += cell.trials
        for record in records:
            self.add(record)

    def wants(self, key: TrialKey) -> bool:
        """Whether the plan holds this trial."""
        cell = self.cells.get(key[0])
        return cell is not None and key[1] < cell.trials

    def known(self, cell_hash: str) -> Cell | RetiredCell | None:
        """The cell of an attempt: of the plan, or what is left of one that it dropped."""
        return self.cells.get(cell_hash) or self._retired.get(cell_hash)

    def add(self, record: Record) -> None:
        """Take in a durable record; one of a trial that the plan does not hold is left in the ledger."""
        key = (record.id.cell_hash, record.id.trial)
        if not self.wants(key):
            return
        attempts = self._attempts.setdefault(key, [])
        attempts.append(record)
        attempts.sort(key=lambda each: each.id.attempt)
        self._mark(key, record.id.attempt)
        self.log_states[record.log.state] += 1
        if record.started and (not self.first_start or record.started < self.first_start):
            self.first_start = record.started
        self._retries.pop(key, None)
        old = self.results.pop(key, None)
        if old is not None:
            self._count(old, -1)
        following = next_step(attempts, self.rules)
        if attempts[-1].outcome is Outcome.CANCELLED:
            # Only a plan that did not hold this trial can have cancelled it: this one does.
            self._retries[key] = Candidate(self.cells[key[0]], key[1], attempts[-1].id.attempt + 1, Mutation())
        elif isinstance(following, Retry):
            self._retries[key] = Candidate(self.cells[key[0]], key[1], attempts[-1].id.attempt + 1, following.mutation)
        else:
            self.results[key] = attempts[-1]
            self._count(attempts[-1], +1)

    def start(self, key: TrialKey, attempt: int) -> None:
        """A Job or pod of this attempt is there, or was sent."""
        if not self.wants(key):
            return
        self._mark(key, attempt)
        due = self._retries.get(key)
        if due is not None and due.attempt <= attempt:
            del self._retries[key]

    def _mark(self, key: TrialKey, attempt: int) -> None:
        if key not in self._started:
            self._started.add(key)
            self.left[lane_of(self.cells[key[0]])] -= 1
        newest = self._newest.get(key, 0)
        if attempt > newest:
            self._newest[key] = attempt
            self.retried += attempt - newest

    def has_started(self, key: TrialKey) -> bool:
        """Whether an attempt of this trial was ever launched."""
        return key in self._started

    def attempts(self, key: TrialKey) -> Sequence[Record]:
        """All records of one trial, by attempt."""
        return self._attempts.get(key, ())

    def candidates(self) -> Iterator[Candidate]:
        """Attempts that may be launched: first what fits no node, then retries, then the plan's order.

        Lazy: what is not taken costs nothing. Nothing may be added to the board while it is drawn from.
        """
        order, started = self._order, self._started
        while self._unplaced and self._unplaced[-1] in started:
            self._unplaced.pop()
        for key in self._unplaced:
            if key not in started:
                yield Candidate(self.cells[key[0]], key[1], 0, Mutation())
        yield from self._retries.values()
        while self._cursor < len(order) and self._key(self._cursor) in started:
            self._cursor += 1
        for place in range(self._cursor, len(order)):
            key = self._key(place)
            cell = self.cells[key[0]]
            if key not in started and cell.problem is None:
                yield Candidate(cell, key[1], 0, Mutation())

    @property
    def done(self) -> int:
        """Trials with a result."""
        return len(self.results)

    @property
    def succeeded(self) -> int:
        """Trials whose result is Succeeded."""
        return self.outcomes[Outcome.SUCCEEDED]

    @property
    def waiting(self) -> int:
        """Trials not started, and retries not launched."""
        return self.plan.trials - len(self._started) + len(self._retries)

    @property
    def complete(self) -> bool:
        """True when every trial has a result."""
        return self.done == self.plan.trials

    def _key(self, place: int) -> TrialKey:
        cell, trial = self._order[place]
        return (self.plan.cells[cell].hash, trial)

    def _count(self, record: Record, by: int) -> None:
        self.outcomes[record.outcome] += by
