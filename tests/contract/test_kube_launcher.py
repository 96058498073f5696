"""Launching through lost replies, taken names and refusals."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest
from aiohttp import web

from batchmatrix.adapters.kube.client import STRATEGIC_PATCH, Client
from batchmatrix.adapters.kube.errors import Conflict
from batchmatrix.adapters.kube.launcher import KubeLauncher
from batchmatrix.adapters.kube.project import project_job, project_pod
from batchmatrix.base.errors import BatchMatrixError, InvalidSpec, NameConflict, Unavailable
from batchmatrix.launch.job import job_manifest
from batchmatrix.model.observed import JobState, PodState
from tests.support import kube as support
from tests.support.kube import Request, launch, scripted, status

SENT = launch(trial=1)
NAME = job_manifest(SENT)["metadata"]["name"]


def stored(**metadata: Any) -> dict[str, Any]:
    """The Job of SENT as a server that took it would hold it."""
    raw = copy.deepcopy(job_manifest(SENT))
    raw["metadata"] |= {"uid": "j1", "resourceVersion": "7", "creationTimestamp": "2026-11-23T07:00:00Z", **metadata}
    return raw


async def test_a_new_job_is_told_as_the_server_made_it() -> None:
    async def script(seen: Request, _raw: web.Request) -> web.StreamResponse:
        assert (seen.method, seen.body) == ("POST", job_manifest(SENT))
        return web.json_response(stored(), status=201)

    async with scripted(script) as api, Client(api.access(), fence=None) as client:
        job = await KubeLauncher(client).create(SENT)
        assert len(api.requests) == 1
    assert (job.uid, job.name, job.matrix_uid, job.id, job.phase) == ("j1", NAME, SENT.matrix.uid, SENT.id, "active")


async def test_a_lost_reply_is_found_again_and_nothing_is_made_twice() -> None:
    there: dict[str, Any] = {}

    async def script(seen: Request, raw: web.Request) -> web.StreamResponse:
        if seen.method == "GET":
            return web.json_response(there[seen.path.rsplit("/", 1)[1]])
        if NAME in there:
            return status(409, "AlreadyExists")
        there[NAME] = stored()
        assert raw.transport is not None
        raw.transport.close()
        return web.Response()

    async with scripted(script) as api, Client(api.access(), fence=None) as client:
        with pytest.raises(Unavailable):
            await KubeLauncher(client).create(SENT)
        job = await KubeLauncher(client).create(SENT)
        assert [seen.method for seen in api.requests] == ["POST", "POST", "GET"]
    assert job == project_job(there[NAME])


OWNER = job_manifest(SENT)["metadata"]["ownerReferences"][0]
LABELS = job_manifest(SENT)["metadata"]["labels"]


@pytest.mark.parametrize(
    ("other", "error"),
    [
        (stored(ownerReferences=[]), NameConflict),
        (stored(ownerReferences=[{**OWNER, "kind": "CronJob", "apiVersion": "batch/v1"}]), NameConflict),
        (stored(ownerReferences=[{**OWNER, "controller": False}]), NameConflict),
        (stored(labels={}), NameConflict),
        (stored(labels={**LABELS, "batchmatrix.dev/trial": "2"}), NameConflict),
        (stored(labels={**LABELS, "batchmatrix.dev/attempt": "1"}), NameConflict),
        (stored(annotations={"batchmatrix.dev/cell-hash": support.HASH[:-1] + "0"}), NameConflict),
        # These go away by themselves, and then the name is free.
        (stored(deletionTimestamp="2026-11-23T07:01:00Z"), Unavailable),
        (stored(ownerReferences=[{**OWNER, "uid": "the-one-before"}]), Unavailable),
        (None, Unavailable),
    ],
    ids=[
        "bare",
        "other-kind",
        "not-controller",
        "unlabelled",
        "trial",
        "attempt",
        "hash",
        "deleting",
        "namesake",
        "gone",
    ],
)
async def test_a_job_that_only_looks_like_it_is_left_alone(
    other: dict[str, Any] | None, error: type[BatchMatrixError]
) -> None:
    async def script(seen: Request, _raw: web.Request) -> web.StreamResponse:
        if seen.method == "POST":
            return status(409, "AlreadyExists")
        assert seen.method == "GET"
        return status(404, "NotFound") if other is None else web.json_response(other)

    async with scripted(script) as api, Client(api.access(), fence=None) as client:
        with pytest.raises(error, match=NAME):
            await KubeLauncher(client).create(SENT)
        assert [seen.method for seen in api.requests] == ["POST", "GET"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((422, "Invalid", "spec.template: bad"), InvalidSpec),
        ((403, "Forbidden", "exceeded quota: gpus"), Unavailable),
        ((400, "", 'admission webhook "x" denied the request: no'), Unavailable),
        ((404, "NotFound", "namespaces not found"), Unavailable),
        ((500, "InternalError", "failed calling webhook"), Unavailable),
    ],
)
async def test_refusals_say_whether_to_come_again(answer: tuple[int, str, str], error: type[BatchMatrixError]) -> None:
    async def script(_seen: Request, _raw: web.Request) -> web.StreamResponse:
        return status(*answer)

    async with scripted(script) as api, Client(api.access(), fence=None) as client:
        with pytest.raises(error) as failure:
            await KubeLauncher(client).create(SENT)
        assert type(failure.value) is not NameConflict
        assert answer[2] in str(failure.value)


@pytest.mark.parametrize("answer", [None, (404, "NotFound"), (409, "Conflict")])
async def test_delete_and_kill_name_the_very_object_and_need_it_no_more(answer: tuple[int, str] | None) -> None:
    async def script(seen: Request, _raw: web.Request) -> web.StreamResponse:
        if seen.method == "GET":
            return web.json_response({"metadata": {"uid": "another"}})
        return web.json_response({}) if answer is None else status(*answer)

    job, pod = the_children()
    async with scripted(script) as api, Client(api.access(), fence=None) as client:
        await KubeLauncher(client).delete(job)
        await KubeLauncher(client).kill(pod)
    deletions = [seen for seen in api.requests if seen.method == "DELETE"]
    assert [seen.path.rsplit("/", 2)[1:] for seen in deletions] == [["jobs", NAME], ["pods", "p"]]
    for seen, uid in zip(deletions, ("j1", "p1"), strict=True):
        assert seen.body["preconditions"] == {"uid": uid}
        assert seen.body["propagationPolicy"] == "Background"
        assert "gracePeriodSeconds" not in seen.body


async def test_what_a_webhook_keeps_from_being_deleted_is_not_taken_for_gone() -> None:
    async def script(seen: Request, _raw: web.Request) -> web.StreamResponse:
        if seen.method == "GET":
            return web.json_response({"metadata": {"uid": "j1" if "/jobs/" in seen.path else "p1"}})
        return status(409, "Conflict")

    job, pod = the_children()
    async with scripted(script) as api, Client(api.access(), fence=None) as client:
        with pytest.raises(Conflict):
            await KubeLauncher(client).delete(job)
        with pytest.raises(Conflict):
            await KubeLauncher(client).kill(pod)


def the_children() -> tuple[JobState, PodState]:
    job = project_job(stored())
    pod = project_pod(support.pod("p", uid="p1"))
    assert job is not None
    assert pod is not None
    return job, pod


@pytest.mark.parametrize(
    ("patch", "there", "raises"),
    [
        (None, None, None),
        ((404, "NotFound"), None, None),
        ((422, "Invalid"), "another", None),
        ((422, "Invalid"), "", None),
        ((409, "Conflict"), "another", None),
        ((422, "Invalid"), "p1", InvalidSpec),
        ((503, ""), "p1", Unavailable),
    ],
)
async def test_release_takes_our_finalizer_off_this_very_pod(
    patch: tuple[int, str] | None, there: str | None, raises: type[BatchMatrixError] | None
) -> None:
    async def script(seen: Request, _raw: web.Request) -> web.StreamResponse:
        if seen.method == "PATCH":
            assert seen.headers["Content-Type"] == STRATEGIC_PATCH
            assert seen.body == {
                "metadata": {"uid": "p1", "$deleteFromPrimitiveList/finalizers": ["batchmatrix.dev/record"]}
            }
            return web.json_response({}) if patch is None else status(*patch)
        return web.json_response(support.pod("p", uid=there)) if there else status(404, "NotFound")

    pod = project_pod(support.pod("p", uid="p1"))
    assert pod is not None
    async with scripted(script) as api, Client(api.access(), fence=None) as client:
        if raises is None:
            await KubeLauncher(client).release(pod)
            await KubeLauncher(client).release(dataclasses.replace(pod, finalized=False))
        else:
            with pytest.raises(raises):
                await KubeLauncher(client).release(pod)


QUOTA = 'Error creating: pods "x" is forbidden: exceeded quota: pods, requested: pods=1, used: pods=4, limited: pods=4'


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ([], ""),
        ([{"message": "one", "lastTimestamp": "2026-11-23T07:00:00Z"}], "one"),
        (
            [
                {"message": QUOTA, "lastTimestamp": "2026-11-23T07:00:09Z"},
                {"message": "older", "lastTimestamp": "2026-11-23T07:00:00Z"},
                {"message": "no time", "lastTimestamp": None},
            ],
            QUOTA,
        ),
        ([{"message": "new style\n", "eventTime": "2026-11-23T07:00:00.000000Z"}], "new style"),
        ([{}], ""),
    ],
)
async def test_why_a_job_has_no_pod_is_what_its_newest_event_says(events: list[dict[str, Any]], said: str) -> None:
    async def script(_seen: Request, raw: web.Request) -> web.StreamResponse:
        assert raw.path == "/api/v1/namespaces/triage/events"
        assert raw.query == {"fieldSelector": "involvedObject.uid=j1,reason=FailedCreate", "limit": "100"}
        return web.json_response({"kind": "EventList", "items": events})

    job = project_job(stored())
    assert job is not None
    async with scripted(script) as api, Client(api.access(), fence=None) as client:
        assert await KubeLauncher(client).why_no_pod(job) == said


async def test_events_that_may_not_be_read_are_unavailable() -> None:
    async def script(_seen: Request, _raw: web.Request) -> web.StreamResponse:
        return status(403, "Forbidden")

    job = project_job(stored())
    assert job is not None
    async with scripted(script) as api, Client(api.access(), fence=None) as client:
        with pytest.raises(Unavailable):
            await KubeLauncher(client).why_no_pod(job)


@pytest.mark.parametrize(
    ("there", "can"),
    [
        (None, False),
        ({}, True),
        ({"spec": {"suspend": True}}, True),
        ({"status": {"conditions": [{"type": "Failed", "status": "True"}]}}, False),
        ({"deletionTimestamp": "2026-11-23T07:00:00Z"}, False),
        ({"ownerReferences": [{**OWNER, "uid": "another"}]}, False),
    ],
    ids=["gone", "runs", "suspended", "over", "being deleted", "another matrix's"],
)
async def test_a_job_can_run_until_it_is_over(there: dict[str, Any] | None, can: bool) -> None:
    async def script(_seen: Request, _raw: web.Request) -> web.StreamResponse:
        if there is None:
            return status(404, "NotFound")
        meta = {key: value for key, value in there.items() if key not in ("spec", "status")}
        raw = stored(**meta)
        for part in ("spec", "status"):
            raw[part] = {**raw.get(part, {}), **there.get(part, {})}
        return web.json_response(raw)

    async with scripted(script) as api, Client(api.access(), fence=None) as client:
        assert await KubeLauncher(client).can_run(launch().matrix, NAME) is can
