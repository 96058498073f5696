"""Is a store one that the ledger can stand on?

It lives here because the ledger is what breaks where create-if-absent does not hold, and because it needs nothing but
the port, so every kind of store is asked the same way.
"""

from __future__ import annotations

import asyncio

from batchmatrix.base.errors import AlreadyExists, InvalidSpec, NotFound, Problem, Unavailable
from batchmatrix.ports.store import Store

__all__ = ["probe"]

_ROUNDS = 5


async def probe(store: Store, *, token: str) -> None:
    """Let two writers create the same object, several times: exactly one may win, and its bytes must be read back.

    `token` is a key segment that no other process uses at this time; objects are made below `probe/<token>/` and
    removed. Raises InvalidSpec for a store that ignores or breaks conditional creation, Unavailable for one that does
    not answer.
    """
    for number in range(_ROUNDS):
        key = f"probe/{token}/{number}"
        try:
            await _round(store, key)
        finally:
            await store.delete(key)


async def _round(store: Store, key: str) -> None:
    offers = [f"{key} by writer {writer}".encode() for writer in ("one", "two")]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_create(store, key, offer)) for offer in offers]
    winners = [offer for offer, task in zip(offers, tasks, strict=True) if task.result()]
    if not winners:
        # A retry inside the store's client met its own write, or a probe of the same token was cut short before.
        raise Unavailable(f"store {store.url} let no writer create {key}; try again")
    try:
        held = await store.get(key)
        again = await _create(store, key, offers[0])
    except NotFound:
        raise _refusal(store, "does not show an object right after it was written") from None
    if len(winners) > 1 or again:
        raise _refusal(store, "lets a second writer create an object that exists")
    if held != winners[0]:
        raise _refusal(store, "holds other bytes than those of the writer that it let win")


async def _create(store: Store, key: str, data: bytes) -> bool:
    try:
        await store.put_new(key, data)
    except AlreadyExists:
        return False
    return True


def _refusal(store: Store, fault: str) -> InvalidSpec:
    remedy = "use a version of the server that honours If-None-Match (conditional create), or a folder on a volume"
    return InvalidSpec([Problem("store", f"{store.url} {fault}, so records could be lost; {remedy}")])
