"""What is sealed is written by one who waits until the store answers, and looks at what is there already."""

from __future__ import annotations

import pytest

from batchmatrix.base.errors import AlreadyExists, NotFound
from batchmatrix.engine.logstore import PatientStore, backoff
from tests.support.logs import QuickClock
from tests.support.stores import MemoryStore


class Fickle(MemoryStore):
    """Says once that an object is there which is not: an earlier try was under way, and came to nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.refusals = 1

    async def put_new(self, key: str, data: bytes) -> None:
        if self.refusals:
            self.refusals -= 1
            raise AlreadyExists(f"{key} is being written")
        await super().put_new(key, data)


async def test_an_object_that_is_there_and_then_is_not_is_written_again() -> None:
    store = Fickle()
    told: list[str] = []
    await PatientStore(store, QuickClock(), told.append).put_new("a/b", b"data")
    assert store.objects == {"a/b": b"data"}
    assert told == ["a/b was there and is not any more", ""]


async def test_the_same_bytes_are_ours_and_others_are_not() -> None:
    store = MemoryStore({"a/b": b"data"})
    await PatientStore(store, QuickClock()).put_new("a/b", b"data")
    with pytest.raises(AlreadyExists, match="somebody else keeps this log"):
        await PatientStore(store, QuickClock()).put_new("a/b", b"other")
    with pytest.raises(NotFound):
        await PatientStore(store, QuickClock()).get("a/c")


def test_waits_grow_to_half_a_minute() -> None:
    assert [backoff(tries) for tries in (1, 2, 3, 6, 7, 8, 50)] == [0.5, 1, 2, 16, 30, 30, 30]
