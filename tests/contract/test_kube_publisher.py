"""Status, summary and Events against a scripted server; what the real one does with them is in tests/apiserver."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web

from batchmatrix.adapters.kube.client import Client
from batchmatrix.adapters.kube.publisher import EVENT_BURST, KubePublisher
from batchmatrix.base.errors import InvalidSpec, LeaseLost, NameConflict, NotFound, Unavailable
from batchmatrix.model.cell import MatrixRef
from tests.support.kube import OpenFence, Request, scripted, status

HANG = MatrixRef("triage", "hang", "m1")
OWNER = {
    "apiVersion": "batchmatrix.dev/v1alpha1",
    "kind": "BatchMatrix",
    "name": "hang",
    "uid": "m1",
    "controller": True,
}


def matrix(uid: str) -> dict[str, Any]:
    return {"metadata": {"name": "hang", "namespace": "triage", "uid": uid}}


@pytest.mark.parametrize(("there", "error"), [(matrix("m2"), NotFound), (None, NotFound), (matrix("m1"), InvalidSpec)])
async def test_a_status_that_was_refused_is_another_objects_or_wrong(
    there: dict[str, Any] | None, error: type[Exception]
) -> None:
    async def script(seen: Request, _raw: web.Request) -> web.StreamResponse:
        if seen.method == "PATCH":
            assert seen.path.endswith("/batchmatrices/hang/status")
            return status(422, "Invalid")
        return status(404, "NotFound") if there is None else web.json_response(there)

    async with scripted(script) as api, Client(api.access(), fence=None) as client:
        with pytest.raises(error):
            await KubePublisher(client).status(HANG, {"a": 1})


class Maps:
    """One ConfigMap."""

    def __init__(self, there: dict[str, Any] | None = None) -> None:
        self.there = there
        self.answer: web.Response | None = None

    async def script(self, seen: Request, _raw: web.Request) -> web.StreamResponse:
        if seen.method == "GET":
            return status(404, "NotFound") if self.there is None else web.json_response(self.there)
        if self.answer is not None:
            return self.answer
        self.there = {**seen.body, "metadata": {**seen.body["metadata"], "resourceVersion": "8"}}
        return web.json_response(self.there)


def config_map(**more: Any) -> dict[str, Any]:
    meta = {"name": "hang-summary", "namespace": "triage", "resourceVersion": "7", "ownerReferences": [OWNER]}
    return {"metadata": {**meta, **more}, "data": {"a": "old"}}


async def test_a_summary_is_made_then_replaced_then_left_as_it_is() -> None:
    maps = Maps()
    async with scripted(maps.script) as api, Client(api.access(), fence=None) as client:
        publisher = KubePublisher(client)
        await publisher.summary(HANG, {"a": "1", "gone": "x"})
        await publisher.summary(HANG, {"a": "2"})
        await publisher.summary(HANG, {"a": "2"})
    assert [seen.method for seen in api.requests] == ["GET", "POST", "GET", "PUT", "GET"]
    assert api.requests[3].body["metadata"]["resourceVersion"] == "8"
    assert maps.there is not None
    assert maps.there["data"] == {"a": "2"}
    metadata = maps.there["metadata"]
    assert (metadata["name"], metadata["labels"]["batchmatrix.dev/matrix-uid"]) == ("hang-summary", "m1")
    assert metadata["ownerReferences"][0]["uid"] == "m1"


@pytest.mark.parametrize(
    ("owners", "error"),
    [
        ([], NameConflict),
        ([{**OWNER, "kind": "Deployment", "uid": "d"}], NameConflict),
        ([{**OWNER, "controller": False}], Unavailable),
        ([{**OWNER, "uid": "the-one-before"}], Unavailable),
    ],
)
async def test_a_config_map_that_is_not_ours_is_left_alone(
    owners: list[dict[str, Any]], error: type[Exception]
) -> None:
    maps = Maps(config_map(ownerReferences=owners))
    async with scripted(maps.script) as api, Client(api.access(), fence=None) as client:
        with pytest.raises(error, match="hang-summary"):
            await KubePublisher(client).summary(HANG, {"a": "1"})
        assert [seen.method for seen in api.requests] == ["GET"]


@pytest.mark.parametrize("code", [404, 409, 503])
@pytest.mark.parametrize("there", [True, False])
async def test_a_summary_that_was_overtaken_is_tried_again_later(code: int, there: bool) -> None:
    maps = Maps(config_map() if there else None)
    maps.answer = status(code, "AlreadyExists" if code == 409 and not there else "")
    async with scripted(maps.script) as api, Client(api.access(), fence=None) as client:
        with pytest.raises(Unavailable):
            await KubePublisher(client).summary(HANG, {"a": "1"})


async def test_an_event_is_about_the_matrix_in_one_bounded_line() -> None:
    async def script(_seen: Request, _raw: web.Request) -> web.StreamResponse:
        return web.json_response({})

    async with scripted(script) as api, Client(api.access(), fence=None) as client:
        await KubePublisher(client).event(HANG, kind="Warning", reason="Stalled", message="a\nb" + "x" * 5000)
    (seen,) = api.requests
    assert seen.path == "/api/v1/namespaces/triage/events"
    assert seen.body["involvedObject"]["uid"] == "m1"
    assert (seen.body["type"], seen.body["reason"]) == ("Warning", "Stalled")
    assert len(seen.body["message"]) == 1024
    assert "\n" not in seen.body["message"]


@pytest.mark.parametrize("code", [403, 404, 409, 422, 429, 500])
async def test_an_event_that_is_refused_is_nobodys_trouble(code: int) -> None:
    async def script(_seen: Request, _raw: web.Request) -> web.StreamResponse:
        return status(code)

    async with scripted(script) as api, Client(api.access(), fence=None) as client:
        await KubePublisher(client).event(HANG, kind="Normal", reason="Started", message="x")
        assert len(api.requests) == 1


async def test_a_lost_lease_is_everybodys_trouble() -> None:
    async def script(_seen: Request, _raw: web.Request) -> web.StreamResponse:
        return web.json_response({})

    fence = OpenFence(shut=LeaseLost("over"))
    async with scripted(script) as api, Client(api.access(), fence=fence) as client:
        with pytest.raises(LeaseLost):
            await KubePublisher(client).event(HANG, kind="Normal", reason="Started", message="x")


async def test_a_flood_of_events_is_thinned() -> None:
    async def script(_seen: Request, _raw: web.Request) -> web.StreamResponse:
        return web.json_response({})

    now = 0.0
    async with scripted(script) as api, Client(api.access(), fence=None) as client:
        publisher = KubePublisher(client, monotonic=lambda: now)

        async def flood() -> int:
            before = len(api.requests)
            events = (publisher.event(HANG, kind="Normal", reason="R", message="m") for _ in range(2 * EVENT_BURST))
            await asyncio.gather(*events)
            return len(api.requests) - before

        assert await flood() == EVENT_BURST
        assert await flood() == 0
        now += 2.0
        assert await flood() == 10
