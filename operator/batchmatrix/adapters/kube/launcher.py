"""Attempts as Jobs: start them once, end them, let their pods go. Every call may be made again."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

from batchmatrix.adapters.kube.client import STRATEGIC_PATCH, Client
from batchmatrix.adapters.kube.errors import Conflict, Forbidden
from batchmatrix.adapters.kube.paths import EVENTS, JOBS, PODS
from batchmatrix.adapters.kube.project import project_job, project_known_pod
from batchmatrix.base.errors import AlreadyExists, InvalidSpec, NameConflict, NotFound, Unavailable
from batchmatrix.base.text import one_line
from batchmatrix.launch.job import job_manifest
from batchmatrix.launch.names import FINALIZER
from batchmatrix.model.cell import MatrixRef
from batchmatrix.model.launch import Launch
from batchmatrix.model.observed import JobState, PodState

__all__ = ["KubeLauncher"]


EVENTS_LIMIT = 100
"""Events of one Job that are looked at; their recorder folds those that are alike into about ten."""


class KubeLauncher:
    """Fills ports.launcher.Launcher; the client carries the fence."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def create(self, launch: Launch) -> JobState:
        """POST the Job; where its name is taken, take it for ours only if it is this very launch.

        A Job of ours that is being deleted, or of a namesake matrix that is gone, makes room by itself: Unavailable.
        """
        try:
            return await self._create(launch)
        except Forbidden:
            self._client.meter.launch_refused("forbidden")
            raise
        except InvalidSpec:
            self._client.meter.launch_refused("invalid")
            raise
        except NameConflict:
            self._client.meter.launch_refused("name")
            raise

    async def _create(self, launch: Launch) -> JobState:
        manifest = job_manifest(launch)
        namespace, name = launch.matrix.namespace, manifest["metadata"]["name"]
        try:
            raw = await self._client.create(JOBS.all(namespace), manifest)
        except AlreadyExists:
            return await self._existing(launch, name)
        except NotFound as error:  # the namespace is going or gone
            raise Unavailable(str(error)) from error
        job = project_job(raw)
        if job is None:
            raise Unavailable(f"Job {namespace}/{name} was created, but an admission rule changed its labels")
        return job

    async def _existing(self, launch: Launch, name: str) -> JobState:
        where = f"Job {launch.matrix.namespace}/{name}"
        try:
            raw = await self._client.get(JOBS.one(launch.matrix.namespace, name))
        except NotFound as error:
            raise Unavailable(f"{where} was there a moment ago and is gone: try again") from error
        job = project_job(raw)
        if job is not None and job.matrix_uid == launch.matrix.uid and job.id == launch.id:
            if job.deleting:
                raise Unavailable(f"{where} is being deleted")
            return job
        if _of_namesake(raw, launch):
            raise Unavailable(f"{where} belongs to an earlier BatchMatrix of this name and is being removed")
        raise NameConflict(f"{where} is not ours and has the name that this attempt needs: rename or delete it")

    async def has_pod(self, job: JobState, *, or_runs: bool) -> bool:
        """Ask the server, not the watch, whether this Job has a pod, or, with `or_runs`, is there at all."""
        if or_runs and await self._is_there(JOBS.one(job.namespace, job.name), job.uid):
            return True
        pages = self._client.pages(PODS.all(job.namespace), label_selector=f"batch.kubernetes.io/job-name={job.name}")
        async with aclosing(pages):
            async for page in pages:
                for raw in page.get("items") or ():
                    if any(owner["uid"] == job.uid for owner in raw["metadata"].get("ownerReferences") or ()):
                        return True
        return False

    async def can_run(self, matrix: MatrixRef, job: str) -> bool:
        """Whether a Job of the matrix is there, not over and not being deleted; a suspended one can be resumed."""
        try:
            found = project_job(await self._client.get(JOBS.one(matrix.namespace, job)))
        except NotFound:
            return False
        return found is not None and found.matrix_uid == matrix.uid and found.phase == "active" and not found.deleting

    async def look_up(self, pod: PodState) -> PodState | None:
        """Ask the server, not the watch, for this very pod; one that was replaced is gone."""
        try:
            raw = await self._client.get(PODS.one(pod.namespace, pod.name))
        except NotFound:
            return None
        return project_known_pod(raw, pod) if raw["metadata"]["uid"] == pod.uid else None

    async def why_no_pod(self, job: JobState) -> str:
        """The message of the Job's newest event FailedCreate, by uid, so that it speaks of this very object."""
        path = EVENTS.all(job.namespace)
        selector = f"involvedObject.uid={job.uid},reason=FailedCreate"
        page = await self._client.get(path, fieldSelector=selector, limit=str(EVENTS_LIMIT))
        newest: dict[str, Any] = max(page.get("items") or (), key=_event_time, default={})
        return one_line(str(newest.get("message") or ""))

    async def delete(self, job: JobState) -> None:
        """Remove the Job and, in the background, its pods; one that is gone or was replaced is fine."""
        await self._delete(JOBS.one(job.namespace, job.name), job.uid)

    async def kill(self, pod: PodState) -> None:
        """End the pod with its own grace period; one that is gone or was replaced is fine."""
        await self._delete(PODS.one(pod.namespace, pod.name), pod.uid)

    async def _delete(self, path: str, uid: str) -> None:
        try:
            await self._client.delete(path, uid=uid)
        except NotFound:
            return
        except Conflict:
            # Another uid is refused like this, and so is what a webhook has against it. Make sure that it was that.
            if await self._is_there(path, uid):
                raise

    async def release(self, pod: PodState) -> None:
        """Take our finalizer, and no other's, off the pod; one that is gone or was replaced is fine."""
        path = PODS.one(pod.namespace, pod.name)
        patch = {"metadata": {"uid": pod.uid, "$deleteFromPrimitiveList/finalizers": [FINALIZER]}}
        try:
            await self._client.patch(path, patch, kind=STRATEGIC_PATCH)
        except NotFound:
            return
        except (InvalidSpec, Conflict):
            # A changed uid is refused as the edit of a field that may not change. Make sure that it was that.
            if await self._is_there(path, pod.uid):
                raise

    async def _is_there(self, path: str, uid: str) -> bool:
        try:
            raw = await self._client.get(path)
        except NotFound:
            return False
        return bool(raw["metadata"]["uid"] == uid)


def _event_time(event: dict[str, Any]) -> str:
    """RFC 3339, to the second: the finer field is only there where the coarser is not."""
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")


def _of_namesake(raw: dict[str, Any], launch: Launch) -> bool:
    owners = raw["metadata"].get("ownerReferences") or ()
    return any(
        each.get("controller")
        and each["kind"] == "BatchMatrix"
        and each["name"] == launch.matrix.name
        and each["uid"] != launch.matrix.uid
        for each in owners
    )
