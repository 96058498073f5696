"""What the shards amount to, and what is not taken for a ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from batchmatrix.ledger.codec import Entry
from batchmatrix.ledger.errors import BrokenLedger
from batchmatrix.ledger.replay import replay
from batchmatrix.ledger.shard import Header, digest_of, encode_shard, shard_key
from batchmatrix.model.evidence import Blame, Outcome
from tests.support.ledgers import a_reading, a_record, an_intent, an_operation
from tests.support.stores import MemoryStore


def chained(*shards: Sequence[Entry]) -> dict[str, bytes]:
    objects: dict[str, bytes] = {}
    previous = ""
    for number, entries in enumerate(shards, start=1):
        data = encode_shard(Header(writer="w", sequence=number, previous=previous, time="t"), entries)
        objects[shard_key("p", number)] = data
        previous = digest_of(data)
    return objects


async def test_nothing_is_an_empty_ledger() -> None:
    state = await replay(MemoryStore(), "p")
    assert (state.sequence, state.digest, state.twins) == (0, "", 0)
    assert not state.records


async def test_records_and_intents_are_found_by_their_attempts() -> None:
    second_pod = a_record(1, pod_uid="another", outcome=Outcome.SUCCEEDED)
    objects = chained([an_intent(1), a_record(1)], [a_record(2), second_pod], [an_intent(1, action="cancel")])
    state = await replay(MemoryStore(objects), "p")
    assert list(state.records.values()) == [a_record(1), a_record(2), second_pod]
    assert state.attempts == {a_record(1).id: (a_record(1), second_pod), a_record(2).id: (a_record(2),)}
    assert state.intents == {a_record(1).id: (an_intent(1), an_intent(1, action="cancel"))}
    assert state.sequence == 3
    assert state.digest == digest_of(objects[shard_key("p", 3)])
    assert state.twins == 0


async def test_of_twins_the_first_durable_one_counts() -> None:
    twin = a_record(1, message="later")
    state = await replay(MemoryStore(chained([a_record(1), an_intent(1)], [twin, an_intent(1, time="later")])), "p")
    assert list(state.records.values()) == [a_record(1)]
    assert state.intents == {a_record(1).id: (an_intent(1),)}
    assert state.twins == 2


async def test_an_operation_is_known_by_action_and_token_and_one_that_was_seen_counts() -> None:
    cancel = an_operation(1, action="cancel", trials={})
    seen = an_operation(2, action="seen", scope="rerun", trials={})
    objects = chained([an_operation(1), cancel], [seen, an_operation(2), an_operation(1, time="later")])
    state = await replay(MemoryStore(objects), "p")
    assert list(state.operations) == [("rerun", "token-1"), ("cancel", "token-1"), ("rerun", "token-2")]
    assert list(state.operations.values()) == [an_operation(1), cancel, seen]
    assert state.twins == 2
    assert state.new([an_operation(2), an_operation(3), an_operation(3, time="later")]) == [an_operation(3)]


async def test_a_record_is_shown_with_its_last_reading_and_stays_as_it_was_written() -> None:
    back = a_reading(1, outcome=Outcome.UNEXPECTED_EXIT, blame=Blame.WORKLOAD)
    second_pod = a_record(1, pod_uid="another")
    shards = [[a_record(1), a_record(2), second_pod], [a_reading(1)], [back]]
    state = await replay(MemoryStore(chained(*shards[:2])), "p")
    record = state.records[a_record(1).key]
    assert (record.outcome, record.reason, record.turned) == (Outcome.SUCCEEDED, "Succeeded", True)
    assert (record.log.metrics, record.log.parser) == (a_reading().metrics, a_reading().parser)
    assert record.log.sha256 == a_record(1).log.sha256
    assert state.attempts[record.id] == (record, second_pod)
    assert state.as_written(record.key) == a_record(1)
    state = await replay(MemoryStore(chained(*shards)), "p")
    record = state.records[a_record(1).key]
    assert (record.outcome, record.turned) == (Outcome.UNEXPECTED_EXIT, False)
    assert state.as_written(record.key) == a_record(1)
    assert state.as_written(a_record(2).key) == state.records[a_record(2).key] == a_record(2)
    assert state.twins == 0


async def test_a_reading_that_says_what_holds_is_a_twin_and_going_back_is_none() -> None:
    other = a_reading(1, parser="00" * 32)
    shards = [[a_record(1)], [a_reading(1)], [a_reading(1, generation=5)], [other], [a_reading(1)]]
    state = await replay(MemoryStore(chained(*shards)), "p")
    assert state.twins == 1
    assert state.records[a_record(1).key].log.parser == a_reading(1).parser
    assert state.new([a_reading(1), other, a_reading(3)]) == [other]


async def test_records_without_a_pod_are_told_apart_by_their_attempt() -> None:
    entries: list[Entry] = [a_record(number, pod_uid="") for number in (1, 2, 1)]
    state = await replay(MemoryStore(chained(entries)), "p")
    assert [record.id.trial for record in state.records.values()] == [1, 2]
    assert state.twins == 1


async def test_other_objects_and_other_ledgers_are_let_alone() -> None:
    objects = chained([a_record(1)])
    objects |= {"p/ledger/notes.txt": b"x", "p2/ledger/00000001.jsonl.zst": b"x", "p/ledgers/00000002.jsonl.zst": b"x"}
    assert (await replay(MemoryStore(objects), "p")).sequence == 1


@pytest.mark.parametrize("number", [1, 2])
async def test_a_missing_shard_is_named(number: int) -> None:
    objects = chained([a_record(1)], [a_record(2)], [a_record(3)])
    del objects[shard_key("p", number)]
    with pytest.raises(BrokenLedger, match=f"{number + 1:08}.jsonl.zst follows shard {number - 1}: one between"):
        await replay(MemoryStore(objects), "p")


async def test_a_replaced_shard_breaks_the_chain() -> None:
    objects = chained([a_record(1)], [a_record(2)])
    objects[shard_key("p", 1)] = chained([a_record(9)])[shard_key("p", 1)]
    with pytest.raises(BrokenLedger, match=r"00000002.jsonl.zst does not follow the shard before it"):
        await replay(MemoryStore(objects), "p")


async def test_a_shard_under_another_name_is_refused() -> None:
    objects = chained([a_record(1)], [a_record(2)])
    objects[shard_key("p", 3)] = objects[shard_key("p", 2)]
    with pytest.raises(BrokenLedger, match=r"00000003.jsonl.zst says that it is number 2"):
        await replay(MemoryStore(objects), "p")


async def test_a_damaged_shard_is_named() -> None:
    objects = chained([a_record(1)], [a_record(2)])
    objects[shard_key("p", 2)] = objects[shard_key("p", 2)][:-1]
    with pytest.raises(BrokenLedger, match=r"p/ledger/00000002.jsonl.zst is damaged"):
        await replay(MemoryStore(objects), "p")


class CountingStore(MemoryStore):
    """Notes how many reads are under way at once."""

    now = most = 0

    async def get(self, key: str) -> bytes:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.001)
        self.now -= 1
        return await super().get(key)


async def test_shards_are_read_sixteen_at_a_time_and_taken_in_order() -> None:
    store = CountingStore(chained(*[[a_record(number)] for number in range(60)]))
    state = await replay(store, "p")
    assert [record.id.trial for record in state.records.values()] == list(range(60))
    assert store.most == 16
