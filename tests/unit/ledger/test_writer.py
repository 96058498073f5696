"""What commit promises, call by call; the property test has the same promises under random crashes."""

from __future__ import annotations

import asyncio

import pytest

from batchmatrix.base.errors import Unavailable
from batchmatrix.ledger.errors import Conflict
from batchmatrix.ledger.replay import replay
from batchmatrix.ledger.shard import MAX_ENTRIES, decode_shard, digest_of, shard_key
from batchmatrix.ledger.writer import Ledger
from tests.support.ledgers import FixedClock, a_record, an_intent
from tests.support.stores import Fault, MemoryStore


async def opened(store: MemoryStore, writer: str = "one") -> Ledger:
    return await Ledger.open(store, "p", writer=writer, clock=FixedClock())


def puts(store: MemoryStore) -> list[str]:
    return [key for name, key in store.calls if name == "put_new"]


async def test_what_was_committed_is_there_for_the_next_process() -> None:
    store = MemoryStore()
    ledger = await opened(store)
    await ledger.commit([an_intent(1), a_record(1)])
    await ledger.commit([a_record(2)])
    assert list(ledger.records.values()) == [a_record(1), a_record(2)]
    assert ledger.sequence == 2
    again = await opened(store, "two")
    assert list(again.records.items()) == list(ledger.records.items())
    assert again.attempts == ledger.attempts
    assert again.intents == ledger.intents
    assert (again.sequence, again.digest) == (ledger.sequence, ledger.digest)
    await again.commit([a_record(3)])
    header, _ = decode_shard("3", store.objects[shard_key("p", 3)])
    assert (header.writer, header.previous, header.time) == ("two", ledger.digest, "2025-06-15T15:06:41.000Z")
    assert (await replay(store, "p")).twins == 0


async def test_what_is_durable_is_not_written_again() -> None:
    store = MemoryStore()
    ledger = await opened(store)
    await ledger.commit([a_record(1), an_intent(1), a_record(1, message="other")])
    await ledger.commit([a_record(1), an_intent(1, time="later")])
    await ledger.commit([])
    assert puts(store) == [shard_key("p", 1)]
    assert list(ledger.records.values()) == [a_record(1)]


@pytest.mark.parametrize("fault", [Fault.BEFORE, Fault.AFTER])
async def test_after_unavailable_the_same_bytes_are_sent_first(fault: Fault) -> None:
    faults = [fault]
    store = MemoryStore(fault=lambda name, _: faults.pop() if faults and name == "put_new" else None)
    ledger = await opened(store)
    with pytest.raises(Unavailable):
        await ledger.commit([a_record(1)])
    assert ledger.pending
    assert not ledger.records
    assert ledger.sequence == 0
    kept = dict(store.objects)
    await ledger.commit([a_record(1, message="made anew"), a_record(2)])
    assert not ledger.pending
    assert list(ledger.records.values()) == [a_record(1), a_record(2)]
    assert ledger.sequence == 2
    assert kept.items() <= store.objects.items()
    state = await replay(store, "p")
    assert list(state.records.values()) == [a_record(1), a_record(2)]
    assert state.twins == 0


async def test_a_lost_reply_that_the_client_hid_is_no_conflict() -> None:
    store = MemoryStore(fault=lambda name, _: Fault.REPEATED if name == "put_new" else None)
    ledger = await opened(store)
    await ledger.commit([a_record(1)])
    await ledger.commit([a_record(2)])
    assert list(ledger.records.values()) == [a_record(1), a_record(2)]


class SlowReply(MemoryStore):
    """Creates at once and tells so only when `answer` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.created, self.answer = asyncio.Event(), asyncio.Event()

    async def put_new(self, key: str, data: bytes) -> None:
        try:
            await super().put_new(key, data)
        finally:
            self.created.set()
            await self.answer.wait()


async def test_a_cancelled_commit_may_have_happened_and_is_settled_by_the_next() -> None:
    store = SlowReply()
    ledger = await opened(store)
    task = asyncio.ensure_future(ledger.commit([a_record(1)]))
    await store.created.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    store.answer.set()
    assert ledger.pending
    await ledger.commit([a_record(1)])
    assert list(ledger.records.values()) == [a_record(1)]
    assert (await replay(store, "p")).sequence == 1


async def test_the_loser_of_a_number_stops_for_good_and_takes_no_other() -> None:
    store = MemoryStore()
    old, new = await opened(store, "old"), await opened(store, "new")
    await new.commit([a_record(1)])
    words = r"p/ledger/00000001.jsonl.zst was written by 'new', not by 'old': this process must not go on"
    for _ in range(2):
        with pytest.raises(Conflict, match=words):
            await old.commit([a_record(2)])
    assert not old.records
    assert puts(store) == [shard_key("p", 1)] * 2
    await new.commit([a_record(3)])


async def test_the_same_writer_name_does_not_make_other_bytes_ours() -> None:
    store = MemoryStore()
    first, second = await opened(store), await opened(store)
    await first.commit([a_record(1)])
    with pytest.raises(Conflict):
        await second.commit([a_record(2)])


async def test_an_unreadable_shard_in_our_place_is_a_conflict() -> None:
    store = MemoryStore()
    ledger = await opened(store)
    store.objects[shard_key("p", 1)] = b"junk"
    with pytest.raises(Conflict, match="written by someone else"):
        await ledger.commit([a_record(1)])


async def test_concurrent_commits_follow_each_other() -> None:
    store = MemoryStore()
    ledger = await opened(store)
    await asyncio.gather(*(ledger.commit([a_record(number), a_record(number + 1)]) for number in range(20)))
    state = await replay(store, "p")
    assert sorted(record.id.trial for record in state.records.values()) == list(range(21))
    assert state.twins == 0
    assert state.digest == ledger.digest == digest_of(store.objects[shard_key("p", state.sequence)])


async def test_many_entries_become_several_shards() -> None:
    store = MemoryStore()
    ledger = await opened(store)
    await ledger.commit([a_record(number) for number in range(2 * MAX_ENTRIES + 1)])
    assert len(store.objects) == 3
    assert len((await replay(store, "p")).records) == 2 * MAX_ENTRIES + 1


async def test_a_record_that_cannot_be_written_leaves_the_ledger_usable() -> None:
    ledger = await opened(MemoryStore())
    with pytest.raises(ValueError, match="JSON compliant"):
        await ledger.commit([a_record(1, run_seconds=float("nan"))])
    assert not ledger.pending
    await ledger.commit([a_record(2)])
    assert list(ledger.records.values()) == [a_record(2)]
