"""Jobs and pods of ours on a real control plane: made once, ended, let go."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from batchmatrix.adapters.kube.access import from_kubeconfig
from batchmatrix.adapters.kube.client import Client
from batchmatrix.adapters.kube.launcher import KubeLauncher
from batchmatrix.adapters.kube.paths import JOBS
from batchmatrix.adapters.kube.project import project_job, project_pod
from batchmatrix.base.errors import InvalidSpec, NameConflict
from batchmatrix.launch.job import job_manifest
from batchmatrix.model.cell import MatrixRef
from batchmatrix.model.launch import Launch
from batchmatrix.model.observed import JobState, PodState
from tests.support.cluster import Json, Kube
from tests.support.fake_kubelet import NO_SCHEDULER, FakeKubelet
from tests.support.jobs import wait_for_job
from tests.support.kube import ensure_crds, launch, make_matrix
from tests.support.wait import Pending, wait_for

CASES = sorted((Path(__file__).resolve().parents[1] / "golden" / "jobs").glob("*/input.json"))


@pytest_asyncio.fixture
async def client(kubeconfig: Path) -> AsyncIterator[Client]:
    async with Client(await from_kubeconfig(str(kubeconfig)), fence=None) as client:
        yield client


@pytest.fixture
def matrix(cluster: Kube, kube: Kube) -> MatrixRef:
    ensure_crds(cluster)
    return make_matrix(kube)


def sent(matrix: MatrixRef, **more: Any) -> Launch:
    return launch(matrix=dataclasses.asdict(matrix), **more)


async def started(client: Client, kube: Kube, what: Launch) -> tuple[JobState, PodState]:
    """A Job whose pod no scheduler touches, so that a fake kubelet can have it."""
    manifest = job_manifest(what)
    manifest["spec"]["template"]["spec"] |= NO_SCHEDULER
    job = project_job(await client.create(JOBS.all(kube.namespace), manifest))
    assert job is not None
    selector = f"batch.kubernetes.io/job-name={job.name}"
    raw = wait_for(lambda: kube.list("pods", selector=selector), timeout=20, what="the pod")[0]
    pod = project_pod(raw)
    assert pod is not None
    return job, pod


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.parent.name)
def test_every_manifest_is_taken_to_the_last_field(kube: Kube, case: Path) -> None:
    manifest = job_manifest(launch(json.loads(case.read_text()), matrix={"namespace": kube.namespace}))
    made = kube.create("jobs", manifest, validation="Strict", dry_run=True)
    assert _within(manifest, made) == []


def _within(wanted: Any, made: Any, path: str = "") -> list[str]:
    """What the server changed of what was sent; what it added, and empty text it left out, is fine."""
    if isinstance(wanted, dict):
        if not isinstance(made, dict):
            return [path]
        return [each for key in wanted for each in _within(wanted[key], made.get(key), f"{path}.{key}")]
    if isinstance(wanted, list):
        if not isinstance(made, list) or len(wanted) != len(made):
            return [path]
        pairs = enumerate(zip(wanted, made, strict=True))
        return [each for at, (one, other) in pairs for each in _within(one, other, f"{path}[{at}]")]
    left_out = wanted == "" and made is None
    return [] if wanted == made or left_out else [path]


async def test_a_launch_is_made_once_however_often_it_is_sent(client: Client, kube: Kube, matrix: MatrixRef) -> None:
    launcher = KubeLauncher(client)
    first = await launcher.create(sent(matrix))
    again = await launcher.create(sent(matrix))
    assert (first.uid, first.id, first.matrix_uid) == (again.uid, sent(matrix).id, matrix.uid)
    other = await launcher.create(sent(matrix, attempt=1))
    assert other.uid != first.uid
    assert {job["metadata"]["uid"] for job in kube.list("jobs")} == {first.uid, other.uid}
    wait_for(lambda: len(kube.list("pods")) == 2, timeout=30, what="a pod of each Job")
    for job in (first, other):
        await launcher.delete(job)
        await launcher.delete(job)
    _release_all(kube)


def _release_all(kube: Kube) -> None:
    for pod in kube.list("pods"):
        kube.patch("pods", pod["metadata"]["name"], {"metadata": {"finalizers": None}})


async def test_a_foreign_job_of_our_name_is_left_alone(client: Client, kube: Kube, matrix: MatrixRef) -> None:
    manifest = job_manifest(sent(matrix))
    manifest["metadata"].pop("ownerReferences")
    manifest["spec"]["suspend"] = True
    foreign = kube.create("jobs", manifest)
    with pytest.raises(NameConflict, match="not ours"):
        await KubeLauncher(client).create(sent(matrix))
    assert kube.get("jobs", foreign["metadata"]["name"])["metadata"]["uid"] == foreign["metadata"]["uid"]


async def test_what_the_server_will_never_take_says_so(client: Client, matrix: MatrixRef) -> None:
    bad = sent(matrix, work={"volume_mounts": [{"name": "nowhere", "mountPath": "/x"}]})
    with pytest.raises(InvalidSpec, match="nowhere"):
        await KubeLauncher(client).create(bad)


async def test_a_killed_pod_stays_until_it_is_released_and_is_not_made_again(
    client: Client, kube: Kube, kubelet: FakeKubelet, matrix: MatrixRef
) -> None:
    launcher = KubeLauncher(client)
    job, pod = await started(client, kube, sent(matrix))
    kubelet.run(pod.name)
    await launcher.kill(dataclasses.replace(pod, uid="00000000-0000-4000-8000-000000000000"))
    assert "deletionTimestamp" not in kube.get("pods", pod.name)["metadata"]
    await launcher.kill(pod)
    asked = project_pod(kube.get("pods", pod.name))
    assert asked is not None
    assert asked.deleting_since is not None
    kubelet.end(pod.name, 0)
    kubelet.let_go(pod.name)
    ended = wait_for(
        lambda: _without_tracking(kube, pod.name), timeout=20, what="the Job controller to have counted the pod"
    )
    # Kubernetes counts this as success, and has moved the time of the deletion to after the end.
    wait_for_job(kube, job.name, "Complete")
    assert ended["metadata"]["deletionGracePeriodSeconds"] == 0
    assert project_pod(ended, asked).deleting_since == asked.deleting_since  # type: ignore[union-attr]
    unseen = project_pod(ended)
    assert unseen is not None
    assert unseen.deleting_since is not None
    assert unseen.container.finished is not None
    assert unseen.deleting_since <= unseen.container.finished

    await launcher.release(dataclasses.replace(pod, uid="00000000-0000-4000-8000-000000000000"))
    assert kube.get("pods", pod.name)["metadata"]["finalizers"] == ["batchmatrix.dev/record"]
    await launcher.release(pod)
    wait_for(lambda: kube.find("pods", pod.name) is None, timeout=10, what="the pod to be gone")
    await launcher.release(pod)
    await launcher.kill(pod)
    assert kube.list("pods") == []
    await launcher.delete(job)
    assert kube.find("jobs", job.name) is None


def _without_tracking(kube: Kube, name: str) -> Json | Pending:
    raw = kube.get("pods", name)
    return raw if raw["metadata"]["finalizers"] == ["batchmatrix.dev/record"] else Pending(raw["metadata"])


async def test_other_finalizers_stay_where_they_are(
    client: Client, kube: Kube, kubelet: FakeKubelet, matrix: MatrixRef
) -> None:
    job, pod = await started(client, kube, sent(matrix))
    kubelet.run(pod.name)
    kubelet.end(pod.name, 0)
    wait_for_job(kube, job.name, "Complete")
    path = kube.path("pods", pod.name)
    finalizers = ["someone.else/a", "batchmatrix.dev/record", "someone.else/b"]
    kube.call("PATCH", path, {"metadata": {"finalizers": finalizers}}, content="application/merge-patch+json")
    await KubeLauncher(client).release(pod)
    await KubeLauncher(client).release(pod)
    assert kube.get("pods", pod.name)["metadata"]["finalizers"] == ["someone.else/a", "someone.else/b"]
    _release_all(kube)


async def test_a_pod_is_found_whatever_its_labels_say_and_another_of_its_name_is_not_it(
    client: Client, kube: Kube, kubelet: FakeKubelet, matrix: MatrixRef
) -> None:
    job, pod = await started(client, kube, sent(matrix))
    launcher = KubeLauncher(client)
    labels = {"metadata": {"labels": {"batchmatrix.dev/matrix-uid": None, "batchmatrix.dev/trial": "7"}}}
    kube.call("PATCH", kube.path("pods", pod.name), labels, content="application/merge-patch+json")
    kubelet.run(pod.name)
    kubelet.end(pod.name, 0)
    wait_for_job(kube, job.name, "Complete")
    found = await launcher.look_up(pod)
    assert found is not None
    assert (found.uid, found.id, found.matrix_uid) == (pod.uid, pod.id, matrix.uid)
    assert (found.finished, found.finalized) == (True, True)
    assert await launcher.look_up(dataclasses.replace(pod, uid="00000000-0000-4000-8000-000000000000")) is None
    await launcher.release(found)
    kube.call("DELETE", kube.path("pods", pod.name))
    wait_for(lambda: kube.find("pods", pod.name) is None, timeout=10, what="the pod to be gone")
    assert await launcher.look_up(pod) is None


async def test_deleting_a_job_takes_its_pod_along_once_it_is_released(
    client: Client, kube: Kube, matrix: MatrixRef
) -> None:
    job, pod = await started(client, kube, sent(matrix))
    launcher = KubeLauncher(client)
    await launcher.delete(dataclasses.replace(job, uid="00000000-0000-4000-8000-000000000000"))
    assert kube.find("jobs", job.name) is not None
    await launcher.delete(job)
    wait_for(
        lambda: "deletionTimestamp" in kube.get("pods", pod.name)["metadata"], timeout=20, what="the pod to be deleted"
    )
    assert kube.find("jobs", job.name) is None
    await launcher.release(pod)
    wait_for(lambda: kube.find("pods", pod.name) is None, timeout=10, what="the pod to be gone")
