"""Children and nodes as a real control plane tells them."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from batchmatrix.adapters.kube.access import from_kubeconfig
from batchmatrix.adapters.kube.children import KubeChildren
from batchmatrix.adapters.kube.client import Client
from batchmatrix.adapters.kube.launcher import KubeLauncher
from batchmatrix.adapters.kube.nodes import KubeNodes
from batchmatrix.adapters.kube.paths import JOBS
from batchmatrix.launch.job import job_manifest
from batchmatrix.model.cell import MatrixRef
from tests.support.cluster import Kube
from tests.support.fake_kubelet import NO_SCHEDULER, FakeKubelet
from tests.support.kube import ensure_crds, launch, make_matrix, until


@pytest.fixture
def matrix(cluster: Kube, kube: Kube) -> MatrixRef:
    ensure_crds(cluster)
    return make_matrix(kube)


@asynccontextmanager
async def children_of(
    kubeconfig: Path, namespace: str
) -> AsyncIterator[tuple[Client, KubeChildren, list[tuple[str, str, str]]]]:
    told: list[tuple[str, str, str]] = []
    async with Client(await from_kubeconfig(str(kubeconfig)), fence=None) as client:
        children = KubeChildren(client, lambda *matrix: told.append(matrix), namespaces=[namespace])
        task = asyncio.create_task(children.run())
        try:
            await asyncio.wait_for(children.wait_synced(), 20)
            yield client, children, told
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_a_trial_from_its_start_to_its_end(
    kubeconfig: Path, kube: Kube, kubelet: FakeKubelet, matrix: MatrixRef
) -> None:
    async with children_of(kubeconfig, kube.namespace) as (client, children, told):
        manifest = job_manifest(launch(matrix=dataclasses.asdict(matrix), trial=2))
        manifest["spec"]["template"]["spec"] |= NO_SCHEDULER
        await client.create(JOBS.all(kube.namespace), manifest)
        await until(lambda: children.jobs(matrix.uid) and children.pods(matrix.uid), 20)
        (job,) = children.jobs(matrix.uid)
        (pod,) = children.pods(matrix.uid)
        assert (job.phase, job.id.trial) == ("active", 2)
        assert (pod.job_uid, pod.id, pod.finalized, pod.container.state) == (job.uid, job.id, True, "waiting")
        assert set(told) == {(kube.namespace, matrix.name, matrix.uid)}

        await asyncio.to_thread(kubelet.run, pod.name)
        await until(lambda: children.pods(matrix.uid)[0].container.state == "running", 20)
        await asyncio.to_thread(kubelet.end, pod.name, 3)
        await until(lambda: children.jobs(matrix.uid)[0].phase == "failed", 20)
        (pod,) = children.pods(matrix.uid)
        assert (pod.phase, pod.container.exit_code) == ("Failed", 3)

        # A second reader that starts now sees the same.
        async with children_of(kubeconfig, kube.namespace) as (_client, late, _told):
            assert late.pods(matrix.uid) == children.pods(matrix.uid)
            assert late.jobs(matrix.uid) == children.jobs(matrix.uid)

        launcher = KubeLauncher(client)
        await launcher.release(pod)
        await launcher.delete(job)
        await until(lambda: not children.refs(), 20)


async def test_what_carries_our_labels_without_being_ours_is_nobodys_child(kubeconfig: Path, kube: Kube) -> None:
    async with children_of(kubeconfig, kube.namespace) as (_client, children, told):
        labels = job_manifest(launch())["metadata"]["labels"]
        pod = {
            "metadata": {"name": "foreign", "labels": labels},
            "spec": {**NO_SCHEDULER, "containers": [{"name": "trial", "image": "x"}]},
        }
        await asyncio.to_thread(kube.create, "pods", pod)
        ours = job_manifest(launch(matrix={"namespace": kube.namespace}, trial=1))
        del ours["metadata"]["ownerReferences"]
        ours["spec"]["suspend"] = True
        await asyncio.to_thread(kube.create, "jobs", ours)
        await until(lambda: any(len(list(reflector.items)) for reflector in children.reflectors), 20)
        assert children.refs() == set()
        assert told == []


async def test_nodes_are_told_and_where_they_may_not_be_read_it_does_without(kubeconfig: Path, cluster: Kube) -> None:
    async with Client(await from_kubeconfig(str(kubeconfig)), fence=None) as client:
        nodes = KubeNodes(client)
        task = asyncio.create_task(nodes.run())
        await asyncio.wait_for(nodes.wait_synced(), 20)
        found = nodes.all()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert found is not None
    assert {node.name for node in found} >= {"bmx-node-1", "bmx-node-2"}
    gpus = {resource for node in found for resource in node.allocatable if "gpu" in resource}
    assert gpus >= {"nvidia.com/gpu", "amd.com/gpu"}
