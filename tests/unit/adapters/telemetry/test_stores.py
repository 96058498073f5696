"""A metered store does what the store does, and tells what became of it."""

from __future__ import annotations

import pytest

from batchmatrix.adapters.telemetry.metrics import PrometheusMeter
from batchmatrix.adapters.telemetry.stores import MeteredStore
from batchmatrix.base.errors import AlreadyExists, InvalidSpec, NotFound, Unavailable
from tests.support.metrics import scrape
from tests.support.stores import Fault, MemoryStore


async def test_what_became_of_each_call_is_counted() -> None:
    inner, meter = MemoryStore(), PrometheusMeter()
    store = MeteredStore(inner, meter)
    assert store.url == inner.url
    await store.put_new("a", b"1")
    with pytest.raises(AlreadyExists):
        await store.put_new("a", b"2")
    await store.put("b/c", b"3")
    assert await store.get("a") == b"1"
    with pytest.raises(NotFound):
        await store.get("z")
    with pytest.raises(InvalidSpec):
        await store.get("../z")
    assert [info.key async for info in store.list("")] == ["a", "b/c"]
    await store.delete("a")
    inner.fault = lambda _name, _key: Fault.BEFORE
    with pytest.raises(Unavailable):
        _ = [info async for info in store.list("")]
    assert {labels: value for (name, labels), value in scrape(meter).samples.items() if "store" in name and value} == {
        frozenset({("operation", operation), ("result", result)}): 1
        for operation, result in (
            ("put_new", "ok"),
            ("put_new", "exists"),
            ("put", "ok"),
            ("get", "ok"),
            ("get", "not_found"),
            ("get", "error"),
            ("list", "ok"),
            ("list", "unavailable"),
            ("delete", "ok"),
        )
    }
    assert list(inner.objects) == ["b/c"]
