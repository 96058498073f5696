"""What the meter is told of requests: each that was sent once, by what it asked for and what came of it."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress

import pytest
from aiohttp import web

from batchmatrix.adapters.kube.client import MERGE_PATCH, Client
from batchmatrix.adapters.kube.launcher import KubeLauncher
from batchmatrix.adapters.kube.paths import requested
from batchmatrix.adapters.kube.reflector import Reflector
from batchmatrix.adapters.telemetry.metrics import PrometheusMeter
from batchmatrix.base.errors import BatchMatrixError, LeaseLost, Unavailable
from tests.support.kube import OpenFence, Request, launch, scripted, status, until
from tests.support.metrics import scrape

JOBS = "/apis/batch/v1/namespaces/triage/jobs"
PODS = "/api/v1/namespaces/triage/pods"


def counted(meter: PrometheusMeter) -> dict[str, float]:
    """`verb resource code` and how often, without what never was."""
    found = {}
    for (name, labels), value in scrape(meter).samples.items():
        if name == "batchmatrix_kube_requests_total":
            what = dict(labels)
            found[f"{what['verb']} {what['resource']} {what['code']}"] = value
    return found


async def ok(_seen: Request, _raw: web.Request) -> web.StreamResponse:
    return web.json_response({"metadata": {"resourceVersion": "1"}})


async def test_each_request_is_counted_by_what_it_asks_for() -> None:
    meter = PrometheusMeter()
    async with scripted(ok) as api, Client(api.access(), fence=None, meter=meter) as client:
        await client.get(f"{JOBS}/secret-name")
        await client.create(JOBS, {})
        await client.create(JOBS, {})
        await client.replace(f"{JOBS}/a", {})
        await client.patch("/apis/batchmatrix.dev/v1alpha1/namespaces/n/batchmatrices/a/status", {}, kind=MERGE_PATCH)
        await client.delete(f"{PODS}/a", uid="u")
        async with client.stream(f"{PODS}/a/log", {"follow": "true"}, silence=None):
            pass
        async with aclosing(client.pages("/api/v1/nodes")) as pages:
            assert [page async for page in pages]
        async with aclosing(client.watch("/api/v1/pods", resource_version="1")) as events:
            assert [event async for event in events] == []  # an answer without its end of line
    assert counted(meter) == {
        "get jobs 200": 1,
        "create jobs 200": 2,
        "update jobs 200": 1,
        "patch batchmatrices/status 200": 1,
        "delete pods 200": 1,
        "get pods/log 200": 1,
        "list nodes 200": 1,
        "watch pods 200": 1,
    }


async def test_refusals_and_silence_are_counted_and_what_was_never_sent_is_not() -> None:
    meter = PrometheusMeter()
    tokens = iter(["Bearer old", "Bearer new"])

    async def credentials() -> str | None:
        return next(tokens)

    async def script(seen: Request, raw: web.Request) -> web.StreamResponse:
        if seen.headers["Authorization"] == "Bearer old":
            return status(401, "Unauthorized")
        if seen.method == "POST":
            assert raw.transport is not None
            raw.transport.close()
        return status(404, "NotFound")

    fence = OpenFence(shut=LeaseLost("over"), after=2)
    async with scripted(script) as api, Client(api.access(credentials), fence=fence, meter=meter) as client:
        with pytest.raises(BatchMatrixError):
            await client.get(f"{JOBS}/a")
        with pytest.raises(Unavailable):
            await client.create(JOBS, {})
        with pytest.raises(LeaseLost):
            await client.create(JOBS, {})
    assert counted(meter) == {"get jobs 401": 1, "get jobs 404": 1, "create jobs none": 1}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/v1/pods", ("pods", False)),
        ("/api/v1/namespaces/jobs/pods", ("pods", False)),
        ("/api/v1/namespaces/n/pods/p", ("pods", True)),
        ("/api/v1/namespaces/n/pods/p/log", ("pods/log", True)),
        ("/apis/coordination.k8s.io/v1/namespaces/n/leases/l", ("leases", True)),
        ("/apis/batchmatrix.dev/v1alpha1/namespaces/n/batchmatrices/m/status", ("batchmatrices/status", True)),
        ("/apis/batchmatrix.dev/v1alpha1", ("other", False)),
        ("/api/v1/namespaces/n", ("other", False)),
        ("/version", ("other", False)),
    ],
)
def test_a_path_tells_its_resource_and_no_name(path: str, expected: tuple[str, bool]) -> None:
    assert requested(path) == expected


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([status(403, "Forbidden", "exceeded quota: q")], "forbidden"),
        ([status(422, "Invalid", "spec.template: wrong")], "invalid"),
        ([status(409, "AlreadyExists"), web.json_response({"metadata": {"name": "x", "uid": "u"}})], "name"),
        ([status(500, "InternalError")], None),
    ],
)
async def test_a_refused_job_is_counted_by_its_reason(answers: list[web.Response], reason: str | None) -> None:
    meter = PrometheusMeter()

    async def script(_seen: Request, _raw: web.Request) -> web.StreamResponse:
        return answers.pop(0)

    async with scripted(script) as api, Client(api.access(), fence=None, meter=meter) as client:
        with pytest.raises(BatchMatrixError):
            await KubeLauncher(client).create(launch())
    assert scrape(meter).by("launch_refusals_total", "reason") == ({reason: 1} if reason else {})


async def test_a_watch_that_fails_is_counted_and_one_that_ends_is_not() -> None:
    meter = PrometheusMeter()
    watches = 0

    async def script(seen: Request, raw: web.Request) -> web.StreamResponse:
        nonlocal watches
        if "watch" not in seen.query:
            return web.json_response({"metadata": {"resourceVersion": "1"}, "items": []})
        watches += 1
        if watches == 1:
            return status(500, "InternalError")
        bookmark = b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"2"}}}\n'
        return web.Response(body=bookmark)

    async with scripted(script) as api, Client(api.access(), fence=None, meter=meter) as client:
        reflector = Reflector[str](client, "/api/v1/pods", lambda _raw, _old: None, pace=0.01)
        task = asyncio.create_task(reflector.run())
        await until(lambda: watches >= 4)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert scrape(meter).by("watch_restarts_total", "resource") == {"pods": 1}
