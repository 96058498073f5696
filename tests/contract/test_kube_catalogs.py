"""MatrixCatalogs against a scripted server."""

from __future__ import annotations

import pytest
from aiohttp import web

from batchmatrix.adapters.kube.catalogs import KubeCatalogs
from batchmatrix.adapters.kube.client import Client
from batchmatrix.base.errors import Unavailable
from tests.support.kube import Request, scripted, status
from tests.support.specs import catalog_object


async def test_a_catalog_is_read_as_it_is_and_absence_is_no_error() -> None:
    async def script(seen: Request, _raw: web.Request) -> web.StreamResponse:
        there = seen.path == "/apis/batchmatrix.dev/v1alpha1/namespaces/triage/matrixcatalogs/team"
        return web.json_response(catalog_object()) if there else status(404, "NotFound")

    async with scripted(script) as api, Client(api.access(), fence=None) as client:
        catalogs = KubeCatalogs(client)
        assert await catalogs.read("triage", "team") == catalog_object()
        assert await catalogs.read("triage", "other") is None


@pytest.mark.parametrize("code", [403, 500, 503])
async def test_a_refusal_is_no_absence(code: int) -> None:
    async def script(_seen: Request, _raw: web.Request) -> web.StreamResponse:
        return status(code, "Forbidden")

    async with scripted(script) as api, Client(api.access(), fence=None) as client:
        with pytest.raises(Unavailable):
            await KubeCatalogs(client).read("triage", "team")
