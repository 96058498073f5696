"""Jobs and pods of all matrices in memory, and word to the controller when one of them changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from batchmatrix.adapters.kube.client import Client
from batchmatrix.adapters.kube.paths import JOBS, PODS
from batchmatrix.adapters.kube.project import project_job, project_pod
from batchmatrix.adapters.kube.reflector import RELIST, SILENCE, Reflector
from batchmatrix.launch.names import MATRIX_UID
from batchmatrix.model.cell import MatrixRef
from batchmatrix.model.observed import JobState, PodState

__all__ = ["KubeChildren", "Notify"]

Notify = Callable[[str, str, str], None]
"""Called with namespace, name and uid of the matrix of which a Job or pod changed. Quick, and never raises."""


class KubeChildren:
    """Fills ports.cluster.Children. Nothing may be decided before `wait_synced` returned.

    `namespaces` None means the whole cluster (one list and watch per kind), else one of each per namespace.
    A Job without an owner is no matrix's child, whatever its labels say. A pod goes by its label, so that pods of a
    matrix that is gone can still be found; `refs` names every matrix that has children, gone or not.
    """

    def __init__(
        self,
        client: Client,
        notify: Notify,
        *,
        namespaces: Sequence[str] | None = None,
        relist: float = RELIST,
        silence: float = SILENCE,
    ) -> None:
        self._notify = notify
        self._jobs: dict[str, dict[str, JobState]] = {}
        self._pods: dict[str, dict[str, PodState]] = {}
        self.reflectors: list[Reflector[JobState] | Reflector[PodState]] = []
        """For probes: each tells its age."""
        for namespace in [None] if namespaces is None else namespaces:
            self.reflectors.append(
                Reflector(
                    client,
                    JOBS.all(namespace),
                    project_job,
                    label_selector=MATRIX_UID,
                    changed=self._job_changed,
                    relist=relist,
                    silence=silence,
                )
            )
            self.reflectors.append(
                Reflector(
                    client,
                    PODS.all(namespace),
                    project_pod,
                    label_selector=MATRIX_UID,
                    changed=self._pod_changed,
                    relist=relist,
                    silence=silence,
                )
            )

    def jobs(self, matrix_uid: str) -> Sequence[JobState]:
        """All Jobs whose owner has this uid."""
        return tuple(self._jobs.get(matrix_uid, {}).values())

    def pods(self, matrix_uid: str) -> Sequence[PodState]:
        """All pods labelled with this matrix uid."""
        return tuple(self._pods.get(matrix_uid, {}).values())

    def refs(self) -> set[MatrixRef]:
        """Every matrix that has Jobs or pods here, gone or not."""
        some: list[JobState | PodState] = [next(iter(group.values())) for group in self._jobs.values()]
        some += [next(iter(group.values())) for group in self._pods.values()]
        return {MatrixRef(each.namespace, each.matrix_name, each.matrix_uid) for each in some}

    async def wait_synced(self) -> None:
        """Returns once every collection was listed in full."""
        for reflector in self.reflectors:
            await reflector.synced.wait()

    def age(self) -> float:
        """Seconds since the quietest of the streams last heard of the server."""
        return max(reflector.last_event_age() for reflector in self.reflectors)

    @property
    def trouble(self) -> str:
        """What keeps one of the streams from being up to date, in one line; empty where nothing does."""
        return next((reflector.trouble for reflector in self.reflectors if reflector.trouble), "")

    async def run(self) -> None:
        """Keep up for ever; an error of one stream that is a fault of ours ends all."""
        async with asyncio.TaskGroup() as group:
            for reflector in self.reflectors:
                group.create_task(reflector.run(), name=f"reflector {reflector.path}")

    def _job_changed(self, old: JobState | None, new: JobState | None) -> None:
        if old is not None:
            _remove(self._jobs, old.matrix_uid, old.uid)
        if new is not None and new.matrix_uid:
            self._jobs.setdefault(new.matrix_uid, {})[new.uid] = new
        self._tell(old, new)

    def _pod_changed(self, old: PodState | None, new: PodState | None) -> None:
        if old is not None:
            _remove(self._pods, old.matrix_uid, old.uid)
        if new is not None:
            self._pods.setdefault(new.matrix_uid, {})[new.uid] = new
        self._tell(old, new)

    def _tell(self, old: JobState | PodState | None, new: JobState | PodState | None) -> None:
        told = {(each.namespace, each.matrix_name, each.matrix_uid) for each in (old, new) if each is not None}
        for namespace, name, uid in told:
            if uid:
                self._notify(namespace, name, uid)


def _remove(index: dict[str, dict[str, JobState]] | dict[str, dict[str, PodState]], key: str, uid: str) -> None:
    group = index.get(key)
    if group is not None:
        group.pop(uid, None)
        if not group:
            del index[key]
