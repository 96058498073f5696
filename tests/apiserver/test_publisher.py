"""What a matrix shows, on a real control plane."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from batchmatrix.adapters.kube.access import from_kubeconfig
from batchmatrix.adapters.kube.client import Client
from batchmatrix.adapters.kube.publisher import KubePublisher
from batchmatrix.base.errors import NameConflict, NotFound
from batchmatrix.model.cell import MatrixRef
from tests.support.cluster import Kube
from tests.support.kube import ensure_crds, make_matrix
from tests.support.wait import wait_for


@pytest_asyncio.fixture
async def publisher(kubeconfig: Path) -> AsyncIterator[KubePublisher]:
    async with Client(await from_kubeconfig(str(kubeconfig)), fence=None) as client:
        yield KubePublisher(client)


@pytest.fixture
def matrix(cluster: Kube, kube: Kube) -> MatrixRef:
    ensure_crds(cluster)
    return make_matrix(kube)


async def test_a_status_is_replaced_whole(publisher: KubePublisher, kube: Kube, matrix: MatrixRef) -> None:
    condition = {
        "type": "Ready",
        "status": "False",
        "reason": "Running",
        "message": "",
        "lastTransitionTime": "2026-11-23T07:00:00Z",
    }
    await publisher.status(matrix, {"observedGeneration": 1, "conditions": [condition]})
    assert kube.get("batchmatrices", matrix.name)["status"]["conditions"] == [condition]
    await publisher.status(matrix, {"observedGeneration": 1})
    assert kube.get("batchmatrices", matrix.name)["status"] == {"observedGeneration": 1}


async def test_a_namesake_gets_nobody_elses_status(publisher: KubePublisher, kube: Kube, matrix: MatrixRef) -> None:
    kube.delete("batchmatrices", matrix.name)
    with pytest.raises(NotFound):
        await publisher.status(matrix, {"observedGeneration": 1})
    assert await publisher.read(matrix) is None
    new = make_matrix(kube, matrix.name)
    with pytest.raises(NotFound, match=matrix.uid):
        await publisher.status(matrix, {"observedGeneration": 1})
    assert kube.get("batchmatrices", matrix.name)["status"] == {"observedGeneration": -1}
    assert await publisher.read(matrix) is None
    read = await publisher.read(new)
    assert read is not None
    assert read["metadata"]["uid"] == new.uid


def test_a_uid_in_a_merge_patch_of_the_status_is_passed_over(kube: Kube, matrix: MatrixRef) -> None:
    """Why the status is written by a JSON patch that tests the uid."""
    body = {"metadata": {"uid": "00000000-0000-4000-8000-000000000000"}, "status": {"observedGeneration": 5}}
    made = kube.patch("batchmatrices", matrix.name, body, kind="merge", subresource="status")
    assert (made["status"]["observedGeneration"], made["metadata"]["uid"]) == (5, matrix.uid)


async def test_a_summary_is_written_when_it_changed_and_goes_with_its_matrix(
    publisher: KubePublisher, kube: Kube, matrix: MatrixRef
) -> None:
    name = f"{matrix.name}-summary"
    await publisher.summary(matrix, {"a": "1", "b": "2"})
    first = kube.get("configmaps", name)
    await publisher.summary(matrix, {"a": "1", "b": "2"})
    assert kube.get("configmaps", name)["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    await publisher.summary(matrix, {"a": "3"})
    assert kube.get("configmaps", name)["data"] == {"a": "3"}
    assert kube.get("configmaps", name)["metadata"]["uid"] == first["metadata"]["uid"]
    kube.delete("batchmatrices", matrix.name)
    wait_for(lambda: kube.find("configmaps", name) is None, timeout=20, what="the summary to be collected")


async def test_a_foreign_config_map_is_left_alone(publisher: KubePublisher, kube: Kube, matrix: MatrixRef) -> None:
    name = f"{matrix.name}-summary"
    kube.create("configmaps", {"metadata": {"name": name}, "data": {"mine": "yes"}})
    with pytest.raises(NameConflict, match=name):
        await publisher.summary(matrix, {"a": "1"})
    assert kube.get("configmaps", name)["data"] == {"mine": "yes"}


async def test_an_event_hangs_on_its_matrix(publisher: KubePublisher, kube: Kube, matrix: MatrixRef) -> None:
    await publisher.event(matrix, kind="Normal", reason="Started", message="12 trials in 4 cells")
    (event,) = kube.list("events", fields=f"involvedObject.uid={matrix.uid}")
    assert (event["type"], event["reason"], event["message"]) == ("Normal", "Started", "12 trials in 4 cells")
    await publisher.event(dataclasses.replace(matrix, namespace="nowhere"), kind="Normal", reason="X", message="x")
