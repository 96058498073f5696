"""The reflector against watches that break in every way."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from batchmatrix.adapters.kube import reflector as module
from batchmatrix.adapters.kube.client import Client
from batchmatrix.adapters.kube.project import project_pod
from batchmatrix.adapters.kube.reflector import Reflector
from batchmatrix.base.clock import parse_rfc3339
from batchmatrix.model.observed import PodState
from tests.support.kube import Api, Request, pod, scripted, status, until

PODS = "/api/v1/pods"
Change = tuple[str | None, str | None]


class World:
    """Pods as the server has them, and watches that hand on what `tell` says."""

    def __init__(self) -> None:
        self.pods: dict[str, dict[str, Any]] = {}
        self.version = 100
        self.lists = 0
        self.watches: list[tuple[str, float]] = []
        self.refuse_list: list[web.Response] = []
        self.watch: Callable[[Request, web.Request], Any] = self.follow
        self.log: list[tuple[int, str, dict[str, Any], bool]] = []

    def put(self, name: str, *, phase: str = "Running", uid: str = "", quiet: bool = False) -> None:
        self.version += 1
        kind = "MODIFIED" if name in self.pods else "ADDED"
        self.pods[name] = pod(name, uid=uid or f"uid-{name}", version=self.version, phase=phase)
        self.log.append((self.version, kind, self.pods[name], quiet))

    def drop(self, name: str, *, quiet: bool = False) -> None:
        self.version += 1
        gone = self.pods.pop(name)
        gone["metadata"]["resourceVersion"] = str(self.version)
        self.log.append((self.version, "DELETED", gone, quiet))

    async def script(self, seen: Request, raw: web.Request) -> web.StreamResponse:
        if "watch" in seen.query:
            self.watches.append((seen.query["resourceVersion"], seen.time))
            response: web.StreamResponse = await self.watch(seen, raw)
            return response
        self.lists += 1
        if self.refuse_list:
            return self.refuse_list.pop(0)
        items = list(self.pods.values())
        return web.json_response({"metadata": {"resourceVersion": str(self.version)}, "items": items})

    async def follow(self, seen: Request, raw: web.Request, *, until: int | None = None) -> web.StreamResponse:
        """A good watch: all after the version asked for, and then what comes, until the client goes."""
        response = web.StreamResponse()
        await response.prepare(raw)
        at = int(seen.query["resourceVersion"])
        sent = 0
        end = time.monotonic() + float(seen.query["timeoutSeconds"])
        while sent != until and time.monotonic() < end:
            for version, kind, thing, quiet in self.log:
                if version > at:
                    at = version
                    if not quiet:
                        await response.write(json.dumps({"type": kind, "object": thing}).encode() + b"\n")
                        sent += 1
                        if sent == until:
                            return response
            await asyncio.sleep(0.01)
        return response


class Seen:
    """What a reflector told."""

    def __init__(self) -> None:
        self.changes: list[Change] = []

    def __call__(self, old: PodState | None, new: PodState | None) -> None:
        def say(state: PodState | None) -> str | None:
            return None if state is None else f"{state.name}/{state.uid}:{state.phase}"

        self.changes.append((say(old), say(new)))


@asynccontextmanager
async def reflecting(
    world: World, seen: Seen, **more: Any
) -> AsyncIterator[tuple[Reflector[PodState], Api, asyncio.Task[None]]]:
    async with scripted(world.script) as api, Client(api.access(), fence=None) as client:
        options = {"pace": 0.05, **more}
        reflector = Reflector(client, PODS, project_pod, label_selector="l", changed=seen, **options)
        task = asyncio.create_task(reflector.run())
        try:
            yield reflector, api, task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def names(reflector: Reflector[PodState]) -> set[str]:
    return {state.name for state in reflector.items}


async def test_it_lists_then_follows() -> None:
    world, seen = World(), Seen()
    world.put("a")
    async with reflecting(world, seen) as (reflector, api, _task):
        assert not reflector.synced.is_set()
        await asyncio.wait_for(reflector.synced.wait(), 5)
        assert names(reflector) == {"a"}
        world.put("b", phase="Pending")
        world.put("b")
        world.drop("a")
        await until(lambda: len(seen.changes) == 4)
        assert names(reflector) == {"b"}
    assert seen.changes == [
        (None, "a/uid-a:Running"),
        (None, "b/uid-b:Pending"),
        ("b/uid-b:Pending", "b/uid-b:Running"),
        ("a/uid-a:Running", None),
    ]
    assert world.lists == 1
    assert {request.query["labelSelector"] for request in api.requests} == {"l"}


async def test_what_does_not_show_in_the_projection_is_not_told() -> None:
    world, seen = World(), Seen()
    world.put("a")
    async with reflecting(world, seen) as (reflector, _api, _task):
        await reflector.synced.wait()
        for _ in range(5):
            world.put("a")
        world.put("b")
        await until(lambda: len(seen.changes) == 2)
    assert [new for _old, new in seen.changes] == ["a/uid-a:Running", "b/uid-b:Running"]


async def test_a_watch_that_ends_goes_on_where_it_was_without_a_list() -> None:
    world, seen = World(), Seen()

    async def one_event(request: Request, raw: web.Request) -> web.StreamResponse:
        return await world.follow(request, raw, until=1)

    world.watch = one_event
    async with reflecting(world, seen) as (reflector, _api, _task):
        await reflector.synced.wait()
        for name in "abc":
            world.put(name)
        await until(lambda: names(reflector) == {"a", "b", "c"})
    assert world.lists == 1
    assert len(seen.changes) == 3
    assert [version for version, _ in world.watches][:3] == ["100", "101", "102"]


@pytest.mark.parametrize("in_stream", [True, False])
async def test_a_version_that_is_too_old_means_a_new_list_and_only_true_changes(in_stream: bool) -> None:
    world, seen = World(), Seen()
    for name in "abc":
        world.put(name)
    broken = asyncio.Event()

    async def expire_once(request: Request, raw: web.Request) -> web.StreamResponse:
        if broken.is_set():
            return await world.follow(request, raw)
        broken.set()
        # All of this happened while nobody looked.
        world.drop("a")
        world.put("b", phase="Succeeded")
        world.put("d")
        world.log.clear()
        if not in_stream:
            return status(410, "Expired")
        response = web.StreamResponse()
        await response.prepare(raw)
        await response.write(b'{"type":"ERROR","object":{"code":410,"message":"too old"}}\n')
        return response

    world.watch = expire_once
    async with reflecting(world, seen) as (reflector, _api, _task):
        await until(lambda: len(world.watches) == 2)
        assert names(reflector) == {"b", "c", "d"}
    assert world.lists == 2
    assert sorted(seen.changes[3:], key=str) == sorted(
        [
            ("b/uid-b:Running", "b/uid-b:Succeeded"),
            (None, "d/uid-d:Running"),
            ("a/uid-a:Running", None),
        ],
        key=str,
    )


async def test_lists_and_watches_that_expire_in_turn_are_asked_ever_less() -> None:
    world, seen = World(), Seen()

    async def expired(_request: Request, _raw: web.Request) -> web.StreamResponse:
        return status(410, "Expired")

    world.watch = expired
    async with reflecting(world, seen, pace=0.1) as (_reflector, api, _task):
        await until(lambda: world.lists >= 4, 20)
    lists = [request.time for request in api.requests if "watch" not in request.query]
    assert lists[3] - lists[0] >= 0.9 * (0.1 + 0.2 + 0.4)


async def test_a_list_that_expires_midway_starts_over_with_nothing_lost_or_double() -> None:
    world, seen = World(), Seen()
    world.put("a")
    pages = 0

    async def script(request: Request, raw: web.Request) -> web.StreamResponse:
        nonlocal pages
        if "watch" in request.query:
            return await world.follow(request, raw)
        pages += 1
        if pages == 1:
            meta = {"resourceVersion": "101", "continue": "more"}
            return web.json_response({"metadata": meta, "items": list(world.pods.values())})
        if pages == 2:
            assert request.query["continue"] == "more"
            return status(410, "Expired")
        assert "continue" not in request.query
        world.put("b")
        return await World.script(world, request, raw)

    async with scripted(script) as api, Client(api.access(), fence=None) as client:
        reflector = Reflector(client, PODS, project_pod, changed=seen, pace=0.05)
        task = asyncio.create_task(reflector.run())
        await asyncio.wait_for(reflector.synced.wait(), 5)
        assert names(reflector) == {"a", "b"}
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert [new for _old, new in seen.changes] == ["a/uid-a:Running", "b/uid-b:Running"]


async def test_a_silent_watch_is_opened_again_from_where_it_was() -> None:
    world, seen = World(), Seen()

    async def silent_first(request: Request, raw: web.Request) -> web.StreamResponse:
        if len(world.watches) > 1:
            return await world.follow(request, raw)
        response = web.StreamResponse()
        await response.prepare(raw)
        world.put("a")
        await asyncio.sleep(30)  # alive on the wire and mute
        return response

    world.watch = silent_first
    async with reflecting(world, seen, silence=0.3) as (reflector, _api, _task):
        await until(lambda: names(reflector) == {"a"})
    assert world.lists == 1
    assert [version for version, _ in world.watches] == ["100", "100"]


async def test_a_watch_that_is_closed_at_once_is_asked_ever_less_and_counts_as_no_sign_of_life() -> None:
    world, seen = World(), Seen()

    async def shut(_request: Request, raw: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(raw)
        return response

    world.watch = shut
    async with reflecting(world, seen, pace=0.1) as (reflector, _api, _task):
        await reflector.synced.wait()
        await until(lambda: len(world.watches) >= 4, 20)
        assert world.watches[3][1] - world.watches[0][1] >= 0.9 * (0.1 + 0.2 + 0.4)
        assert reflector.last_event_age() >= 0.6
        assert "requests in a row brought nothing" in reflector.trouble
        # It comes back when the server does.
        world.watch = world.follow
        world.put("a")
        silent = reflector.last_event_age()
        await until(lambda: names(reflector) == {"a"}, 20)
        assert reflector.last_event_age() < silent
        assert reflector.trouble == ""


@pytest.mark.parametrize("broken", [False, True])
async def test_watches_that_bring_news_and_end_early_keep_the_pace(broken: bool) -> None:
    world, seen = World(), Seen()

    async def short(request: Request, raw: web.Request) -> web.StreamResponse:
        world.put("a", phase="Running" if len(world.watches) % 2 else "Pending")
        response = await world.follow(request, raw, until=1)
        if broken:
            await asyncio.sleep(0.02)  # the news first, then the end
            assert raw.transport is not None
            raw.transport.close()
        return response

    world.watch = short
    async with reflecting(world, seen, pace=0.1) as (_reflector, _api, _task):
        # Each brought news, so none is put off as after failures in a row: twelve of those would take two minutes.
        await until(lambda: len(world.watches) >= 12, 20)
    # And none comes sooner.
    assert world.watches[11][1] - world.watches[0][1] >= 0.9 * 11 * 0.1


async def test_after_a_list_that_took_long_the_next_one_is_not_put_off_for_long() -> None:
    """A hundred times as long, to spare the server, would be half a minute here, and an hour after a real stall."""
    world, seen = World(), Seen()
    script = world.script

    async def slow_once(request: Request, raw: web.Request) -> web.StreamResponse:
        if "watch" not in request.query and world.lists == 0:
            await asyncio.sleep(0.3)
        return await script(request, raw)

    world.script = slow_once  # type: ignore[method-assign]
    async with reflecting(world, seen, relist=0.2) as (reflector, _api, _task):
        await reflector.synced.wait()
        world.put("a", quiet=True)
        await until(lambda: names(reflector) == {"a"}, 10)


async def test_what_was_seen_of_an_object_helps_to_read_it_now() -> None:
    world, seen = World(), Seen()
    world.put("a")
    async with reflecting(world, seen) as (reflector, _api, _task):
        await reflector.synced.wait()

        def deleted(stamp: str, grace: int, ended: str | None) -> None:
            world.put("a")
            raw = world.pods["a"]
            raw["metadata"] |= {"deletionTimestamp": stamp, "deletionGracePeriodSeconds": grace}
            if ended is not None:
                state = {"terminated": {"exitCode": 0, "finishedAt": ended}}
                raw["status"]["containerStatuses"] = [{"name": "trial", "state": state}]

        deleted("2026-11-23T08:00:30Z", 30, None)
        await until(lambda: len(seen.changes) == 2)
        deleted("2026-11-23T08:00:25Z", 0, "2026-11-23T08:00:20Z")
        await until(lambda: len(seen.changes) == 3)
        (state,) = reflector.items
        assert state.deleting_since == parse_rfc3339("2026-11-23T08:00:00Z")


@pytest.mark.parametrize("obedient", [True, False])
async def test_a_full_list_from_time_to_time_finds_what_the_watch_kept_back(
    obedient: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, seen = World(), Seen()
    world.put("a")
    world.put("b")

    if not obedient:

        async def endless(request: Request, raw: web.Request) -> web.StreamResponse:
            request.query["timeoutSeconds"] = "1000"
            return await world.follow(request, raw)

        world.watch = endless
        monkeypatch.setattr(module, "OVERTIME", 0.1)
    async with reflecting(world, seen, relist=1.0) as (reflector, _api, _task):
        await reflector.synced.wait()
        world.put("a", phase="Succeeded", quiet=True)
        world.drop("b", quiet=True)
        world.put("c", quiet=True)
        await until(lambda: names(reflector) == {"a", "c"}, 8)
    assert world.lists == 2
    assert ("a/uid-a:Running", "a/uid-a:Succeeded") in seen.changes
    assert ("b/uid-b:Running", None) in seen.changes


async def test_a_namesake_with_another_uid_is_another_object() -> None:
    world, seen = World(), Seen()
    world.put("a", uid="one")
    async with reflecting(world, seen) as (reflector, _api, _task):
        await reflector.synced.wait()
        world.drop("a")
        world.put("a", uid="two")
        await until(lambda: len(seen.changes) == 3)
    assert seen.changes[1:] == [("a/one:Running", None), (None, "a/two:Running")]


async def test_an_object_that_stops_being_ours_goes_away() -> None:
    world, seen = World(), Seen()
    world.put("a")
    async with reflecting(world, seen) as (reflector, _api, _task):
        await reflector.synced.wait()
        world.version += 1
        foreign = pod("a", uid="uid-a", version=world.version)
        foreign["metadata"]["finalizers"] = []
        world.log.append((world.version, "MODIFIED", foreign, False))
        await until(lambda: not names(reflector))
    assert seen.changes[-1] == ("a/uid-a:Running", None)


async def test_a_server_that_asks_for_time_gets_it() -> None:
    world, seen = World(), Seen()
    busy = status(429, "TooManyRequests", "slow down", retryAfterSeconds=1)
    world.refuse_list = [busy]
    async with reflecting(world, seen) as (reflector, api, _task):
        await asyncio.wait_for(reflector.synced.wait(), 5)
    lists = [request.time for request in api.requests if "watch" not in request.query]
    assert lists[1] - lists[0] >= 0.95


async def test_what_may_not_be_read_is_done_without_or_waited_for() -> None:
    world, seen = World(), Seen()
    world.put("a")
    world.refuse_list = [status(403, "Forbidden"), status(403, "Forbidden")]
    async with reflecting(world, seen, optional=True, relist=0.3) as (reflector, _api, _task):
        await asyncio.wait_for(reflector.synced.wait(), 5)
        assert reflector.denied
        await until(lambda: not reflector.denied)  # somebody granted it
        assert names(reflector) == {"a"}
    world = World()
    world.refuse_list = [status(403, "Forbidden")]
    async with reflecting(world, seen) as (reflector, _api, _task):
        await asyncio.wait_for(reflector.synced.wait(), 5)
        assert not reflector.denied
        assert world.lists == 2
