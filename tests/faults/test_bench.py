"""The bench itself: what the proxy does to a call, and what it notes of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from tests.support.faults import acts
from tests.support.faults.api import what_of
from tests.support.faults.proxy import Call, Exchange, Proxy
from tests.support.faults.store import key_kind
from tests.support.kube import Api, Request, scripted

JOBS = "/apis/batch/v1/namespaces/triage/jobs"


async def echo(request: Request, _raw: web.Request) -> web.StreamResponse:
    """A server that takes everything, and answers a watch with three lines."""
    if "watch" in request.query:
        lines = [{"type": kind, "object": {"metadata": {"name": kind.lower()}}} for kind in ("ADDED", "MODIFIED", "X")]
        return web.Response(body=b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    return web.json_response({"got": request.body}, status=201 if request.method == "POST" else 200)


async def talk(script: Callable[[Proxy], None], *words: tuple[str, str, Any]) -> tuple[list[Any], Proxy, Api]:
    """Send `words` (method, path, body) one after the other; what came back: status and body, or the error's type."""
    got: list[Any] = []
    async with scripted(echo) as api:
        proxy = Proxy(api.url, classify=what_of)
        script(proxy)
        with proxy.running():
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
                for method, path, body in words:
                    try:
                        async with session.request(method, proxy.url + path, json=body) as answer:
                            got.append((answer.status, await answer.text()))
                    except (aiohttp.ClientError, TimeoutError) as error:
                        got.append(type(error))
                        await asyncio.sleep(0)
    return got, proxy, api


def create(name: str) -> tuple[str, str, Any]:
    return ("POST", JOBS, {"metadata": {"name": name}})


async def test_calls_are_passed_on_as_they_are_and_noted() -> None:
    got, proxy, api = await talk(lambda _: None, create("a"), ("GET", f"{JOBS}/a/status?x=%2Fy", None))
    assert got[0] == (201, json.dumps({"got": {"metadata": {"name": "a"}}}))
    assert [(request.method, request.path) for request in api.requests] == [("POST", JOBS), ("GET", f"{JOBS}/a/status")]
    assert api.requests[1].query == {"x": "/y"}
    assert [(call.what.kind, call.what.name, call.committed, call.told) for call in proxy.calls] == [
        ("create jobs", "a", 201, 201),
        ("get jobs/status", "a", 200, 200),
    ]


async def test_the_nth_call_of_a_kind_has_its_reply_lost_and_the_server_has_it_all_the_same() -> None:
    def script(proxy: Proxy) -> None:
        proxy.add(acts.lose_reply(), "create jobs", first=2)

    got, proxy, api = await talk(script, create("a"), create("b"), create("c"))
    assert [each[0] if isinstance(each, tuple) else None for each in got] == [201, None, 201]
    assert len(api.requests) == 3
    assert [(call.committed, call.told) for call in proxy.calls] == [(201, 201), (201, None), (201, 201)]
    assert proxy.calls[1].fault == "lost_reply"


async def test_a_call_can_be_lost_or_refused_before_the_server_hears_of_it() -> None:
    hooked: list[Call] = []

    def script(proxy: Proxy) -> None:
        proxy.add(acts.before(hooked.append), "create jobs", name="b")
        proxy.add(acts.refuse(429, "TooManyRequests", retry_after=7), "create jobs", name="c", times=None)

    got, proxy, api = await talk(script, create("a"), create("b"), create("c"), create("c"))
    assert [request.body["metadata"]["name"] for request in api.requests] == ["a"]
    assert [call.what.name for call in hooked] == ["b"]
    assert issubclass(got[1], aiohttp.ClientError)
    assert [each[0] for each in got[2:]] == [429, 429]
    assert [call.committed for call in proxy.calls] == [201, None, None, None]


async def test_a_hook_after_a_call_comes_when_the_server_has_it() -> None:
    seen: list[int | None] = []

    def script(proxy: Proxy) -> None:
        proxy.add(acts.after(lambda call: seen.append(call.committed)), "create jobs")

    await talk(script, create("a"))
    assert seen == [201]


@pytest.mark.parametrize(
    ("act", "names"),
    [
        (acts.passed(), ["added", "modified", "x"]),
        (acts.drop_events(lambda kind, _raw: kind == "MODIFIED"), ["added", "x"]),
        (acts.close_at_once(), []),
    ],
)
async def test_a_watch_can_be_thinned_or_closed(act: Callable[[Exchange], Any], names: list[str]) -> None:
    got, _proxy, _api = await talk(lambda proxy: void(proxy.add(act, "watch jobs")), ("GET", JOBS + "?watch=1", None))
    assert [json.loads(line)["object"]["metadata"]["name"] for line in got[0][1].splitlines()] == names


async def test_a_silent_watch_is_open_and_says_nothing_and_one_that_is_cut_breaks() -> None:
    def script(proxy: Proxy) -> None:
        proxy.add(acts.silence(), "watch jobs")
        proxy.add(acts.cut_after(1), "watch jobs", first=1)

    watch = ("GET", JOBS + "?watch=1", None)
    got, _proxy, _api = await talk(script, watch, watch)
    assert issubclass(got[0], TimeoutError)
    assert issubclass(got[1], aiohttp.ClientPayloadError)


def test_what_a_request_is_about() -> None:
    def told(method: str, path: str, body: bytes = b"") -> tuple[str, str]:
        what = what_of(method, URL(path), {}, body)
        return what.kind, f"{what.namespace}/{what.name}"

    assert told("GET", "/api/v1/nodes") == ("list nodes", "/")
    assert told("GET", "/api/v1/namespaces/x/pods?watch=true") == ("watch pods", "x/")
    assert told("GET", "/api/v1/namespaces/x/pods/p/log?follow=true") == ("get pods/log", "x/p")
    assert told("PATCH", "/apis/batchmatrix.dev/v1alpha1/namespaces/x/batchmatrices/m/status") == (
        "patch batchmatrices/status",
        "x/m",
    )
    assert told("GET", "/api/v1/namespaces/x") == ("get namespaces", "/x")
    assert told("DELETE", JOBS + "/j") == ("delete jobs", "triage/j")


def test_what_a_key_is_of() -> None:
    assert key_kind("p/ns/m/uid/ledger/00000001.jsonl.zst") == "ledger"
    assert key_kind("ns/m/uid/logs/cell/0/pod/00000001.log.zst") == "logs"
    assert key_kind("ns/m/uid/runs/1/plan.json") == "runs/plan.json"
    assert key_kind("ns/m/uid/runs/1/matrix.json") == key_kind("ns/m/uid/runs/1/plots/exits.svg") == "runs/report"
    assert key_kind("probe-1234") == "other"


def void(_value: object) -> None:
    return None
