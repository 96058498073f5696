"""The probe takes good stores and refuses each way of being bad."""

from __future__ import annotations

import pytest

from batchmatrix.base.errors import AlreadyExists, InvalidSpec, NotFound, Unavailable
from batchmatrix.ledger.probe import probe
from tests.support.stores import Fault, MemoryStore


class Ignorant(MemoryStore):
    """Takes every create."""

    async def put_new(self, key: str, data: bytes) -> None:
        await self.put(key, data)


class Racy(MemoryStore):
    """Looks first and writes later."""

    async def put_new(self, key: str, data: bytes) -> None:
        try:
            await self.get(key)
        except NotFound:
            await self.put(key, data)
        else:
            raise AlreadyExists(key)


class Swapping(MemoryStore):
    """Lets one win and keeps the other's bytes."""

    async def put_new(self, key: str, data: bytes) -> None:
        try:
            await super().put_new(key, data)
        except AlreadyExists:
            self.objects[key] = data
            raise


class Forgetful(MemoryStore):
    """Says yes and keeps nothing for readers."""

    async def get(self, key: str) -> bytes:
        raise NotFound(key)


async def test_a_good_store_passes_and_is_left_empty() -> None:
    store = MemoryStore()
    await probe(store, token="t")
    assert store.objects == {}
    assert len([name for name, _ in store.calls if name == "put_new"]) >= 10


@pytest.mark.parametrize(
    ("store", "words"),
    [
        (Ignorant(), "lets a second writer create"),
        (Racy(), "lets a second writer create"),
        (Swapping(), "holds other bytes"),
        (Forgetful(), "does not show an object"),
    ],
)
async def test_a_bad_store_is_refused_with_a_remedy_and_left_empty(store: MemoryStore, words: str) -> None:
    with pytest.raises(InvalidSpec, match=f"store: memory://test {words}.*If-None-Match"):
        await probe(store, token="t")
    assert store.objects == {}


async def test_a_store_that_does_not_answer_is_unavailable() -> None:
    store = MemoryStore(fault=lambda name, _: Fault.BEFORE)
    with pytest.raises(Unavailable):
        await probe(store, token="t")


async def test_what_another_probe_left_is_not_held_against_the_store() -> None:
    store = MemoryStore({"probe/t/0": b"left"})
    with pytest.raises(Unavailable, match="try again"):
        await probe(store, token="t")
    await probe(store, token="t")
