"""The state that a ledger's shards amount to.

Compaction, when it is wanted, fits here: an object `ledger/snapshot-<n>.jsonl.zst` holds the state after shard n and
that shard's digest; replay starts at the newest snapshot, checks that shard n + 1 names the digest, and goes on; older
shards may then go. Nothing of the shards' form would change.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from dataclasses import replace
from types import MappingProxyType

from batchmatrix.ledger.codec import Entry
from batchmatrix.ledger.errors import BrokenLedger
from batchmatrix.ledger.shard import decode_shard, digest_of, shard_number
from batchmatrix.model.launch import AttemptId
from batchmatrix.model.operation import OperationEntry
from batchmatrix.model.record import IntentEntry, ReadingEntry, Record
from batchmatrix.ports.store import Store

__all__ = ["State", "replay"]

_READS = 16
"""Shards fetched at the same time: a bucket answers in tens of milliseconds."""


class State:
    """Records, intents and operations by what they are looked up by. Of twins the first durable one counts.

    A record is shown with its last reading in it.
    """

    __slots__ = ("_attempts", "_intents", "_operations", "_records", "_written", "digest", "sequence", "twins")

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._written: dict[str, Record] = {}
        """Of the records that were read anew, what they were."""
        self._attempts: dict[AttemptId, tuple[Record, ...]] = {}
        self._intents: dict[AttemptId, tuple[IntentEntry, ...]] = {}
        self._operations: dict[tuple[str, str], OperationEntry] = {}
        self.sequence = 0
        """Number of the last shard; 0 for an empty ledger."""
        self.digest = ""
        """SHA-256 of the last shard."""
        self.twins = 0
        """Entries in the shards that repeat an earlier one. A single writer makes none."""

    @property
    def records(self) -> Mapping[str, Record]:
        """By Record.key, in the order in which they became durable. A view: it changes with the state."""
        return MappingProxyType(self._records)

    @property
    def attempts(self) -> Mapping[AttemptId, tuple[Record, ...]]:
        """Records by attempt; more than one where a Job had a second pod."""
        return MappingProxyType(self._attempts)

    @property
    def intents(self) -> Mapping[AttemptId, tuple[IntentEntry, ...]]:
        """Intents by attempt, in the order in which they became durable."""
        return MappingProxyType(self._intents)

    @property
    def operations(self) -> Mapping[tuple[str, str], OperationEntry]:
        """By OperationEntry.key, in the order in which they became durable. A view."""
        return MappingProxyType(self._operations)

    def as_written(self, key: str) -> Record:
        """The record of this key as its attempt ended, without later readings. Raises KeyError."""
        return self._written.get(key) or self._records[key]

    def new(self, entries: Iterable[Entry]) -> list[Entry]:
        """Those of `entries` that are not here yet, nor twice among themselves."""
        fresh = {_identity(entry): entry for entry in reversed(list(entries)) if not self._has(entry)}
        return list(reversed(fresh.values()))

    def apply(self, entries: Iterable[Entry], *, sequence: int, digest: str) -> None:
        """Take in the entries of shard `sequence`."""
        for entry in entries:
            if self._has(entry):
                self.twins += 1
                continue
            match entry:
                case Record():
                    self._records[entry.key] = entry
                    self._attempts[entry.id] = (*self._attempts.get(entry.id, ()), entry)
                case IntentEntry():
                    self._intents[entry.id] = (*self._intents.get(entry.id, ()), entry)
                case OperationEntry():
                    self._operations[entry.key] = entry
                case ReadingEntry():
                    self._read(entry)
        self.sequence = sequence
        self.digest = digest

    def _has(self, entry: Entry) -> bool:
        match entry:
            case Record():
                return entry.key in self._records
            case IntentEntry():
                return any(_identity(old) == _identity(entry) for old in self._intents.get(entry.id, ()))
            case OperationEntry():
                return entry.key in self._operations
            case ReadingEntry():  # to go back to an earlier reading is news, to say again what holds is none
                record = self._records.get(entry.key)
                return record is None or replace(_with_reading(record, entry), turned=record.turned) == record

    def _read(self, reading: ReadingEntry) -> None:
        old = self._records[reading.key]
        written = self._written.setdefault(reading.key, old)
        new = _with_reading(written, reading)
        self._records[reading.key] = new
        self._attempts[new.id] = tuple(new if each is old else each for each in self._attempts[new.id])


def _with_reading(record: Record, reading: ReadingEntry) -> Record:
    return replace(
        record,
        outcome=reading.outcome,
        blame=reading.blame,
        reason=reading.reason,
        message=reading.message,
        log=replace(
            record.log,
            metrics=reading.metrics,
            parser=reading.parser,
            long_lines=reading.long_lines,
            malformed=reading.malformed,
        ),
        turned=(reading.outcome, reading.blame) != (record.outcome, record.blame),
    )


def _identity(entry: Entry) -> object:
    match entry:
        case Record() | OperationEntry():
            return entry.key
        case IntentEntry():
            return (entry.id, entry.job, entry.pod_uid, entry.action)
        case ReadingEntry():
            return ("reading", entry.key)


async def replay(store: Store, prefix: str) -> State:
    """Read all shards of the ledger below `prefix` and check their chain. Raises BrokenLedger, Unavailable.

    That the newest shards are missing cannot be seen here; whoever noted the last number elsewhere compares it.
    """
    state = State()
    keys = [info.key async for info in store.list(f"{prefix}/ledger/") if shard_number(info.key) is not None]
    async with aclosing(_fetch(store, keys)) as fetched:
        async for key, data in fetched:
            header, entries = decode_shard(key, data)
            expected = state.sequence + 1
            if shard_number(key) != expected:
                raise BrokenLedger(
                    f"ledger shard {key} follows shard {state.sequence}: one between is missing; restore it"
                )
            if header.sequence != expected:
                raise BrokenLedger(
                    f"ledger shard {key} says that it is number {header.sequence}; restore the right object"
                )
            if header.previous != state.digest:
                raise BrokenLedger(
                    f"ledger shard {key} does not follow the shard before it: that has SHA-256 "
                    f"{state.digest or 'none'}, not {header.previous or 'none'}; one was replaced: restore it"
                )
            state.apply(entries, sequence=expected, digest=digest_of(data))
    return state


async def _fetch(store: Store, keys: list[str]) -> AsyncGenerator[tuple[str, bytes], None]:
    """The objects in the order of `keys`, a few ahead of the reader."""
    ahead: deque[tuple[str, asyncio.Task[bytes]]] = deque()
    rest = iter(keys)
    try:
        while True:
            while len(ahead) < _READS and (key := next(rest, None)) is not None:
                ahead.append((key, asyncio.ensure_future(store.get(key))))
            if not ahead:
                return
            key, task = ahead[0]
            data = await task
            ahead.popleft()
            yield key, data
    finally:
        for _, task in ahead:
            task.cancel()
        await asyncio.gather(*(task for _, task in ahead), return_exceptions=True)
