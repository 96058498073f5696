"""Writing a ledger: what commit returned from is durable, once, and nobody else wrote in between."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from batchmatrix.base.clock import format_rfc3339
from batchmatrix.base.errors import AlreadyExists, NotFound, Unavailable
from batchmatrix.ledger.codec import Entry
from batchmatrix.ledger.errors import BrokenLedger, Conflict
from batchmatrix.ledger.replay import State, replay
from batchmatrix.ledger.shard import MAX_ENTRIES, Header, decode_shard, digest_of, encode_shard, shard_key
from batchmatrix.model.launch import AttemptId
from batchmatrix.model.operation import OperationEntry
from batchmatrix.model.record import IntentEntry, Record
from batchmatrix.ports.clock import Clock
from batchmatrix.ports.meter import UNMETERED, Meter
from batchmatrix.ports.store import Store

__all__ = ["Ledger"]


@dataclass(frozen=True, slots=True)
class _Pending:
    """A shard whose fate is not known yet: its bytes are sent again as they are until it is."""

    number: int
    key: str
    data: bytes
    entries: tuple[Entry, ...]


class Ledger:
    """The ledger of one matrix, open for writing. Make it with `open`.

    Two processes that both write are told apart by the shard's number: the store lets one of them create it, the other
    gets Conflict, now and at every later commit, and has to end. The `meter` gets word of every record that becomes
    durable here, once.
    """

    def __init__(
        self, store: Store, prefix: str, *, writer: str, clock: Clock, state: State, meter: Meter = UNMETERED
    ) -> None:
        self._meter = meter
        self._store = store
        self._prefix = prefix
        self._writer = writer
        self._clock = clock
        self._state = state
        self._pending: _Pending | None = None
        self._lost: str | None = None
        self._lock = asyncio.Lock()

    @classmethod
    async def open(cls, store: Store, prefix: str, *, writer: str, clock: Clock, meter: Meter = UNMETERED) -> Ledger:
        """Replay what is there. `writer` is this process's identity, another after each restart.

        Raises BrokenLedger, Unavailable.
        """
        state = await replay(store, prefix)
        return cls(store, prefix, writer=writer, clock=clock, state=state, meter=meter)

    @property
    def records(self) -> Mapping[str, Record]:
        """All durable records by Record.key, with their last reading, in the order in which they became durable.

        A live view.
        """
        return self._state.records

    @property
    def attempts(self) -> Mapping[AttemptId, tuple[Record, ...]]:
        """Durable records by attempt; more than one where a Job had a second pod. A live view."""
        return self._state.attempts

    def as_written(self, key: str) -> Record:
        """The record of this key as its attempt ended, without later readings. Raises KeyError."""
        return self._state.as_written(key)

    @property
    def intents(self) -> Mapping[AttemptId, tuple[IntentEntry, ...]]:
        """Durable intents by attempt, oldest first; a live view."""
        return self._state.intents

    @property
    def operations(self) -> Mapping[tuple[str, str], OperationEntry]:
        """Durable operations by OperationEntry.key, oldest first; a live view."""
        return self._state.operations

    @property
    def sequence(self) -> int:
        """Number of the last shard known to be durable; 0 for none."""
        return self._state.sequence

    @property
    def digest(self) -> str:
        """SHA-256 of that shard; empty for none."""
        return self._state.digest

    @property
    def twins(self) -> int:
        """Entries in the store that repeat an earlier one and were left out."""
        return self._state.twins

    @property
    def pending(self) -> bool:
        """True while there is a shard that may or may not be in the store; `commit([])` settles it."""
        return self._pending is not None

    async def commit(self, entries: Sequence[Entry]) -> None:
        """Make `entries` durable, leaving out those that are already.

        Unavailable: it is not known whether they are; give them again later. Views show them only once they are. The
        shard of the failed commit goes first then, byte for byte, so nothing is written twice. Raises also Conflict,
        ValueError for a number that is not finite, and BrokenLedger.
        """
        async with self._lock:
            await self._settle()
            fresh = self._state.new(entries)
            for start in range(0, len(fresh), MAX_ENTRIES):
                self._pending = self._encode(tuple(fresh[start : start + MAX_ENTRIES]))
                await self._settle()

    def _encode(self, entries: tuple[Entry, ...]) -> _Pending:
        number = self._state.sequence + 1
        time = format_rfc3339(self._clock.now(), digits=3)
        header = Header(writer=self._writer, sequence=number, previous=self._state.digest, time=time)
        return _Pending(number, shard_key(self._prefix, number), encode_shard(header, entries), entries)

    async def _settle(self) -> None:
        """Have the pending shard in the store, or raise with it still pending."""
        if self._lost is not None:
            raise Conflict(self._lost)
        shard = self._pending
        if shard is None:
            return
        begun = self._clock.monotonic()
        try:
            await self._store.put_new(shard.key, shard.data)
        except AlreadyExists:
            await self._compare(shard)
        self._meter.commit(self._clock.monotonic() - begun)
        self._count(shard.entries)
        self._state.apply(shard.entries, sequence=shard.number, digest=digest_of(shard.data))
        self._pending = None

    def _count(self, entries: Sequence[Entry]) -> None:
        """Tell of records that are durable now, and that `_state` does not hold yet."""
        counted: set[AttemptId] = set()
        for record in entries:
            if not isinstance(record, Record):
                continue
            again = record.id in counted or record.id in self._state.attempts  # a second pod of one attempt
            counted.add(record.id)
            before = self._state.attempts.get(replace(record.id, attempt=record.id.attempt - 1), ())
            retry = not again and any(each.rerun == record.rerun for each in before)
            self._meter.attempt(record.outcome, retry=retry)
            self._meter.log(record.log.state, record.log.bytes)

    async def _compare(self, shard: _Pending) -> None:
        """Returns where the object that is there is our own of an earlier try whose reply was lost."""
        try:
            held = await self._store.get(shard.key)
        except NotFound:
            raise Unavailable(f"ledger shard {shard.key} exists and does not: the store contradicts itself") from None
        if held == shard.data:
            return
        try:
            other = f"was written by {decode_shard(shard.key, held)[0].writer!r}"
        except BrokenLedger as error:
            other = f"was written by someone else ({error})"
        self._lost = f"ledger shard {shard.key} {other}, not by {self._writer!r}: this process must not go on writing"
        raise Conflict(self._lost)
