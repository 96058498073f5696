"""A SIGTERM is heard from the first moment on, also while something hangs that the start waits for."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml
from aiohttp import web

import batchmatrix
from batchmatrix.controller.signals import unless_stopped
from tests.support.kube import Request, scripted, status, until

SECONDS = 30.0
"""For a process to load its modules on a busy machine."""
STOP_SECONDS = 10.0
KINDS = {"resources": [{"name": "batchmatrices"}, {"name": "matrixcatalogs"}]}


@asynccontextmanager
async def process(*arguments: str, first: Path, env: Mapping[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """`batchmatrix`, which looks for modules in `first` before all others."""
    begun = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "batchmatrix", *arguments),
        env={
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "PYTHONPATH": f"{first}:{Path(batchmatrix.__file__).parents[1]}",
            **env,
        },
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield begun
    finally:
        if begun.returncode is None:
            begun.kill()
        await begun.wait()


@asynccontextmanager
async def silent() -> AsyncIterator[tuple[int, asyncio.Event]]:
    """A port that takes connections and never answers, and whether anything was asked there."""
    asked = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        asked.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], asked


@asynccontextmanager
async def operator(folder: Path, *, server: str, endpoint: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The operator over an API server and an S3 store."""
    kubeconfig, settings = folder / "kubeconfig", folder / "settings.yaml"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }
    store = {"bucket": "results", "endpoint": endpoint, "region": "us-east-1", "allowHttp": True}
    kubeconfig.write_text(yaml.safe_dump(config))
    settings.write_text(yaml.safe_dump({"stores": {"default": {"s3": store}}, "probes": {"port": 0}}))
    env = {
        "POD_NAME": "operator-0",
        "POD_UID": "5b4b0a3c-0000-4000-8000-000000000001",
        "POD_NAMESPACE": "n",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    arguments = ("operator", "--config", str(settings), "--kubeconfig", str(kubeconfig))
    async with process(*arguments, first=folder, env=env) as begun:
        yield begun


async def test_a_process_that_loads_its_modules_hears_it(tmp_path: Path) -> None:
    # Were there no handler, a container's first process would not hear it at all; this one would die of the signal.
    (tmp_path / "kopf.py").write_text("import time\nprint('loading', flush=True)\ntime.sleep(3600)\n")
    async with process("operator", first=tmp_path, env={}) as begun:
        assert begun.stdout is not None
        assert await asyncio.wait_for(begun.stdout.readline(), SECONDS) == b"loading\n"
        begun.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(begun.wait(), STOP_SECONDS) == 128 + signal.SIGTERM


async def test_an_operator_whose_api_server_hangs_ends_in_good_order(tmp_path: Path) -> None:
    async with silent() as (port, asked):
        url = f"http://127.0.0.1:{port}"
        async with operator(tmp_path, server=url, endpoint=url) as begun:
            await asyncio.wait_for(asked.wait(), SECONDS)
            begun.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(begun.wait(), STOP_SECONDS) == 0


async def test_an_operator_whose_store_hangs_ends_in_good_order_with_nothing_acquired(tmp_path: Path) -> None:
    async def script(seen: Request, _raw: web.Request) -> web.StreamResponse:
        return web.json_response(KINDS) if seen.path.startswith("/apis/batchmatrix.dev/") else status(404, "NotFound")

    async with silent() as (port, asked), scripted(script) as api:
        async with operator(tmp_path, server=api.url, endpoint=f"http://127.0.0.1:{port}") as begun:
            await asyncio.wait_for(asked.wait(), SECONDS)
            begun.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(begun.wait(), STOP_SECONDS) == 0
        assert {seen.method for seen in api.requests} == {"GET"}
        assert not [seen.path for seen in api.requests if "leases" in seen.path]


async def test_what_is_done_first_counts() -> None:
    async def work() -> str:
        return "done"

    assert await unless_stopped(work(), asyncio.Event()) == "done"


async def test_what_fails_first_is_raised() -> None:
    async def work() -> str:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await unless_stopped(work(), asyncio.Event())


async def test_what_is_stopped_may_tidy_up_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batchmatrix.controller.signals.TIDY_SECONDS", 0.05)
    stop, told = asyncio.Event(), list[str]()

    async def work() -> str:
        told.append("begun")
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0)
            told.append("tidied")
            await asyncio.sleep(3600)
            told.append("never")
        return "done"

    running = asyncio.create_task(unless_stopped(work(), stop))
    await until(lambda: told)
    stop.set()
    assert await asyncio.wait_for(running, 5) is None
    assert told == ["begun", "tidied"]
