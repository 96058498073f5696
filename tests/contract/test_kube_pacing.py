"""The session that keeps a library from opening watches in a hurry."""

from __future__ import annotations

import asyncio
import json

from aiohttp import web

from batchmatrix.adapters.kube.pacing import PacedSession
from tests.support.kube import Api, Request, scripted, status

PATH = "/apis/batchmatrix.dev/v1alpha1/batchmatrices"
PACE = 0.5


async def watch(paced: PacedSession, api: Api) -> bytes:
    async with paced.session.get(f"{api.url}{PATH}?watch=true") as response:
        return await response.read()


async def test_watches_that_are_closed_at_once_are_opened_ever_later_and_said() -> None:
    async def script(request: Request, _raw: web.Request) -> web.StreamResponse:
        return web.Response(body=b"")

    async with scripted(script) as api:
        paced = PacedSession(api.access(), pace=PACE)
        said = []
        for _ in range(4):
            await watch(paced, api)
            said.append(paced.trouble)
        times = [request.time for request in api.requests]
        await paced.close()
    assert said[:3] == ["", "", ""]
    assert said[3] == f"{PATH}: 3 watches in a row were closed at once"
    assert times[3] - times[0] >= PACE * (1 + 2 + 4)


async def test_a_watch_that_lives_is_opened_again_at_once_and_ends_the_trouble() -> None:
    living = False

    async def script(request: Request, _raw: web.Request) -> web.StreamResponse:
        if living:
            await asyncio.sleep(1.5 * PACE)
        return web.Response(body=b"")

    async with scripted(script) as api:
        paced = PacedSession(api.access(), pace=PACE)
        for _ in range(4):
            await watch(paced, api)
        assert paced.trouble
        living = True
        await watch(paced, api)
        await watch(paced, api)
        assert paced.trouble == ""
        await paced.close()


async def test_requests_that_are_no_watches_are_not_held_back() -> None:
    async def script(request: Request, _raw: web.Request) -> web.StreamResponse:
        return web.json_response({})

    async with scripted(script) as api:
        paced = PacedSession(api.access(), pace=60.0)
        async with asyncio.timeout(30):
            for _ in range(5):
                async with paced.session.get(api.url + PATH) as response:
                    assert response.status == 200
        await paced.close()


async def test_stale_credentials_are_read_anew_and_a_closed_session_is_made_anew() -> None:
    tokens = iter(["Bearer old", "Bearer new"])

    async def credentials() -> str | None:
        return next(tokens)

    async def script(request: Request, _raw: web.Request) -> web.StreamResponse:
        return web.json_response({}) if request.headers["Authorization"] == "Bearer new" else status(401)

    async with scripted(script) as api:
        paced = PacedSession(api.access(credentials))
        for _ in range(2):
            async with paced.session.get(api.url + PATH) as response:
                assert response.status == 200
            await paced.close()
        assert [request.headers["Authorization"] for request in api.requests] == ["Bearer old", *["Bearer new"] * 2]


async def test_a_watch_that_is_refused_as_too_old_says_so_in_an_event() -> None:
    async def script(request: Request, _raw: web.Request) -> web.StreamResponse:
        return status(410, "Expired")

    async with scripted(script) as api:
        paced = PacedSession(api.access())
        async with paced.session.get(f"{api.url}{PATH}?watch=true") as response:
            assert response.status == 200
            lines = b"".join([block async for block in response.content.iter_chunked(1 << 20)]).splitlines()
            (event,) = map(json.loads, lines)
            assert (event["type"], event["object"]["code"]) == ("ERROR", 410)
        async with paced.session.get(api.url + PATH) as response:
            assert response.status == 410
        await paced.close()
