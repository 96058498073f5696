"""Results that go with their matrix: `retention.onDelete: delete`, safe against a process that dies over it.

First a mark outside of all results, then everything but the ledger, then the ledger from its newest shard on, then the
mark. So whatever is left at any moment either is marked or has its whole ledger, and what is marked is finished by the
next process. A ledger that lacks its newest shards can belong to a deleted matrix alone, whose uid never comes back.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from batchmatrix.base.errors import BatchMatrixError, NotFound, Unavailable
from batchmatrix.base.ids import canonical_json
from batchmatrix.engine.pinning import Pins
from batchmatrix.model.cell import MatrixRef
from batchmatrix.ports.store import Store
from batchmatrix.publish.keys import safe_part

__all__ = ["MARKS", "Removal", "store_to_clear"]

logger = logging.getLogger(__name__)

MARKS = "_deleting/"
"""Folder of the marks; no namespace can have this name, so no results lie in it."""

_TOGETHER = 16
"""Objects that are deleted at the same time."""


def store_to_clear(body: Mapping[str, Any]) -> str | None:
    """Name of the store from which the results of a deleted object are to go; None where they are to stay.

    The object may be as wrong as the server lets it.
    """
    spec = body.get("spec") or {}
    if (spec.get("retention") or {}).get("onDelete") != "delete":
        return None
    return str((spec.get("store") or {}).get("name", "default"))


class Removal:
    """Which results are to go, and their going."""

    def __init__(self, stores: Mapping[str, Store]) -> None:
        self._stores = stores
        self._marked: dict[str, tuple[MatrixRef, Store]] = {}
        """By matrix uid."""

    async def announce(self, ref: MatrixRef, name: str) -> None:
        """Mark the results in the store of this name to be deleted. Raises Unavailable.

        They stay where the spec in force says so: the last edit may never have been looked at.
        """
        if ref.uid in self._marked:
            return
        store = self._stores.get(name)
        if store is None:
            logger.warning("results stay: there is no store %r", name, extra={"matrix": ref.name})
            return
        try:
            pins = Pins(store, ref)
            newest = await pins.newest()
            pinned = await pins.load(newest) if newest is not None else None
        except Unavailable:
            raise
        except BatchMatrixError as error:
            logger.warning("results stay: %s", error, extra={"matrix": ref.name})
            return
        if pinned is not None and pinned.matrix.spec.retention.on_delete != "delete":
            logger.warning("results stay: the spec in force keeps them", extra={"matrix": ref.name})
            return
        body = {"namespace": ref.namespace, "name": ref.name, "uid": ref.uid}
        await store.put(_mark(ref), canonical_json(body))
        self._marked[ref.uid] = (ref, store)

    async def recall(self) -> list[MatrixRef]:
        """What earlier processes have marked and not finished; a store that does not answer is asked another time."""
        for store in self._stores.values():
            try:
                for key in [info.key async for info in store.list(MARKS)]:
                    ref = await _read(store, key)
                    if ref is not None:
                        self._marked[ref.uid] = (ref, store)
            except Unavailable as error:
                logger.info("marks of results to delete cannot be read: %s", error)
        return [ref for ref, _ in self._marked.values()]

    async def finish(self, ref: MatrixRef) -> None:
        """Delete what is marked, once nothing of the matrix is in the cluster any more. Raises Unavailable."""
        if ref.uid not in self._marked:
            return
        _, store = self._marked[ref.uid]
        ledger = f"{ref.prefix()}/ledger/"
        keys = [info.key async for info in store.list(f"{ref.prefix()}/")]
        others = [key for key in keys if not key.startswith(ledger)]
        for start in range(0, len(others), _TOGETHER):
            await _delete(store, others[start : start + _TOGETHER])
        for key in sorted(set(keys) - set(others), reverse=True):
            await store.delete(key)
        await store.delete(_mark(ref))
        del self._marked[ref.uid]
        logger.info("deleted with its results, %d objects", len(keys), extra={"matrix": ref.name})


def _mark(ref: MatrixRef) -> str:
    return f"{MARKS}{safe_part(ref.uid)}"


async def _delete(store: Store, keys: Iterable[str]) -> None:
    done = await asyncio.gather(*(store.delete(key) for key in keys), return_exceptions=True)
    for error in done:
        if error is not None:
            raise error


async def _read(store: Store, key: str) -> MatrixRef | None:
    try:
        body = json.loads(await store.get(key))
        return MatrixRef(str(body["namespace"]), str(body["name"]), str(body["uid"]))
    except NotFound:
        return None
    except (KeyError, TypeError, ValueError):
        logger.warning("%s/%s is no mark of ours; remove it", store.url, key)
        return None
