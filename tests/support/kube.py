"""Launches, raw objects as an API server gives them, and a scripted API server for what a real one seldom does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

from batchmatrix.adapters.kube.access import Access
from batchmatrix.model.cell import Cell, MatrixRef, Work
from batchmatrix.model.launch import Launch, Mutation, Tuning
from tests.support.cluster import ApiError, Kube
from tests.support.wait import Pending, wait_for

__all__ = [
    "HASH",
    "Api",
    "OpenFence",
    "Request",
    "ensure_crds",
    "launch",
    "make_matrix",
    "pod",
    "scripted",
    "status",
    "until",
    "user_token",
]

Json = dict[str, Any]

HASH = "3f1d0c5e7a9b2468ace013579bdf02468ace13579bdf02468ace13579bdf0246"


def launch(data: Json | None = None, **changes: Any) -> Launch:
    """A launch from plain JSON: `matrix`, `cell`, `work`, `tuning`, `mutation` and the numbers, all optional."""
    given: Json = {**(data or {}), **changes}
    work = {"image": "localhost/sample:1", "command": ["run"], **given.pop("work", {})}
    work = {key: _frozen(value) for key, value in work.items()}
    cell: Json = {
        "name": "c0",
        "hash": HASH,
        "copy": 0,
        "values": {},
        "parameters": {},
        "environment": None,
        "hardware": None,
        "trials": 3,
        "seed": 42,
        **given.pop("cell", {}),
    }
    matrix = {"namespace": "triage", "name": "hang", "uid": "5b4b0a3c-0000-4000-8000-000000000001"}
    tuning = {"active_deadline_seconds": 2100, **given.pop("tuning", {})}
    mutation = given.pop("mutation", {})
    return Launch(
        matrix=MatrixRef(**{**matrix, **given.pop("matrix", {})}),
        cell=Cell(**cell, work=Work(**work)),
        tuning=Tuning(**{key: _frozen(value) for key, value in tuning.items()}),
        mutation=Mutation(**{key: _frozen(value) for key, value in mutation.items()}),
        **{"generation": 1, "trial": 0, "attempt": 0, **given},
    )


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(tuple(each) if isinstance(each, list) else each for each in value)
    return value


def pod(name: str, *, uid: str, version: int = 1, phase: str = "Pending", **labels: str) -> Json:
    """A pod of a trial as the API server lists it."""
    return {
        "metadata": {
            "name": name,
            "namespace": "triage",
            "uid": uid,
            "resourceVersion": str(version),
            "creationTimestamp": "2026-11-23T07:00:00Z",
            "finalizers": ["batchmatrix.dev/record"],
            "annotations": {"batchmatrix.dev/cell-hash": HASH},
            "labels": {
                "batchmatrix.dev/matrix": "hang",
                "batchmatrix.dev/matrix-uid": "m1",
                "batchmatrix.dev/cell": "c0",
                "batchmatrix.dev/cell-hash": HASH[:32],
                "batchmatrix.dev/trial": "0",
                "batchmatrix.dev/attempt": "0",
                "batchmatrix.dev/generation": "1",
                **labels,
            },
        },
        "spec": {"containers": [{"name": "trial", "image": "localhost/sample:1"}]},
        "status": {"phase": phase},
    }


class OpenFence:
    """A fence that lets through until it is shut, and counts how often it was asked."""

    def __init__(self, *, shut: Exception | None = None, after: int = 0) -> None:
        self.shut = shut
        self.after = after
        self.asked = 0

    def check(self) -> None:
        """Raises `shut` once it was asked more than `after` times."""
        self.asked += 1
        if self.shut is not None and self.asked > self.after:
            raise self.shut


@dataclass(slots=True)
class Request:
    """What the scripted server was asked."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    time: float


Script = Callable[[Request, web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Api:
    """The scripted server: `script` answers, `requests` holds all that came in."""

    script: Script
    url: str = ""
    requests: list[Request] = field(default_factory=list)

    def access(self, credentials: Callable[[], Awaitable[str | None]] | None = None) -> Access:
        """How to reach it."""
        return Access(self.url, None, "default", credentials or user_token)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Note the request and let the script answer."""
        data = await request.read()
        seen = Request(
            request.method,
            request.path,
            dict(request.query),
            dict(request.headers),
            json.loads(data) if data else None,
            asyncio.get_running_loop().time(),
        )
        self.requests.append(seen)
        return await self.script(seen, request)


async def user_token() -> str | None:
    """Credentials that the scripted server does not look at."""
    return "Bearer t0"


def status(code: int, reason: str = "", message: str = "no", **details: Any) -> web.Response:
    """A refusal as the API server writes it."""
    body = {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message}
    return web.json_response({**body, "details": details} if details else body, status=code)


@asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[Api]:
    """A server on 127.0.0.1 that answers as `script` says."""
    api = Api(script)
    app = web.Application(client_max_size=8 << 20)
    app.router.add_route("*", "/{path:.*}", api.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        api.url = f"http://{host}:{port}"
        yield api
    finally:
        await runner.cleanup()


async def until(condition: Callable[[], object], seconds: float = 5.0) -> None:
    """Give way until `condition` holds; TimeoutError after `seconds`."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - any condition, not one of an event's
            await asyncio.sleep(0.01)


def ensure_crds(kube: Kube) -> None:
    """Bring the CRDs of this checkout onto the cluster, and wait until they are served."""
    for path in sorted((Path(__file__).resolve().parents[2] / "crds").glob("*.yaml")):
        manifest = yaml.safe_load(path.read_text())
        kube.patch("customresourcedefinitions", manifest["metadata"]["name"], manifest, kind="apply")
    wait_for(lambda: _served(kube), timeout=30, what="the CRDs to be served")


def _served(kube: Kube) -> bool | Pending:
    try:
        kube.list("batchmatrices")
        kube.list("matrixcatalogs")
    except ApiError as problem:
        return Pending(str(problem))
    return True


def make_matrix(kube: Kube, name: str = "hang") -> MatrixRef:
    """A BatchMatrix in the default namespace of `kube`, so that what it owns is not garbage."""
    workload = {"image": "localhost/sample:1", "command": ["run"]}
    spec = {"axes": [{"name": "x", "values": ["a"]}], "workload": workload}
    manifest = {"apiVersion": "batchmatrix.dev/v1alpha1", "kind": "BatchMatrix", "metadata": {"name": name}}
    made = kube.create("batchmatrices", {**manifest, "spec": spec})
    return MatrixRef(kube.namespace, name, made["metadata"]["uid"])
