"""The client against a server that does on purpose what a real one does seldom."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web

from batchmatrix.adapters.kube.client import JSON_PATCH, LINE_LIMIT, MERGE_PATCH, Client
from batchmatrix.adapters.kube.clock import ServerClock
from batchmatrix.adapters.kube.errors import Conflict, Gone
from batchmatrix.base.errors import LeaseLost, NotFound, Unavailable
from tests.support.kube import OpenFence, Request, scripted, status, until

JOBS = "/apis/batch/v1/namespaces/triage/jobs"


async def ok(_seen: Request, _raw: web.Request) -> web.StreamResponse:
    return web.json_response({"metadata": {"resourceVersion": "1"}})


async def test_every_verb_as_it_leaves() -> None:
    async with scripted(ok) as api, Client(api.access(), fence=None) as client:
        await client.get(f"{JOBS}/a", fieldSelector="x=y")
        await client.create(JOBS, {"a": 1})
        await client.replace(f"{JOBS}/a", {"a": 2})
        await client.patch(f"{JOBS}/a", {"a": 3}, kind=MERGE_PATCH)
        await client.patch(f"{JOBS}/a", [{"op": "test"}], kind=JSON_PATCH)
        await client.delete(f"{JOBS}/a", uid="u1", grace_seconds=0)
    assert [(seen.method, seen.path, seen.body) for seen in api.requests] == [
        ("GET", f"{JOBS}/a", None),
        ("POST", JOBS, {"a": 1}),
        ("PUT", f"{JOBS}/a", {"a": 2}),
        ("PATCH", f"{JOBS}/a", {"a": 3}),
        ("PATCH", f"{JOBS}/a", [{"op": "test"}]),
        (
            "DELETE",
            f"{JOBS}/a",
            {
                "apiVersion": "v1",
                "kind": "DeleteOptions",
                "propagationPolicy": "Background",
                "preconditions": {"uid": "u1"},
                "gracePeriodSeconds": 0,
            },
        ),
    ]
    types = [seen.headers.get("Content-Type") for seen in api.requests]
    assert types == [None, "application/json", "application/json", MERGE_PATCH, JSON_PATCH, "application/json"]
    assert {seen.headers["Authorization"] for seen in api.requests} == {"Bearer t0"}
    assert all(seen.headers["User-Agent"].startswith("batchmatrix/") for seen in api.requests)


async def test_stale_credentials_are_read_again_once() -> None:
    tokens = iter(["Bearer old", "Bearer new", "Bearer newer"])

    async def credentials() -> str | None:
        return next(tokens)

    async def script(seen: Request, _raw: web.Request) -> web.StreamResponse:
        if seen.headers["Authorization"] == "Bearer old" or seen.path == "/never":
            return status(401, "Unauthorized")
        return web.json_response({"fine": True})

    async with scripted(script) as api, Client(api.access(credentials), fence=OpenFence()) as client:
        assert await client.create(JOBS, {"a": 1}) == {"fine": True}
        assert [seen.body for seen in api.requests] == [{"a": 1}, {"a": 1}]
        with pytest.raises(Unavailable, match="401"):
            await client.get("/never")
        assert len(api.requests) == 4


async def test_a_list_is_read_page_by_page_with_one_selector() -> None:
    async def script(seen: Request, _raw: web.Request) -> web.StreamResponse:
        number = int(seen.query.get("continue", "0"))
        meta = {"resourceVersion": "9", "continue": str(number + 1) if number < 2 else ""}
        return web.json_response({"metadata": meta, "items": [{"n": number}]})

    async with scripted(script) as api, Client(api.access(), fence=None) as client:
        items = [item async for page in client.pages(JOBS, label_selector="a=b", limit=1) for item in page["items"]]
    assert items == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert [seen.query.get("continue") for seen in api.requests] == [None, "1", "2"]
    assert {(seen.query["limit"], seen.query["labelSelector"]) for seen in api.requests} == {("1", "a=b")}


async def test_a_list_that_grew_too_old_midway_is_gone() -> None:
    async def script(seen: Request, _raw: web.Request) -> web.StreamResponse:
        if "continue" in seen.query:
            return status(410, "Expired", "too old")
        return web.json_response({"metadata": {"resourceVersion": "9", "continue": "c"}, "items": [{}]})

    async with scripted(script) as api, Client(api.access(), fence=None) as client:
        with pytest.raises(Gone):
            async for _ in client.pages(JOBS):
                pass


async def send(raw: web.Request, *blocks: bytes, hold: float = 0.0) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(raw)
    for block in blocks:
        await response.write(block)
    if hold:
        await asyncio.sleep(hold)
    return response


async def watched(client: Client, **more: Any) -> list[dict[str, Any]]:
    return [event async for event in client.watch(JOBS, resource_version="5", **more)]


async def test_events_cut_anywhere_arrive_whole() -> None:
    big = "x" * 300_000

    async def script(_seen: Request, raw: web.Request) -> web.StreamResponse:
        text = f'{{"type":"ADDED","object":{{"n":"{big}"}}}}\n\n{{"type":"BOOKMARK","object":{{}}}}\n{{"type":"DEL'
        data = text.encode()
        return await send(raw, *(data[at : at + 70_000] for at in range(0, len(data), 70_000)))

    async with scripted(script) as api, Client(api.access(), fence=None) as client:
        events = await watched(client, label_selector="a", seconds=30)
    assert [event["type"] for event in events] == ["ADDED", "BOOKMARK"]
    assert events[0]["object"]["n"] == big
    assert api.requests[0].query == {
        "watch": "1",
        "allowWatchBookmarks": "true",
        "resourceVersion": "5",
        "timeoutSeconds": "30",
        "labelSelector": "a",
    }


@pytest.mark.parametrize("in_stream", [True, False])
async def test_a_version_that_is_too_old_is_gone_however_it_is_told(in_stream: bool) -> None:
    async def script(_seen: Request, raw: web.Request) -> web.StreamResponse:
        if in_stream:
            return await send(raw, b'{"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old"}}\n')
        return status(410, "Expired")

    async with scripted(script) as api, Client(api.access(), fence=None) as client:
        with pytest.raises(Gone):
            await watched(client)


async def test_a_silent_watch_is_given_up() -> None:
    async def script(_seen: Request, raw: web.Request) -> web.StreamResponse:
        return await send(raw, b'{"type":"BOOKMARK","object":{}}\n', hold=3600)

    async with scripted(script) as api, Client(api.access(), fence=None) as client:
        with pytest.raises(Unavailable, match="in time"):
            await watched(client, silence=0.3)


async def test_an_event_without_end_does_not_fill_the_memory() -> None:
    async def script(_seen: Request, raw: web.Request) -> web.StreamResponse:
        return await send(raw, *[b"x" * (1 << 20)] * ((LINE_LIMIT >> 20) + 2))

    async with scripted(script) as api, Client(api.access(), fence=None) as client:
        with pytest.raises(Unavailable, match="more than"):
            await watched(client)


async def test_a_proxys_page_is_not_an_answer() -> None:
    async def script(_seen: Request, _raw: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>sign in</html>", content_type="text/html")

    async with scripted(script) as api, Client(api.access(), fence=None) as client:
        with pytest.raises(Unavailable, match="not JSON"):
            await client.get(JOBS)


async def test_a_redirect_is_not_followed() -> None:
    async def script(seen: Request, _raw: web.Request) -> web.StreamResponse:
        if seen.path == "/away":
            return web.json_response({"token": "taken"})
        return web.Response(status=302, headers={"Location": "/away"}, text="x")

    async with scripted(script) as api, Client(api.access(), fence=None) as client:
        with pytest.raises(Unavailable):
            await client.get(JOBS)
        assert [seen.path for seen in api.requests] == [JOBS]


async def test_what_is_not_there_and_what_does_not_answer() -> None:
    async def script(seen: Request, raw: web.Request) -> web.StreamResponse:
        if seen.path == "/slow":
            await asyncio.sleep(5)
        if seen.path == "/cut":
            assert raw.transport is not None
            raw.transport.close()
        return status(404, "NotFound") if seen.path == "/none" else status(409, "Conflict")

    async with scripted(script) as api, Client(api.access(), fence=None) as client:
        with pytest.raises(NotFound):
            await client.get("/none")
        with pytest.raises(Conflict):
            await client.replace("/stale", {})
        with pytest.raises(Unavailable, match="in time"):
            await client.create("/slow", {}, timeout=0.2)
        with pytest.raises(Unavailable):
            await client.create("/cut", {})
        # A POST is never sent twice on the quiet.
        assert [seen.path for seen in api.requests].count("/cut") == 1
    with pytest.raises(Unavailable):
        async with Client(api.access(), fence=None) as client:
            await client.get("/closed")


async def test_no_more_requests_at_once_than_asked_for() -> None:
    now = most = 0

    async def script(_seen: Request, _raw: web.Request) -> web.StreamResponse:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.02)
        now -= 1
        return web.json_response({})

    async with scripted(script) as api, Client(api.access(), fence=None, in_flight=3) as client:
        await asyncio.gather(*(client.get(JOBS) for _ in range(12)))
    assert most == 3


class TestFence:
    """Nothing that changes anything leaves after the fence said no."""

    async def test_reads_are_free_and_writes_are_asked_for(self) -> None:
        fence = OpenFence(shut=LeaseLost("over"))
        async with scripted(ok) as api, Client(api.access(), fence=fence) as client:
            await client.get(JOBS)
            assert fence.asked == 0
            for write in (
                client.create(JOBS, {}),
                client.replace(JOBS, {}),
                client.patch(JOBS, {}, kind=MERGE_PATCH),
                client.delete(JOBS, uid="u"),
            ):
                with pytest.raises(LeaseLost, match="over"):
                    await write
            assert [seen.method for seen in api.requests] == ["GET"]

    async def test_it_is_asked_again_when_the_bytes_leave(self) -> None:
        # Open when the request is begun, shut when the connection at last stands.
        fence = OpenFence(shut=LeaseLost("over"), after=1)
        async with scripted(ok) as api, Client(api.access(), fence=fence) as client:
            with pytest.raises(LeaseLost, match="over"):
                await client.create(JOBS, {"a": 1})
            assert fence.asked == 2
            assert api.requests == []

    async def test_it_is_asked_again_before_a_second_try(self) -> None:
        async def script(_seen: Request, _raw: web.Request) -> web.StreamResponse:
            return status(401, "Unauthorized")

        fence = OpenFence(shut=LeaseLost("over"), after=2)
        async with scripted(script) as api, Client(api.access(), fence=fence) as client:
            with pytest.raises(LeaseLost):
                await client.create(JOBS, {})
            assert len(api.requests) == 1

    async def test_it_is_asked_after_the_wait_for_a_slot(self) -> None:
        go = asyncio.Event()

        async def script(_seen: Request, _raw: web.Request) -> web.StreamResponse:
            await go.wait()
            return web.json_response({})

        fence = OpenFence()
        async with scripted(script) as api, Client(api.access(), fence=fence, in_flight=1) as client:
            first = asyncio.create_task(client.create(JOBS, {"n": 1}))
            second = asyncio.create_task(client.create(JOBS, {"n": 2}))
            await until(lambda: api.requests)
            fence.shut, fence.after = LeaseLost("over"), 0
            go.set()
            await first
            with pytest.raises(LeaseLost):
                await second
            assert [seen.body for seen in api.requests] == [{"n": 1}]


@pytest.mark.parametrize("code", [429, 503])
async def test_a_server_that_asked_for_time_is_not_asked_again_before_that(code: int) -> None:
    async def busy(seen: Request, _raw: web.Request) -> web.StreamResponse:
        if seen.method == "POST":
            response = status(code, "TooManyRequests", "slow down")
            response.headers["Retry-After"] = "60"
            return response
        return await ok(seen, _raw)

    async with scripted(busy) as api, Client(api.access(), fence=None) as client:
        for _ in range(3):
            with pytest.raises(Unavailable) as caught:
                await client.create(JOBS, {})
            assert caught.value.retry_after is not None
            assert caught.value.retry_after > 50
        await client.get(f"{JOBS}/a")
        assert [seen.method for seen in api.requests] == ["POST", "GET"]
        async with Client(api.access(), fence=None, patient=False) as other:
            for _ in range(2):
                with pytest.raises(Unavailable, match="slow down"):
                    await other.create(JOBS, {})
    assert [seen.method for seen in api.requests] == ["POST", "GET", "POST", "POST"]


async def test_the_time_is_that_of_the_servers_answers() -> None:
    async def dated(seen: Request, raw: web.Request) -> web.StreamResponse:
        response = await ok(seen, raw)
        response.headers["Date"] = "Fri, 15 Jan 2027 08:00:00 GMT"
        response.headers["Audit-Id"] = "5b4b0a3c-0000-4000-8000-000000000001"
        return response

    async with scripted(dated) as api, Client(api.access(), fence=None) as client:
        await client.get(f"{JOBS}/a")
        assert 0 <= client.clock.now() - 1_800_000_000 < 60


async def test_a_proxy_that_answers_itself_does_not_tell_the_time() -> None:
    async def proxied(seen: Request, raw: web.Request) -> web.StreamResponse:
        if seen.method != "GET":
            return web.Response(status=502, text="bad gateway", headers={"Date": "Fri, 15 Jan 2027 09:00:00 GMT"})
        response = await ok(seen, raw)
        response.headers["Date"] = "Fri, 15 Jan 2027 08:00:00 GMT"
        response.headers["Audit-Id"] = "5b4b0a3c-0000-4000-8000-000000000001"
        return response

    async with scripted(proxied) as api, Client(api.access(), fence=None) as client:
        await client.get(f"{JOBS}/a")
        with pytest.raises(Unavailable, match="bad gateway"):
            await client.create(JOBS, {})
        assert 0 <= client.clock.now() - 1_800_000_000 < 60


async def test_an_answer_that_was_long_on_its_way_takes_no_time_back() -> None:
    first, up = asyncio.Event(), [1000.0]

    async def slow(seen: Request, raw: web.Request) -> web.StreamResponse:
        response = await ok(seen, raw)
        response.headers["Audit-Id"] = "5b4b0a3c-0000-4000-8000-000000000001"
        response.headers["Date"] = f"Fri, 15 Jan 2027 08:00:0{seen.query['second']} GMT"
        if seen.query["second"] == "0":
            await first.wait()  # it was stamped, and is on its way
        return response

    async with scripted(slow) as api, Client(api.access(), fence=None) as client:
        client.clock = ServerClock(monotonic=lambda: up[0])
        late = asyncio.create_task(client.get(f"{JOBS}/a", second="0"))
        await until(lambda: api.requests)
        up[0] += 5.0
        await client.get(f"{JOBS}/a", second="5")
        first.set()
        await late
        assert client.clock.now() == 1_800_000_005
