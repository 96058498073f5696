"""The floor: N Jobs from creation to deletion with as little as an asyncio client can do.

It creates, watches, reads each log once and deletes; it keeps no log and no result, checks nothing, survives nothing.
A process of its own: python -m tests.perf.bare_client MANIFESTS RESULT, with KUBECONFIG in the environment.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import uvloop

from tests.perf.rig import usage
from tests.support.cluster import Json, find_kubeconfig, read_kubeconfig

__all__ = ["IN_FLIGHT", "OPEN"]

IN_FLIGHT = 32
"""Requests at one time, as many as the operator has."""
OPEN = 1000
"""Jobs that are not complete at one time: what the fake node has devices for."""
LINE_LIMIT = 8 << 20
LONGEST = 1200.0


class BareClient:
    """One run over `manifests`, all of one namespace."""

    def __init__(self, session: aiohttp.ClientSession, server: str, manifests: Sequence[Json]) -> None:
        namespace = manifests[0]["metadata"]["namespace"]
        self._jobs = f"{server}/apis/batch/v1/namespaces/{namespace}/jobs"
        self._pods = f"{server}/api/v1/namespaces/{namespace}/pods"
        self._session = session
        self._manifests = manifests
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._room = asyncio.Semaphore(OPEN)
        self._complete: set[str] = set()
        self._read: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._progress = asyncio.Event()
        self.log_bytes = 0

    async def run(self) -> Json:
        """Do it; seconds until all logs are read and until all is deleted, counted from the first create."""
        watches = [
            asyncio.create_task(self._watch(self._jobs, self._job)),
            asyncio.create_task(self._watch(self._pods, self._pod)),
        ]
        await asyncio.sleep(0.5)  # the watches are open before anything happens; not in the time
        begin, cpu = time.monotonic(), usage().cpu
        for manifest in self._manifests:
            await self._room.acquire()
            self._start(self._request("POST", self._jobs, manifest))
        wanted = len(self._manifests)
        while len(self._complete) < wanted or len(self._read) < wanted or self._tasks:
            self._progress.clear()
            progress = asyncio.create_task(self._progress.wait())
            await asyncio.wait({progress, *watches}, return_when=asyncio.FIRST_COMPLETED)
            for watch in watches:
                if watch.done():
                    watch.result()
                    raise RuntimeError("a watch ended before its time")
        read, read_cpu = time.monotonic(), usage().cpu
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        names = [manifest["metadata"]["name"] for manifest in self._manifests]
        await asyncio.gather(*(self._request("DELETE", f"{self._jobs}/{name}", options) for name in names))
        end, cost = time.monotonic(), usage()
        for watch in watches:
            watch.cancel()
        return {
            "read_seconds": read - begin,
            "delete_seconds": end - read,
            "read_cpu_seconds": read_cpu - cpu,
            "cpu_seconds": cost.cpu - cpu,
            "peak_bytes": cost.peak,
            "log_bytes": self.log_bytes,
        }

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._progress.set()
        if not task.cancelled() and task.exception() is not None:
            raise SystemExit(f"a request failed: {task.exception()!r}")

    async def _request(self, method: str, url: str, body: Json) -> None:
        async with self._slots, self._session.request(method, url, json=body) as answer:
            answer.raise_for_status()
            await answer.read()

    async def _log(self, pod: str) -> None:
        async with self._slots, self._session.get(f"{self._pods}/{pod}/log") as answer:
            answer.raise_for_status()
            self.log_bytes += len(await answer.read())

    async def _watch(self, url: str, take: Any) -> None:
        async with self._session.get(url, params={"limit": "1"}) as answer:
            answer.raise_for_status()
            version = (await answer.json())["metadata"]["resourceVersion"]
        timeout = aiohttp.ClientTimeout(total=None)
        while True:  # a server that is short of time cuts off who reads too slowly
            params = {"watch": "1", "resourceVersion": version, "timeoutSeconds": "600"}
            async with self._session.get(url, params=params, timeout=timeout) as answer:
                answer.raise_for_status()
                async for line in answer.content:
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        raise RuntimeError(f"a watch failed: {event['object'].get('message')}")
                    take(event["object"])
                    version = event["object"]["metadata"]["resourceVersion"]

    def _job(self, job: Json) -> None:
        name = job["metadata"]["name"]
        if name in self._complete:
            return
        kinds = {each["type"] for each in job["status"].get("conditions", ()) if each["status"] == "True"}
        if kinds & {"Complete", "Failed"}:
            self._complete.add(name)
            self._room.release()
            self._progress.set()

    def _pod(self, pod: Json) -> None:
        name = pod["metadata"]["name"]
        if pod["status"]["phase"] in ("Succeeded", "Failed") and name not in self._read:
            self._read.add(name)
            self._start(self._log(name))


async def _run(manifests: Sequence[Json]) -> Json:
    access = read_kubeconfig(find_kubeconfig())
    async with (
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=access.tls, limit=0),
            headers={"Authorization": f"Bearer {access.token}", "Accept-Encoding": "identity"},
            read_bufsize=LINE_LIMIT,
        ) as session,
        asyncio.timeout(LONGEST),
    ):
        return await BareClient(session, f"https://{access.host}:{access.port}", manifests).run()


def _main(manifests: Path, result: Path) -> None:
    result.write_text(json.dumps(uvloop.run(_run(json.loads(manifests.read_text())))))


if __name__ == "__main__":
    _main(Path(sys.argv[1]), Path(sys.argv[2]))
