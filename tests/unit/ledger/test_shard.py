"""One object of the ledger."""

from __future__ import annotations

import json
from typing import Any

import pytest
import zstandard

from batchmatrix.ledger.codec import Entry
from batchmatrix.ledger.errors import BrokenLedger
from batchmatrix.ledger.shard import Header, decode_shard, encode_shard, shard_key, shard_number
from tests.support.golden import Golden
from tests.support.ledgers import a_record, an_intent

HEADER = Header(writer="operator-6c9f/4b1d", sequence=2, previous="12" * 32, time="2025-06-15T15:07:43.250Z")


def test_the_lines_of_a_shard_are_fixed(golden: Golden) -> None:
    data = encode_shard(HEADER, [an_intent(1), a_record(1), a_record(2)])
    golden("ledger/shard.jsonl", zstandard.ZstdDecompressor().decompress(data))


def test_what_is_written_is_read_back() -> None:
    entries: list[Entry] = [an_intent(1), a_record(1), a_record(2)]
    data = encode_shard(HEADER, entries)
    assert decode_shard("name", data) == (HEADER, entries)
    assert encode_shard(HEADER, entries) == data


def test_keys_sort_as_their_numbers() -> None:
    assert shard_key("ns/m/uid", 1) == "ns/m/uid/ledger/00000001.jsonl.zst"
    keys = [shard_key("p", number) for number in (1, 2, 9, 10, 999, 12_345_678)]
    assert sorted(keys) == keys
    assert [shard_number(key) for key in keys] == [1, 2, 9, 10, 999, 12_345_678]
    assert shard_number("p/ledger/") is None
    assert shard_number("p/ledger/00000001.jsonl.zst.bak") is None


def packed(*lines: Any) -> bytes:
    return zstandard.compress(b"".join(json.dumps(line).encode() + b"\n" for line in lines))


HEAD = {"schema": 1, "kind": "shard", "writer": "w", "sequence": 1, "previous": "", "time": "t"}
GOOD = encode_shard(HEADER, [a_record()])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is damaged"),
        (GOOD[:-9], "is damaged"),
        (GOOD[:60] + bytes([GOOD[60] ^ 1]) + GOOD[61:], "is damaged"),
        (GOOD + GOOD, "is damaged"),
        (packed(HEAD | {"schema": 2}), "cannot be read: schema 2 is not 1"),
        (packed({key: value for key, value in HEAD.items() if key != "previous"}), "has no field 'previous'"),
        (packed([]), "the header is not a JSON object"),
        (packed(HEAD, {"schema": 1, "kind": "token"}), "kind 'token'"),
        (zstandard.ZstdCompressor(write_content_size=False).compress(b"{}"), "does not say that it is of at most"),
        (zstandard.compress(bytes(257 * 1024 * 1024)), "does not say that it is of at most"),
    ],
    ids=range(10),
)
def test_a_shard_that_cannot_be_read_is_named(data: bytes, words: str) -> None:
    with pytest.raises(BrokenLedger, match=f"ledger shard p/ledger/7 .*{words}"):
        decode_shard("p/ledger/7", data)
