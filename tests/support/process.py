"""One process of the operator over a small world: the real engine, with every port filled by the world."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from batchmatrix.base.errors import LeaseLost, NameConflict, NotFound, Unavailable
from batchmatrix.engine.catalogs import Lookup
from batchmatrix.engine.followslots import FollowSlots
from batchmatrix.engine.opening import Opener
from batchmatrix.engine.pipeline import Engine, World
from batchmatrix.engine.reporting import Reporter
from batchmatrix.launch.names import job_name
from batchmatrix.model.cell import MatrixRef
from batchmatrix.model.launch import Launch
from batchmatrix.model.observed import JobState, NodeState, PodState
from batchmatrix.plan.builtin import BUILT_IN
from batchmatrix.ports.cluster import Children, Matrices, Nodes, Publisher
from batchmatrix.ports.launcher import Launcher
from batchmatrix.ports.logs import LogSource
from tests.support.catalogs import WorldCatalogs
from tests.support.logs import Killed
from tests.support.world import SmallWorld, settle

__all__ = ["HOLD", "Process", "begun"]

HOLD = 45.0
"""Seconds that a Job outlives its record."""
INTERVAL = 0.25
"""Seconds between two passes over one matrix."""

Json = dict[str, Any]


class _Matrices(Matrices):
    def __init__(self, world: SmallWorld) -> None:
        self._world = world

    def get(self, uid: str) -> Mapping[str, Any] | None:
        return self._world.known.get(uid)

    def forget(self, uid: str) -> None:
        self._world.unlearn(uid)

    def departed(self, uid: str) -> str | None:
        return self._world.departed.get(uid)

    def see_off(self, uid: str) -> None:
        self._world.departed.pop(uid, None)

    async def read(self, ref: MatrixRef) -> Mapping[str, Any] | None:
        await asyncio.sleep(0)
        if (error := self._world.refuse(f"read {ref.name}")) is not None:
            raise error
        return self._world.matrices.get(ref.uid)


class _Children(Children):
    def __init__(self, world: SmallWorld) -> None:
        self._world = world

    def jobs(self, matrix_uid: str) -> Sequence[JobState]:
        shown = self._world.jobs if self._world.shown_jobs is None else self._world.shown_jobs
        return [job for job in shown.values() if job.matrix_uid == matrix_uid]

    def pods(self, matrix_uid: str) -> Sequence[PodState]:
        shown = self._world.pods if self._world.shown_pods is None else self._world.shown_pods
        return [pod for pod in shown.values() if pod.matrix_uid == matrix_uid]


class _Nodes(Nodes):
    def __init__(self, world: SmallWorld) -> None:
        self._world = world

    def all(self) -> Sequence[NodeState] | None:
        return self._world.nodes


class _Launcher(Launcher):
    def __init__(self, world: SmallWorld) -> None:
        self._world = world

    async def create(self, launch: Launch) -> JobState:
        name = job_name(launch)
        self._world.before_create(launch)
        return await self._world.api(f"create {launch.matrix.namespace}/{name}", lambda: self._create(launch, name))

    def _create(self, launch: Launch, name: str) -> JobState:
        world, matrix = self._world, launch.matrix
        for job in world.jobs.values():
            if (job.namespace, job.name) == (matrix.namespace, name):
                if (job.matrix_uid, job.id) == (matrix.uid, launch.id):
                    return job
                if job.matrix_name == matrix.name and job.matrix_uid != matrix.uid:
                    raise Unavailable(f"Job {name} belongs to an earlier matrix of this name and is being removed")
                raise NameConflict(f"Job {name} is not ours")
        job = JobState(
            uid=f"job-{name}-{len(world.made)}",
            name=name,
            namespace=matrix.namespace,
            matrix_uid=matrix.uid,
            matrix_name=matrix.name,
            cell=launch.cell.name,
            id=launch.id,
            created=world.clock.time,
            phase="active",
            reason="",
            message="",
            finished=None,
            deleting=False,
            suspended=False,
        )
        world.made.append(f"{matrix.namespace}/{name}")
        return world.set_job(job)

    async def has_pod(self, job: JobState, *, or_runs: bool) -> bool:
        await asyncio.sleep(0)
        if (error := self._world.refuse(f"has_pod {job.name}")) is not None:
            raise error
        if or_runs and job.uid in self._world.jobs:
            return True
        return any(pod.job_uid == job.uid for pod in self._world.pods.values())

    async def can_run(self, matrix: MatrixRef, job: str) -> bool:
        await asyncio.sleep(0)
        if (error := self._world.refuse(f"can_run {job}")) is not None:
            raise error
        return any(
            each.name == job and each.matrix_uid == matrix.uid and each.phase == "active" and not each.deleting
            for each in self._world.jobs.values()
        )

    async def look_up(self, pod: PodState) -> PodState | None:
        await asyncio.sleep(0)
        if (error := self._world.refuse(f"look_up {pod.name}")) is not None:
            raise error
        return self._world.read_pod(pod.uid)

    async def why_no_pod(self, job: JobState) -> str:
        self._world.asked.append(job.name)
        await asyncio.sleep(0)
        if (error := self._world.refuse(f"why_no_pod {job.name}")) is not None:
            raise error
        return self._world.no_pod(job)

    async def delete(self, job: JobState) -> None:
        await self._world.api(f"delete {job.name}", lambda: self._world.remove_job(job))

    async def kill(self, pod: PodState) -> None:
        def act() -> None:
            if pod.uid in self._world.pods:
                self._world.delete_pod(self._world.pods[pod.uid])

        await self._world.api(f"kill {pod.name}", act)

    async def release(self, pod: PodState) -> None:
        def act() -> None:
            if pod.uid in self._world.pods:
                self._world.set_pod(self._world.pods[pod.uid], finalized=False)

        await self._world.api(f"release {pod.name}", act)


class _Publisher(Publisher):
    def __init__(self, world: SmallWorld) -> None:
        self._world = world

    async def status(self, matrix: MatrixRef, status: Json) -> None:
        def act() -> None:
            world = self._world
            body = world.matrices.get(matrix.uid)
            if body is None:
                raise NotFound(f"BatchMatrix {matrix.name} is gone")
            world.statuses.append(copy.deepcopy(status))
            world.put_matrix({**body, "status": copy.deepcopy(status)})

        await self._world.api(f"status {matrix.name}", act)

    async def summary(self, matrix: MatrixRef, data: dict[str, str]) -> None:
        name = f"{matrix.name}-summary"
        there = self._world.config_maps.get(name)

        def act() -> None:
            if self._world.config_maps.get(name) is not there:
                raise Unavailable(f"ConfigMap {name} was changed while it was written")
            self._world.put_summary(matrix, data)

        await self._world.api(f"summary {matrix.name}", act)

    async def event(self, matrix: MatrixRef, *, kind: str, reason: str, message: str) -> None:
        with suppress(Unavailable):
            await self._world.api(f"event {matrix.name}", lambda: self._world.events.append((kind, reason)))


class _Logs(LogSource):
    def __init__(self, world: SmallWorld) -> None:
        self._world = world

    @asynccontextmanager
    async def open(
        self, namespace: str, pod: str, *, follow: bool, since: float | None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        node = next((each.node for each in self._world.pods.values() if each.name == pod), None)
        if node is None:
            raise NotFound(f"pod {namespace}/{pod} is gone")
        if node in self._world.lost_nodes:
            raise Unavailable(f"node {node} cannot be reached")
        async with self._world.logs[pod].open(namespace, pod, follow=follow, since=since) as stream:
            yield stream


class Process:
    """One life of the operator over a world: passes come from the watch, from its own wakes and after failures."""

    def __init__(self, world: SmallWorld, *, writer: str = "writer-0", log_bytes: int = 1 << 40) -> None:
        self.world = world
        self.trouble: list[str] = []
        """What passes raised to be tried again."""
        self._due: dict[MatrixRef, float] = {}
        self._last: dict[MatrixRef, float] = {}
        self._failures: dict[MatrixRef, int] = {}
        slots = FollowSlots(100)
        self.engine = Engine(
            world=World(_Matrices(world), _Children(world), _Nodes(world), _Launcher(world), world.clock),
            opener=Opener(
                stores=world.stores,
                nodes=_Nodes(world),
                catalogs=Lookup(WorldCatalogs(world.catalogs), [("built-in", BUILT_IN)]),
                source=_Logs(world),
                clock=world.clock,
                slots=slots,
                reads=lambda: asyncio.Semaphore(16),
                writer=writer,
                max_cells=1000,
                log_bytes=log_bytes,
                service_accounts=frozenset(),
                notify=self.notify,
            ),
            reporter=Reporter(_Publisher(world), world.clock, world.analyst),
            slots=slots,
            hold=HOLD,
            writer=writer,
            notify=self.notify,
        )
        world.notify = lambda ref: self.notify(ref, 0.0)
        world.dead = False
        for body in world.known.values():
            metadata = body["metadata"]
            self.notify(MatrixRef(metadata["namespace"], metadata["name"], metadata["uid"]), 0.0)
        world.all_changed()

    def notify(self, ref: MatrixRef, delay: float) -> None:
        """Ask for a pass."""
        now = self.world.clock.time
        due = max(now + delay, self._last.get(ref, float("-inf")) + INTERVAL)
        self._due[ref] = min(due, self._due.get(ref, due))

    async def run(self, seconds: float, *, until: Callable[[], bool] = lambda: False) -> bool:
        """Live for so long, or until something holds. Raises Killed, LeaseLost, and whatever a pass should not."""
        world, clock = self.world, self.world.clock
        end = clock.time + seconds
        while not until():
            world.step()
            ref = next((ref for ref, due in self._due.items() if due <= clock.time), None)
            if ref is not None:
                await self._pass(ref)
                continue
            following = min(clock.next_wake(), world.next_end(), *self._due.values(), end)
            await clock.move_to(following)
            if clock.time >= end:
                break
        return until()

    async def _pass(self, ref: MatrixRef) -> None:
        del self._due[ref]
        self._last[ref] = self.world.clock.time
        try:
            await self.engine.reconcile(ref)
        except LeaseLost:
            raise
        except Unavailable as error:
            self.trouble.append(str(error))
            failures = self._failures[ref] = self._failures.get(ref, 0) + 1
            self.notify(ref, max(error.retry_after or 0.0, min(60.0, 2.0 ** (failures - 1))))
        else:
            self._failures.pop(ref, None)
        await settle()
        if self.world.dead:
            raise Killed

    async def end(self) -> None:
        """It is no more: what it has under way has no effect any longer."""
        self.world.dead, self.world.notify = True, None
        await self.engine.close()
        await settle()


async def begun() -> AsyncIterator[Callable[[SmallWorld], Process]]:
    """A fixture: begins processes over a world, each with a name of its own; they end with the test at the latest."""
    processes: list[Process] = []

    def begin(world: SmallWorld) -> Process:
        processes.append(Process(world, writer=f"writer-{len(processes)}"))
        return processes[-1]

    yield begin
    for process in processes:
        await process.end()
