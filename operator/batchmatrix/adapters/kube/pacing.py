"""An HTTP session for a library that watches by itself and opens a watch that ended again without a pause."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp.streams import EmptyStreamReader

from batchmatrix.adapters.kube.access import Access

__all__ = ["PacedSession"]

PACE = 1.0
"""Seconds that a watch lives at least, if it is of any use; the first wait where one does not."""
LONGEST_WAIT = 30.0
LOUD = 3
"""Watches in a row that ended at once until they count as broken."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Watch:
    opened: float
    failures: int = 0


class _Line(EmptyStreamReader):
    """The body of an answer that is one line."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._data = data

    def iter_chunked(self, n: int) -> Any:
        """The line, as one block."""
        return self._blocks()

    async def _blocks(self) -> AsyncIterator[bytes]:
        yield self._data


def _as_event(response: aiohttp.ClientResponse) -> None:
    """A version that is too old may be told by the answer itself or by an event in it: only the latter is expected."""
    status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "the version to watch from is too old"}
    response.status = 200
    response.content = _Line(json.dumps({"type": "ERROR", "object": status}).encode() + b"\n")


class PacedSession:
    """Requests authenticate as `access` does, at the moment they are sent.

    A watch of a path is opened again ever later while the ones before it ended at once, and an answer of 410 to one is
    given as the event that means the same.
    """

    def __init__(self, access: Access, *, pace: float = PACE) -> None:
        self._access = access
        self._pace = pace
        self._watches: dict[str, _Watch] = {}
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session; a new one where the last one was closed."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._access.tls or True, limit=0),
                middlewares=(self._send,),
                proxy=self._access.proxy,
            )
        return self._session

    async def close(self) -> None:
        """Let the connections go."""
        if self._session is not None:
            await self._session.close()

    @property
    def trouble(self) -> str:
        """Which watch is of no use at present, in one line; empty where all are."""
        for path, watch in self._watches.items():
            if watch.failures >= LOUD and time.monotonic() - watch.opened < self._wait(watch) + self._pace:
                return f"{path}: {watch.failures} watches in a row were closed at once"
        return ""

    async def _send(self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        watches = bool(request.url.query.get("watch"))
        if watches:
            await self._hold_back(request.url.path)
        request.headers.update(await self._access.headers())
        response = await handler(request)
        if response.status == 401:  # stale credentials: once more with fresh ones
            response.release()
            self._access.refused()
            request.headers.update(await self._access.headers())
            response = await handler(request)
        if watches and response.status == 410:
            _as_event(response)
        return response

    async def _hold_back(self, path: str) -> None:
        now = time.monotonic()
        watch = self._watches.setdefault(path, _Watch(now - 2 * self._pace))
        watch.failures = watch.failures + 1 if now - watch.opened < self._pace else 0
        if watch.failures:
            log.log(
                logging.WARNING if watch.failures == LOUD else logging.INFO, "%s: the watch was closed at once", path
            )
            await asyncio.sleep(self._wait(watch) * random.uniform(1.0, 1.5))
        watch.opened = time.monotonic()

    def _wait(self, watch: _Watch) -> float:
        return min(LONGEST_WAIT, self._pace * 2.0 ** min(watch.failures - 1, 10))
