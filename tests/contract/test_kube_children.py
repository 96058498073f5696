"""Children of many matrices from two streams, and word of every change."""

from __future__ import annotations

import asyncio
import copy
import json
from typing import Any

from aiohttp import web

from batchmatrix.adapters.kube.children import KubeChildren
from batchmatrix.adapters.kube.client import Client
from batchmatrix.adapters.kube.nodes import KubeNodes
from batchmatrix.launch.job import job_manifest
from batchmatrix.model.cell import MatrixRef
from tests.support.kube import Request, launch, pod, scripted, status, until


def job(matrix: str, *, owned: bool = True) -> dict[str, Any]:
    raw = copy.deepcopy(job_manifest(launch(matrix={"name": matrix, "uid": f"m-{matrix}"})))
    raw["metadata"] |= {"uid": f"j-{matrix}", "resourceVersion": "3", "creationTimestamp": "2026-11-23T07:00:00Z"}
    if not owned:
        del raw["metadata"]["ownerReferences"]
    return raw


def its_pod(matrix: str, number: int = 0) -> dict[str, Any]:
    labels = {"batchmatrix.dev/matrix": matrix, "batchmatrix.dev/matrix-uid": f"m-{matrix}"}
    raw = pod(f"{matrix}-{number}", uid=f"p-{matrix}-{number}", version=3, **labels)
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "x", "uid": f"j-{matrix}", "controller": True}
    raw["metadata"]["ownerReferences"] = [owner]
    return raw


async def test_children_are_found_by_matrix_and_every_change_is_told() -> None:
    events: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()
    held = asyncio.Event()

    async def script(seen: Request, raw: web.Request) -> web.StreamResponse:
        pods = seen.path == "/api/v1/pods"
        assert pods or seen.path == "/apis/batch/v1/jobs"
        if "watch" not in seen.query:
            assert seen.query["labelSelector"] == "batchmatrix.dev/matrix-uid"
            await held.wait()
            # b's matrix and Job are gone, its pod is not; c only says that it is a matrix's.
            items = [its_pod("a"), its_pod("b")] if pods else [job("a"), job("c", owned=False)]
            return web.json_response({"metadata": {"resourceVersion": "3"}, "items": items})
        response = web.StreamResponse()
        await response.prepare(raw)
        while pods:
            kind, thing = await events.get()
            await response.write(json.dumps({"type": kind, "object": thing}).encode() + b"\n")
        await asyncio.sleep(60)
        return response

    told: list[tuple[str, str, str]] = []
    async with scripted(script) as api, Client(api.access(), fence=None) as client:
        children = KubeChildren(client, lambda *matrix: told.append(matrix))
        task = asyncio.create_task(children.run())
        waiting = asyncio.create_task(children.wait_synced())
        await until(lambda: len(api.requests) == 2)
        assert not waiting.done()
        held.set()
        await asyncio.wait_for(waiting, 5)
        assert [state.uid for state in children.jobs("m-a")] == ["j-a"]
        assert [state.uid for state in children.pods("m-a")] == ["p-a-0"]
        assert [state.uid for state in children.pods("m-b")] == ["p-b-0"]
        assert children.jobs("m-c") == ()
        assert children.refs() == {MatrixRef("triage", "a", "m-a"), MatrixRef("triage", "b", "m-b")}
        assert sorted(told) == [("triage", "a", "m-a"), ("triage", "a", "m-a"), ("triage", "b", "m-b")]
        assert children.age() < 5

        told.clear()
        await events.put(("ADDED", its_pod("a", 1)))
        await until(lambda: len(told) == 1)
        assert {state.uid for state in children.pods("m-a")} == {"p-a-0", "p-a-1"}
        await events.put(("DELETED", its_pod("b")))
        await until(lambda: len(told) == 2)
        assert children.pods("m-b") == ()
        assert children.refs() == {MatrixRef("triage", "a", "m-a")}
        assert told == [("triage", "a", "m-a"), ("triage", "b", "m-b")]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_namespaces_are_watched_one_by_one_where_they_are_named() -> None:
    async def script(seen: Request, raw: web.Request) -> web.StreamResponse:
        if "watch" in seen.query:
            await asyncio.sleep(60)
        return web.json_response({"metadata": {"resourceVersion": "3"}, "items": []})

    async with scripted(script) as api, Client(api.access(), fence=None) as client:
        children = KubeChildren(client, lambda *_: None, namespaces=["x", "y"])
        task = asyncio.create_task(children.run())
        await asyncio.wait_for(children.wait_synced(), 5)
        lists = {seen.path for seen in api.requests if "watch" not in seen.query}
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert lists == {
        f"{root}/namespaces/{namespace}/{plural}"
        for root, plural in (("/apis/batch/v1", "jobs"), ("/api/v1", "pods"))
        for namespace in ("x", "y")
    }


async def test_nodes_are_there_or_may_not_be_read() -> None:
    allowed = True

    async def script(seen: Request, _raw: web.Request) -> web.StreamResponse:
        if not allowed:
            return status(403, "Forbidden")
        if "watch" in seen.query:
            await asyncio.sleep(60)
        node = {"metadata": {"name": "n1", "uid": "u1", "labels": {"gpu": "a"}}}
        return web.json_response({"metadata": {"resourceVersion": "3"}, "items": [node]})

    for allowed in (True, False):
        changes: list[None] = []
        async with scripted(script) as api, Client(api.access(), fence=None) as client:
            nodes = KubeNodes(client, lambda changes=changes: changes.append(None))  # type: ignore[misc]
            assert nodes.all() is None
            task = asyncio.create_task(nodes.run())
            await asyncio.wait_for(nodes.wait_synced(), 5)
            found = nodes.all()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if allowed:
            assert found is not None
            assert [(node.name, node.labels, node.ready) for node in found] == [("n1", {"gpu": "a"}, False)]
            assert len(changes) == 1
        else:
            assert found is None
            assert changes == []
