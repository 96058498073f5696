"""Where every trial of one plan stands, kept up to date record by record instead of worked out anew each pass.

Rebuilding it from the ledger gives the same board: it holds nothing that plan and records do not say, but for
which trials were seen to have started (their Jobs and pods say that again after a restart).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from batchmatrix.engine.operations import Operations
from batchmatrix.model.cell import Cell, Plan, RetiredCell
from batchmatrix.model.evidence import Outcome
from batchmatrix.model.launch import Mutation, RetryRule
from batchmatrix.model.operation import OperationEntry
from batchmatrix.model.record import Record
from batchmatrix.outcome.retry import Retry, next_step
from batchmatrix.outcome.wanted import speaks_against

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
        operations: Operations | None = None,
    ) -> None:
        self.plan = plan
        self.operations = Operations() if operations is None else operations
        self.rules = rules
        self.cells: dict[str, Cell] = {cell.hash: cell for cell in plan.cells}
        self._retired = {cell.hash: cell for cell in reversed(plan.retired)}
        self.results: dict[TrialKey, Record] = {}
        """The last record of each trial that is done."""
        self.changes = 0
        """How often that has changed."""
        self.outcomes: Counter[Outcome] = Counter()
        self.log_states: Counter[str] = Counter()
        """Logs of all recorded attempts of the plan's trials, those that were followed by another among them."""
        self.failed: Counter[str] = Counter()
        """By cell hash the trials whose result speaks against what is expected of the cell; only those with any."""
        self.retried = 0
        """Attempts beyond the first of each trial; a second pod of the same attempt is none."""
        self._newest: dict[TrialKey, int] = {}
        self.first_start = ""
        """RFC 3339 time at which the first container of this plan's trials started, as far as recorded."""
        self._order = order
        self._cursor = 0
        self._attempts: dict[TrialKey, list[Record]] = {}
        self._retries: dict[TrialKey, Candidate] = {}
        """Trials that have started and are to start again: retries, and what was asked to run again."""
        self._retries_sorted = True
        self._places: dict[TrialKey, int] | None = None
        self._unstarted_cancelled: tuple[object, int] = (None, 0)
        self._started: set[TrialKey] = set()
        self._unplaced = [
            (cell.hash, trial) for cell in plan.cells if cell.problem is not None for trial in range(cell.trials)
        ]
        self.left: Counter[Lane] = Counter()
        """Trials not started, and those due to start again, by lane."""
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
        self._stand(key)

    def read_anew(self, record: Record) -> None:
        """A record that is here already says something else by now. Nothing is launched for it that was not due."""
        key = (record.id.cell_hash, record.id.trial)
        attempts = self._attempts.get(key)
        if attempts is not None:
            attempts[:] = [record if each.key == record.key else each for each in attempts]
            self._stand(key)

    def operate(self, entry: OperationEntry) -> None:
        """Take in a durable operation, once `operations` has it."""
        if entry.action == "cancel":
            for key in self._attempts:
                self._stand(key)
        for cell_hash, trials in entry.trials.items():
            for trial in trials:
                if self.wants((cell_hash, trial)):
                    self._stand((cell_hash, trial))

    def _stand(self, key: TrialKey) -> None:
        """Work out anew whether a trial is done or due, from its attempts and from what was asked for by hand."""
        self._forget_due(key)
        old = self.results.pop(key, None)
        if old is not None:
            self._count(old, -1)
        attempts = self._attempts.get(key)
        if not attempts or self._newest.get(key, 0) > attempts[-1].id.attempt:
            return  # nothing of it has ended, or a later attempt is under way
        last = attempts[-1]
        first = self.operations.first(*key)
        asked = first is not None and last.id.attempt < first
        if self.operations.cancelled(*key):
            if not asked:  # what somebody wanted to run again has no result, although it never will
                self._settle(key, last)
            return
        following = next_step(attempts, self.rules)
        if first is not None and asked:
            self._come_due(key, first, Mutation())
        elif last.outcome is Outcome.CANCELLED:
            # By a plan that did not hold this trial, or by a rule that was lifted: this plan wants it.
            self._come_due(key, last.id.attempt + 1, Mutation())
        elif isinstance(following, Retry):
            self._come_due(key, last.id.attempt + 1, following.mutation)
        else:
            self._settle(key, last)

    def _settle(self, key: TrialKey, record: Record) -> None:
        self.results[key] = record
        self._count(record, +1)

    def _come_due(self, key: TrialKey, attempt: int, mutation: Mutation) -> None:
        cell = self.cells[key[0]]
        self._retries[key] = Candidate(cell, key[1], attempt, mutation)
        self._retries_sorted = False
        self.left[lane_of(cell)] += 1

    def _forget_due(self, key: TrialKey) -> None:
        if self._retries.pop(key, None) is not None:
            self.left[lane_of(self.cells[key[0]])] -= 1

    def start(self, key: TrialKey, attempt: int) -> None:
        """A Job or pod of this attempt is there, or was sent."""
        if not self.wants(key):
            return
        self._mark(key, attempt)
        attempts = self._attempts.get(key)
        if attempts and attempt > attempts[-1].id.attempt:
            self._forget_due(key)  # also what a rerun asked for after it: that is due once this one has ended

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

    def is_due(self, key: TrialKey) -> bool:
        """Whether it has started before and is to start again."""
        return key in self._retries

    def next_attempt(self, key: TrialKey) -> int:
        """Number that the next attempt of this trial will have, as far as its attempts have been seen."""
        return self._newest.get(key, 0) + 1 if key in self._started else 0

    def attempts(self, key: TrialKey) -> Sequence[Record]:
        """All records of one trial, by attempt."""
        return self._attempts.get(key, ())

    def candidates(self) -> Iterator[Candidate]:
        """Attempts that may be launched: first what fits no node, then retries, then the plan's order.

        Lazy: what is not taken costs nothing. Nothing may be added to the board while it is drawn from.
        """
        if self.operations.all_cancelled:
            return
        order, started, cancelled = self._order, self._started, self.operations.cancelled
        while self._unplaced and self._unplaced[-1] in started:
            self._unplaced.pop()
        for key in self._unplaced:
            if key not in started and not cancelled(*key):
                yield Candidate(self.cells[key[0]], key[1], 0, Mutation())
        yield from self._due()
        while self._cursor < len(order) and self._key(self._cursor) in started:
            self._cursor += 1
        for place in range(self._cursor, len(order)):
            key = self._key(place)
            cell = self.cells[key[0]]
            if key not in started and cell.problem is None and not cancelled(*key):
                yield Candidate(cell, key[1], 0, Mutation())

    def _due(self) -> Iterable[Candidate]:
        """In the plan's order, as a fair comparison needs that of reruns too."""
        if not self._retries_sorted and len(self._retries) > 1:
            if self._places is None:
                self._places = {self._key(place): place for place in range(len(self._order))}
            places = self._places
            self._retries = dict(sorted(self._retries.items(), key=lambda item: places.get(item[0], 0)))
        self._retries_sorted = True
        return self._retries.values()

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

    @property
    def cancelled(self) -> int:
        """Trials that have no result and may not start."""
        if self.operations.cancel is None:
            return 0
        state = (self.changes, self.operations.count)
        if self._unstarted_cancelled[0] != state:
            keys = ((cell.hash, trial) for cell in self.plan.cells for trial in range(cell.trials))
            count = sum(key not in self.results and self.operations.cancelled(*key) for key in keys)
            self._unstarted_cancelled = (state, count)
        return self._unstarted_cancelled[1]

    @property
    def begun(self) -> bool:
        """Whether any trial was ever launched."""
        return bool(self._started)

    @property
    def ended(self) -> bool:
        """True when every trial has a result, or may not have one."""
        return self.done + self.cancelled == self.plan.trials

    def _key(self, place: int) -> TrialKey:
        cell, trial = self._order[place]
        return (self.plan.cells[cell].hash, trial)

    def _count(self, record: Record, by: int) -> None:
        self.changes += 1
        self.outcomes[record.outcome] += by
        if speaks_against(record, self.cells[record.id.cell_hash].expect):
            self.failed[record.id.cell_hash] += by
            self.failed = +self.failed if by < 0 else self.failed
