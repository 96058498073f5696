"""A copy of one collection in memory, kept up by list and watch."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, ValuesView
from contextlib import aclosing, suppress
from typing import Any, Generic, TypeVar

from batchmatrix.adapters.kube.client import Client
from batchmatrix.adapters.kube.errors import Forbidden, Gone
from batchmatrix.adapters.kube.paths import requested
from batchmatrix.base.errors import InvalidSpec, NotFound, Unavailable

__all__ = ["Reflector"]

T = TypeVar("T")

RELIST = 60.0
"""Seconds between full lists; they find what a watch should have told and did not."""
LIST_SHARE = 0.01
"""Share of the time that goes into full lists: a collection that takes long is listed less often."""
LEAST_OFTEN = 5
"""Intervals after which it is listed however long the last list took: that may have been a moment's trouble, and until
the next one nothing shows what a watch did not tell."""
SILENCE = 70.0
"""Seconds without a byte after which a watch is held to be dead; bookmarks come about every 60."""
WATCH_SECONDS = 200
"""Length of one watch, below the 240 s after which cloud load balancers cut idle connections."""
OVERTIME = 5.0
"""Seconds that a watch may last longer than the server was asked for."""
PACE = 1.0
"""Least seconds between two requests, and the first wait after a failure."""
LONGEST_WAIT = 30.0
LOUD = 3
"""Failures in a row of which the last is a warning; fewer are daily life."""

log = logging.getLogger(__name__)


class Reflector(Generic[T]):
    """Keeps `items` (metadata.uid -> projection) like the collection at `path`.

    Raw objects are projected at once, beside what was seen of them before (or None), and let go. An object that
    projects to None counts as not there. `changed(old, new)` is called, inside the event loop and in the order of
    the server's events, when a projection appears (old None), differs, or goes away (new None); it must be quick
    and must not raise.

    With `optional`, a collection that may not be read (403) counts as synced with `denied` set, and is asked for
    again only at every relist.
    """

    def __init__(
        self,
        client: Client,
        path: str,
        project: Callable[[dict[str, Any], T | None], T | None],
        *,
        label_selector: str = "",
        changed: Callable[[T | None, T | None], None] = lambda _old, _new: None,
        optional: bool = False,
        relist: float = RELIST,
        silence: float = SILENCE,
        pace: float = PACE,
    ) -> None:
        self.synced = asyncio.Event()
        """Set once the first full list is in."""
        self.denied = False
        self.path = path
        self._client = client
        self._project = project
        self._selector = label_selector
        self._changed = changed
        self._optional = optional
        self._relist = relist
        self._silence = silence
        self._pace = pace
        self._items: dict[str, T] = {}
        self._version: str | None = None
        """resourceVersion to watch from; None where a full list must come first."""
        self._due = 0.0
        """Monotonic time of the next full list."""
        self._heard = time.monotonic()
        self._next = 0.0
        """Monotonic time before which nothing may be sent."""
        self._failures = 0
        """Requests in a row of which nothing came; only what a watch delivers sets it back."""

    @property
    def items(self) -> ValuesView[T]:
        """All projections; a live view, to be read without giving way to other tasks."""
        return self._items.values()

    def last_event_age(self) -> float:
        """Seconds since the server last said anything about this collection (an event, a bookmark, a list).

        At most a bit over a minute while all is well; a stream that opens and says nothing does not count.
        """
        return time.monotonic() - self._heard

    @property
    def trouble(self) -> str:
        """What keeps it from being up to date, in one line; empty while nothing does, as far as can be seen."""
        return f"{self.path}: {self._failures} requests in a row brought nothing" if self._failures >= LOUD else ""

    async def run(self) -> None:
        """Keep up for ever; ends only by cancellation or an error that is a fault of ours."""
        while True:
            await asyncio.sleep(max(0.0, self._next - time.monotonic()))
            self._next = time.monotonic() + self._pace
            try:
                if self._version is None or time.monotonic() >= self._due:
                    await self._list()
                else:
                    await self._watch(self._version)
            except Gone as error:
                self._version = None
                self._back_off(error)
            except Forbidden as error:
                self._refused(error)
            except Unavailable as error:
                self._back_off(error)
            except (InvalidSpec, NotFound) as error:  # a proxy on the way, or a server that is being replaced
                self._version = None
                self._back_off(Unavailable(str(error)))

    def _back_off(self, error: Unavailable) -> None:
        """Come back ever later while nothing comes of it, and never before the server wants us to."""
        self._failures += 1
        self._client.meter.watch_restarted(requested(self.path)[0])
        log.log(logging.WARNING if self._failures == LOUD else logging.INFO, "%s: %s", self.path, error)
        wait = min(LONGEST_WAIT, self._pace * 2 ** min(self._failures - 1, 10)) * random.uniform(1.0, 1.5)
        self._next = time.monotonic() + max(wait, error.retry_after or 0.0)

    async def _list(self) -> None:
        seen: set[str] = set()
        version = ""
        begun = time.monotonic()
        async with aclosing(self._client.pages(self.path, label_selector=self._selector)) as pages:
            async for page in pages:
                for raw in page.get("items") or ():
                    seen.add(self._put(raw))
                version = page["metadata"]["resourceVersion"]
        for uid in [uid for uid in self._items if uid not in seen]:
            self._drop(uid)
        self._version = version
        self._heard = self._next = time.monotonic()
        spared = (self._heard - begun) / LIST_SHARE
        self._due = self._heard + min(max(self._relist, spared), LEAST_OFTEN * self._relist)
        self.denied = False
        self.synced.set()

    async def _watch(self, version: str) -> None:
        left = self._due - time.monotonic()
        seconds = max(1, int(min(WATCH_SECONDS * random.uniform(0.9, 1.1), left + 1)))
        opened = time.monotonic()
        heard = self._heard
        watch = self._client.watch(
            self.path,
            resource_version=version,
            label_selector=self._selector,
            seconds=seconds,
            silence=self._silence,
        )
        # The server ends the watch; should it not, full lists must still come in time.
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds + OVERTIME), aclosing(watch) as events:
                async for event in events:
                    self._event(event)
        if self._heard == heard and time.monotonic() - opened < self._pace:
            # Answered and closed at once with nothing said: an ailing server or proxy, to be left in peace.
            self._back_off(Unavailable("the watch was closed at once"))

    def _event(self, event: dict[str, Any]) -> None:
        raw = event["object"]
        match event["type"]:
            case "ADDED" | "MODIFIED":
                self._put(raw)
            case "DELETED":
                self._drop(raw["metadata"]["uid"])
            case _:  # BOOKMARK
                pass
        self._version = raw["metadata"]["resourceVersion"]
        self._heard = time.monotonic()
        self._failures = 0

    def _put(self, raw: dict[str, Any]) -> str:
        uid: str = raw["metadata"]["uid"]
        old = self._items.get(uid)
        new = self._project(raw, old)
        if new is None:
            self._drop(uid)
            return uid
        if old != new:
            self._items[uid] = new
            self._changed(old, new)
        return uid

    def _drop(self, uid: str) -> None:
        old = self._items.pop(uid, None)
        if old is not None:
            self._changed(old, None)

    def _refused(self, error: Forbidden) -> None:
        if not self._optional:
            self._back_off(error)
            return
        if not self.denied:
            log.info("%s may not be read, doing without: %s", self.path, error)
        self.denied = True
        self._version = None
        self._next = time.monotonic() + self._relist
        self.synced.set()
