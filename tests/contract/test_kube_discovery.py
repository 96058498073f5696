"""An operator whose kinds are not all installed says so and does not begin."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import web

from batchmatrix.adapters.kube.client import Client
from batchmatrix.adapters.kube.discovery import KindsMissing, check_kinds
from batchmatrix.base.errors import BatchMatrixError, Unavailable
from batchmatrix.controller import leftovers
from batchmatrix.controller.leftovers import kinds_or_leftovers
from batchmatrix.controller.main import Operator
from batchmatrix.settings import Identity, Settings
from tests.support.kube import Request, Script, pod, scripted, status

PATH = "/apis/batchmatrix.dev/v1alpha1"


def serving(*names: str) -> Script:
    async def script(request: Request, _: web.Request) -> web.StreamResponse:
        assert request.path == PATH
        return web.json_response({"kind": "APIResourceList", "resources": [{"name": name} for name in names]})

    return script


def refusing(code: int) -> Script:
    async def script(_: Request, __: web.Request) -> web.StreamResponse:
        return status(code)

    return script


async def check(script: Script) -> int:
    """Number of requests that it took."""
    async with scripted(script) as api, Client(api.access(), fence=None) as client:
        await check_kinds(client)
        return len(api.requests)


async def test_both_kinds_are_looked_for_in_one_request() -> None:
    assert await check(serving("batchmatrices", "batchmatrices/status", "matrixcatalogs")) == 1


@pytest.mark.parametrize(
    ("script", "missing"),
    [
        (serving("batchmatrices", "batchmatrices/status"), "has no matrixcatalogs in"),
        (serving("matrixcatalogs"), "has no batchmatrices in"),
        (refusing(404), "has no batchmatrices and no matrixcatalogs in"),
    ],
)
async def test_a_kind_that_is_not_installed_is_named_with_the_chart_that_brings_it(
    script: Script, missing: str
) -> None:
    said = rf"{missing} batchmatrix\.dev/v1alpha1; install or upgrade the chart batchmatrix-crds"
    with pytest.raises(BatchMatrixError, match=said):
        await check(script)


async def test_who_may_not_ask_goes_on_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    await check(refusing(403))
    assert "whether all kinds are installed is not known" in caplog.text


async def test_a_server_that_does_not_answer_proves_nothing() -> None:
    with pytest.raises(Unavailable):
        await check(refusing(500))


async def test_the_operator_begins_with_that(tmp_path: Path) -> None:
    settings = Settings.model_validate({"stores": {"team": {"folder": {"path": tmp_path / "results"}}}})
    identity = Identity(pod_name="pod", pod_uid="uid", namespace="system")
    async with scripted(serving("batchmatrices")) as api:
        operator = Operator(settings, identity, api.access())
        with pytest.raises(BatchMatrixError, match="has no matrixcatalogs"):
            await operator.run(asyncio.Event())
    assert not (tmp_path / "results").exists()


def left(*answers: Script, pods: bool) -> Script:
    """A server that answers so about its kinds, the last one for ever, and that has a pod of ours or none."""
    coming = list(answers)

    async def script(request: Request, raw: web.Request) -> web.StreamResponse:
        if request.path == PATH:
            return await (coming.pop(0) if len(coming) > 1 else coming[0])(request, raw)
        assert request.path == "/api/v1/pods"
        return web.json_response({"metadata": {}, "items": [pod("left", uid="p1")] if pods else []})

    return script


NONE, CATALOGS_ALONE, ALL = refusing(404), serving("matrixcatalogs"), serving("batchmatrices", "matrixcatalogs")


@pytest.mark.parametrize(
    ("script", "ends"),
    [
        (left(NONE, pods=True), "leftovers"),
        (left(CATALOGS_ALONE, pods=True), "leftovers"),
        (left(NONE, pods=False), "at once"),
        (left(serving("batchmatrices"), pods=True), "at once"),
        (left(NONE, NONE, ALL, pods=True), "serves"),
        (left(ALL, pods=True), "serves"),
    ],
)
async def test_only_pods_of_a_kind_that_is_surely_gone_are_seen_to_first(
    script: Script, ends: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "PAUSE", 0.0)
    async with scripted(script) as api, Client(api.access(), fence=None) as client:
        if ends == "at once":
            with pytest.raises(KindsMissing):
                await kinds_or_leftovers(client, [None])
        else:
            missing = await kinds_or_leftovers(client, [None])
            assert (missing is not None) == (ends == "leftovers")
