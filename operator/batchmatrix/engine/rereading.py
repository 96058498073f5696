"""After a change of how results are read: earlier records are read and judged anew, from the store, without a run.

What is due follows from the rules in force and the ledger alone, so it is known again after a restart: a record whose
log was read by other rules, or whose outcome other exit codes would have given. Logs are read in the background, a few
at a time; what they say becomes entries of the ledger, and only then counts.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from batchmatrix.base.clock import format_rfc3339
from batchmatrix.base.errors import BatchMatrixError
from batchmatrix.base.text import one_line
from batchmatrix.engine.board import TrialKey
from batchmatrix.engine.logstore import PatientStore
from batchmatrix.engine.storedlog import StoredReading, missing_of, read_stored
from batchmatrix.ledger.writer import Ledger
from batchmatrix.model.cell import Plan
from batchmatrix.model.evidence import Captured, LogState, Verdict
from batchmatrix.model.metric import NO_RULES, ReadingRules
from batchmatrix.model.record import ReadingEntry, Record
from batchmatrix.outcome.again import agrees, by_reading, judge_again
from batchmatrix.parse.reader import parser_digest
from batchmatrix.ports.clock import Clock
from batchmatrix.ports.store import Store

__all__ = ["READS", "Rereading", "due"]

logger = logging.getLogger(__name__)

READS = 4
"""Logs of one store that are read anew at one time, over all matrices."""

BATCH = 500
"""Readings that are made durable together at most."""

_AHEAD = 2 * BATCH
"""Readings that wait to be made durable, at most: while the ledger cannot be written, nothing piles up."""


def due(record: Record, written: Record, allowed: tuple[int, ...], *, parser: str, rules: ReadingRules) -> str:
    """`read` where the log has to be read anew, `judge` where the record says all that is needed, else empty.

    `written` is the record as its attempt ended, `parser` the digest of the rules.
    """
    if record.log.key and record.log.parser != parser:
        return "read"
    if agrees(record, written, allowed):
        return ""
    return "read" if rules.end_marker and record.log.key else "judge"  # no record tells whether the marker was there


class Rereading:
    """The readings that one matrix owes."""

    def __init__(
        self, *, ledger: Ledger, store: Store, clock: Clock, reads: asyncio.Semaphore, notify: Callable[[], None]
    ) -> None:
        """`reads` bounds how many logs are read at one time; `notify` is called when there is something to collect."""
        self._ledger = ledger
        self._store = PatientStore(store, clock)
        self._clock = clock
        self._reads = reads
        self._notify = notify
        self._rules = NO_RULES
        self.parser = parser_digest(NO_RULES)
        """Digest of the rules in force."""
        self._plan: Plan | None = None
        self._allowed: Mapping[str, tuple[int, ...]] = {}
        self._trials: Mapping[str, int] = {}
        self._owed: dict[str, str] = {}
        """What is due, by the key of the record."""
        self._open: Counter[TrialKey] = Counter()
        self._queue: deque[str] = deque()
        self._found: dict[str, StoredReading | str | None] = {}
        """Readings that are not durable yet: a text says why there is none, None that none is needed."""
        self._workers: set[asyncio.Task[None]] = set()

    def begin(self, plan: Plan, rules: ReadingRules) -> None:
        """These are in force from now on. What was under way for others is dropped."""
        self._stop()
        self._plan, self._rules, self.parser = plan, rules, parser_digest(rules)
        self._allowed = {cell.hash: cell.allowed_exit_codes for cell in plan.cells}
        self._trials = {cell.hash: cell.trials for cell in plan.cells}
        self._owed.clear()
        self._open.clear()
        self._queue.clear()
        self._found.clear()
        for record in self._ledger.records.values():
            self.consider(record)

    def consider(self, record: Record) -> None:
        """Take up a durable record, if the plan holds its trial and it is not as the rules would have it."""
        allowed = self._allowed.get(record.id.cell_hash)
        if allowed is None or record.id.trial >= self._trials[record.id.cell_hash] or record.key in self._owed:
            return
        what = due(record, self._ledger.as_written(record.key), allowed, parser=self.parser, rules=self._rules)
        if not what:
            return
        self._owed[record.key] = what
        self._open[_trial(record)] += 1
        if what == "read":
            self._queue.append(record.key)
        else:
            self._found[record.key] = None

    @property
    def left(self) -> int:
        """Records whose reading is not durable yet."""
        return len(self._owed)

    @property
    def ready(self) -> bool:
        """Whether there is more to collect."""
        return bool(self._found)

    @property
    def trials(self) -> Collection[TrialKey]:
        """Trials with such a record: what follows for them is not known yet."""
        return self._open.keys()

    def collect(self, writer: str) -> tuple[list[ReadingEntry], list[str]]:
        """What can be made durable now, BATCH at most, and keys of records that say it already.

        That is so where nothing has changed, and where an earlier commit turned out to have come to be. Reading goes
        on meanwhile. Give each key back to `settle`.
        """
        self._work()
        entries: list[ReadingEntry] = []
        known: list[str] = []
        for key in list(islice(self._found, BATCH)):
            entry = self._entry(key, self._found[key], writer)
            if _holds(self._ledger.records[key], entry):
                known.append(key)
            else:
                entries.append(entry)
        return entries, known

    def settle(self, key: str) -> None:
        """What was read anew of this record is durable."""
        self._forget(key)

    async def close(self) -> None:
        """Stop reading; what is not durable is due again in the next process."""
        workers = self._stop()
        await asyncio.gather(*workers, return_exceptions=True)

    def _stop(self) -> Iterable[asyncio.Task[None]]:
        workers, self._workers = self._workers, set()
        for worker in workers:
            worker.cancel()
        return workers

    def _forget(self, key: str) -> None:
        self._owed.pop(key, None)
        self._found.pop(key, None)
        trial = _trial(self._ledger.records[key])
        self._open[trial] -= 1
        if self._open[trial] <= 0:
            del self._open[trial]

    def _work(self) -> None:
        self._workers = {worker for worker in self._workers if not worker.done()}
        while len(self._workers) < min(READS, len(self._queue)):
            self._workers.add(asyncio.create_task(self._read_all(), name="reading anew"))

    async def _read_all(self) -> None:
        while self._queue and len(self._found) < _AHEAD:  # the next pass begins again
            key = self._queue.popleft()
            async with self._reads:
                self._found[key] = await self._read(self._ledger.records[key].log.key)
            self._notify()

    async def _read(self, prefix: str) -> StoredReading | str:
        try:
            return await read_stored(self._store, prefix, self._rules)
        except BatchMatrixError as error:
            return one_line(f"it cannot be read anew: {error}", limit=200)
        except Exception as error:  # one log that cannot be read must not hold up the others
            logger.exception("log %s", prefix)
            return one_line(f"it cannot be read anew: {type(error).__name__}", limit=200)

    def _entry(self, key: str, found: StoredReading | str | None, writer: str) -> ReadingEntry:
        record, written = self._ledger.records[key], self._ledger.as_written(key)
        marker = ""
        match found:
            case StoredReading():
                log, marker = replace(written.log, parser=self.parser, **_content(found)), found.missing_marker
            case str():
                log = replace(written.log, state=LogState.LOST, message=found, metrics=(), parser=self.parser)
            case None:
                log = replace(written.log, parser=record.log.parser, **_content(record.log))
        verdict = self._verdict(written, log, marker)
        assert self._plan is not None
        return ReadingEntry(
            key=key,
            id=record.id,
            generation=self._plan.generation,
            parser=log.parser,
            **_content(log),
            outcome=verdict.outcome,
            blame=verdict.blame,
            reason=verdict.reason,
            message=verdict.message,
            time=format_rfc3339(self._clock.now(), digits=3),
            writer=writer,
        )

    def _verdict(self, written: Record, log: Captured, missing_marker: str) -> Verdict:
        if by_reading(written):
            return judge_again(
                written,
                log,
                self._allowed[written.id.cell_hash],
                missing_metrics=missing_of(self._rules.metrics, log.metrics),
                missing_marker=missing_marker,
            )
        message = written.message
        if log.state is LogState.LOST is not written.log.state:
            message = one_line("; ".join(part for part in (message, f"its log is lost ({log.message})") if part))
        return Verdict(written.outcome, written.blame, written.reason, message)


def _trial(record: Record) -> TrialKey:
    return (record.id.cell_hash, record.id.trial)


def _content(found: StoredReading | Captured) -> dict[str, Any]:
    """What a reading has to say of a log, by the names of ReadingEntry and of Captured."""
    return {"metrics": found.metrics, "long_lines": found.long_lines, "malformed": found.malformed}


def _holds(record: Record, entry: ReadingEntry) -> bool:
    """Whether the record says this already."""
    said = (record.log.parser, _content(record.log), record.outcome, record.blame, record.reason, record.message)
    wanted = {"metrics": entry.metrics, "long_lines": entry.long_lines, "malformed": entry.malformed}
    return said == (entry.parser, wanted, entry.outcome, entry.blame, entry.reason, entry.message)
