"""A small world in memory: an API server, a node, logs and stores, in simulated time.

It holds everything that the next process would still find; what dies with a process is in support/process.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import heapq
import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from batchmatrix.base.errors import BatchMatrixError
from batchmatrix.engine.analysis import Inline
from batchmatrix.engine.removal import store_to_clear
from batchmatrix.ledger.replay import State, replay
from batchmatrix.model.cell import GROUP, MatrixRef
from batchmatrix.model.evidence import Outcome
from batchmatrix.model.launch import Launch
from batchmatrix.model.observed import ContainerState, JobState, NodeState, PodState
from batchmatrix.model.record import Record
from batchmatrix.ports.analyst import Analyst
from tests.support.catalogs import CatalogServer
from tests.support.logs import LOST, START, FakeLogs, Killed
from tests.support.specs import matrix_object
from tests.support.stores import MemoryStore

__all__ = ["REF", "Kill", "Program", "SmallWorld", "SteppedClock", "WorldStore", "outcomes", "records", "settle"]

T = TypeVar("T")
Json = dict[str, Any]

REF = MatrixRef("triage", "demo", "uid-of-demo")
GRACE = 30.0
"""Seconds that a pod has for its end."""
TURNS = 20
"""Chances that other tasks get at each instant."""


class SteppedClock:
    """Time stands still until it is moved; who sleeps is woken at the very instant."""

    def __init__(self) -> None:
        self.time = START / 1e9
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.time + seconds, next(self._numbers), future))
        await future

    def next_wake(self) -> float:
        """When the first sleeper is due."""
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else float("inf")

    async def move_to(self, when: float) -> None:
        """Move on, never past a sleeper without waking it."""
        while (due := self.next_wake()) <= when:
            self.time = max(self.time, due)
            heapq.heappop(self._sleepers)[2].set_result(None)
            await settle()
        self.time = max(self.time, when)
        await settle()


async def settle() -> None:
    """Let the other tasks do what they can at this instant."""
    # No public call says whether others are ready; to give every instant all its turns takes half the time of a test.
    ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
    for _ in range(TURNS):
        await asyncio.sleep(0)
        if not ready:
            return


@dataclass(frozen=True, slots=True)
class Program:
    """What a container does."""

    seconds: float = 5.0
    code: int = 0
    log: bytes = b"one\ntwo\n"


@dataclass(frozen=True, slots=True)
class Kill:
    """Where the process dies: at its `call`-th mutating call, counted from 1."""

    call: int
    when: str
    """`before` it is sent, `after` it was done, or `late`: it is done only when SmallWorld.land is called."""


class SmallWorld:
    """What the servers hold. `calls` lists every mutating call as it was sent, `made` the Jobs that came of it."""

    def __init__(self, *, stores: Sequence[str] = ("default",)) -> None:
        self.clock = SteppedClock()
        self.stores = {name: WorldStore(self, name) for name in stores}
        self.matrices: dict[str, Json] = {}
        self.known: dict[str, Json] = {}
        """Matrices as the watch has shown them."""
        self.departed: dict[str, str] = {}
        """Store by uid, of matrices that were seen to go and whose results are to go too."""
        self.catalogs = CatalogServer()
        self.jobs: dict[str, JobState] = {}
        self.pods: dict[str, PodState] = {}
        self.shown_jobs: dict[str, JobState] | None = None
        """Set while the watch of Jobs is dead: what it showed last."""
        self.shown_pods: dict[str, PodState] | None = None
        self.nodes: list[NodeState] | None = None
        self.lost_nodes: set[str] = set()
        """Nodes that answer nobody."""
        self.logs: dict[str, FakeLogs] = {}
        """By pod name; they stay when the pod is gone."""
        self.program: Callable[[JobState], Program] | None = None
        """What Jobs run; None where the test makes the pods itself."""
        self.no_pod: Callable[[JobState], str] = lambda _job: ""
        """Why the Job controller cannot make a pod of this Job; empty where it can."""
        self.analyst: Analyst = Inline(pages=False)
        """Who judges what has come to its end."""
        self.config_maps: dict[str, dict[str, str]] = {}
        self.statuses: list[Json] = []
        self.events: list[tuple[str, str]] = []
        self.refuse: Callable[[str], BatchMatrixError | None] = lambda _call: None
        """Asked at every mutating call of the API server, and for `has_pod`, `can_run`, `look_up`, `why_no_pod`
        and `read`."""
        self.asked: list[str] = []
        """Jobs whose events were read, in order."""
        self.calls: list[str] = []
        self.made: list[str] = []
        self.kill: Kill | None = None
        self.dead = False
        """The process that was is gone: nothing that it still tries has any effect."""
        self.notify: Callable[[MatrixRef], None] | None = None
        """Called with the matrix of what the watch shows."""
        self._late: list[Callable[[], Awaitable[Any]]] = []

    # Matrices

    def submit(self, ref: MatrixRef = REF, **spec: Any) -> MatrixRef:
        """Create the matrix, or edit it; an edit is a new generation."""
        body = matrix_object(ref.name, **{"axes": [{"name": "size", "values": [8]}], **spec})
        old = self.matrices.get(ref.uid)
        generation = old["metadata"]["generation"] + 1 if old is not None else 1
        body["metadata"] |= {"namespace": ref.namespace, "uid": ref.uid, "generation": generation}
        if old is not None:
            body["metadata"]["annotations"] = old["metadata"].get("annotations", {})
        if old is not None and "status" in old:
            body["status"] = old["status"]
        self.put_matrix(body)
        return ref

    def annotate(self, ref: MatrixRef = REF, **values: str | None) -> None:
        """Set our annotations on the object, or take them off; that is no new generation."""
        body = copy.deepcopy(self.matrices[ref.uid])
        annotations = body["metadata"].setdefault("annotations", {})
        for name, value in values.items():
            if value is None:
                annotations.pop(f"{GROUP}/{name}", None)
            else:
                annotations[f"{GROUP}/{name}"] = value
        self.put_matrix(body)

    def terminate(self, ref: MatrixRef = REF) -> None:
        """A deletion that waits for somebody's finalizer."""
        body = copy.deepcopy(self.matrices[ref.uid])
        body["metadata"] |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["example.com/other"]}
        self.put_matrix(body)

    def remove(self, ref: MatrixRef = REF, *, told: bool = True) -> None:
        """The object goes, and with it its Jobs; the watch tells of it, or not."""
        del self.matrices[ref.uid]
        if told:
            self.unlearn(ref.uid)
        for job in [job for job in self.jobs.values() if job.matrix_uid == ref.uid]:
            self.remove_job(job)
        self.changed(ref)

    def unlearn(self, uid: str) -> None:
        """The watch, or a server that was asked, says that it is gone."""
        body = self.known.pop(uid, None)
        store = store_to_clear(body) if body is not None else None
        if store is not None:
            self.departed[uid] = store

    def put_matrix(self, body: Json) -> None:
        """The object is now so, and the watch shows it."""
        metadata = body["metadata"]
        self.matrices[metadata["uid"]] = self.known[metadata["uid"]] = body
        self.changed(MatrixRef(metadata["namespace"], metadata["name"], metadata["uid"]))

    def put_summary(self, ref: MatrixRef, data: dict[str, str]) -> None:
        """The matrix's ConfigMap is now so."""
        self.config_maps[f"{ref.name}-summary"] = dict(data)

    def status(self, ref: MatrixRef = REF) -> Json:
        """The object's status."""
        status: Json = self.matrices[ref.uid].get("status") or {}
        return status

    def generation(self, ref: MatrixRef = REF) -> int:
        """Of its spec."""
        return int(self.matrices[ref.uid]["metadata"]["generation"])

    def condition(self, kind: str, ref: MatrixRef = REF) -> str:
        """Status of one of its conditions."""
        return next((each["status"] for each in self.status(ref).get("conditions", ()) if each["type"] == kind), "")

    # Jobs and pods

    def job(self, end: str = "") -> JobState:
        """The one Job whose name ends so."""
        (job,) = (job for job in self.jobs.values() if job.name.endswith(end))
        return job

    def pod(self, end: str = "") -> PodState:
        """The one pod of the Job whose name ends so."""
        (pod,) = (pod for pod in self.pods.values() if pod.job_name.endswith(end))
        return pod

    def set_job(self, job: JobState, **changes: Any) -> JobState:
        """Put the Job, changed."""
        job = self.jobs[job.uid] = replace(job, **changes)
        self.changed(job)
        return job

    def set_pod(self, pod: PodState, **changes: Any) -> PodState:
        """Put the pod, changed; one that is being deleted goes once nothing of it runs and nothing holds it."""
        pod = replace(pod, **changes)
        if pod.deleting_since is not None and (pod.finished or not pod.node) and not pod.finalized:
            self.pods.pop(pod.uid, None)
        else:
            self.pods[pod.uid] = pod
        self.changed(pod)
        return pod

    def start_pod(self, job: JobState, program: Program | None = None, **changes: Any) -> PodState:
        """The Job controller makes a pod of this Job, and its container runs at once."""
        number = sum(name.startswith(f"{job.name}-") for name in self.logs)
        name, now = f"{job.name}-{number}", self.clock.time
        logs = self.logs[name] = FakeLogs()
        logs.write((program or Program()).log, time=int(now * 1e9))
        pod = PodState(
            uid=f"pod-{name}",
            name=name,
            namespace=job.namespace,
            job_uid=job.uid,
            job_name=job.name,
            matrix_uid=job.matrix_uid,
            matrix_name=job.matrix_name,
            cell=job.cell,
            id=job.id,
            generation=1,
            created=now,
            phase="Running",
            reason="",
            message="",
            node="node-1",
            scheduled=now,
            unschedulable="",
            deleting_since=None,
            grace_seconds=0.0,
            disrupted=None,
            disruption_reason="",
            ready_to_start=None,
            container=ContainerState("running", started=now),
            finalized=True,
        )
        return self.set_pod(pod, **changes)

    def end_pod(self, pod: PodState, code: int = 0, **changes: Any) -> PodState:
        """Its container ends; that of a pod that is being deleted goes at once, and its log with it."""
        pod = replace(self.pods[pod.uid], **changes)
        logs = self.logs[pod.name]
        logs.end()
        if pod.deleting_since is not None:
            logs.text = LOST
        container = replace(pod.container, state="terminated", exit_code=code, finished=self.clock.time)
        return self.set_pod(pod, phase="Failed" if code else "Succeeded", container=container)

    def end_job(self, job: JobState) -> JobState:
        """The Job controller counts the pod that has ended."""
        failed = any(pod.phase == "Failed" for pod in self.pods.values() if pod.job_uid == job.uid)
        phase, reason = ("failed", "BackoffLimitExceeded") if failed else ("complete", "CompletionsReached")
        return self.set_job(job, phase=phase, reason=reason, finished=self.clock.time)

    def remove_job(self, job: JobState) -> None:
        """The Job goes, and the garbage collector deletes its pods."""
        self.jobs.pop(job.uid, None)
        for pod in [pod for pod in self.pods.values() if pod.job_uid == job.uid]:
            self.delete_pod(pod)
        self.changed(job)

    def delete_pod(self, pod: PodState) -> None:
        """Somebody deletes the pod: it ends within its grace, and stays while it is held."""
        if pod.deleting_since is None:
            grace = 0.0 if pod.finished else GRACE
            self.set_pod(pod, deleting_since=self.clock.time, grace_seconds=grace)

    def read_pod(self, uid: str) -> PodState | None:
        """What the server says of it, whatever the watch shows."""
        return self.pods.get(uid)

    def deaf(self, *, jobs: bool, pods: bool) -> None:
        """From now on the watches show nothing new; `hear` mends them."""
        self.shown_jobs = dict(self.jobs) if jobs else None
        self.shown_pods = dict(self.pods) if pods else None

    def hear(self) -> None:
        self.shown_jobs = self.shown_pods = None
        self.all_changed()

    def step(self) -> None:
        """The garbage collector does what is due; where there is a `program`, Job controller and kubelet do too."""
        for job in [job for job in self.jobs.values() if job.matrix_uid not in self.matrices]:
            self.remove_job(job)
        if self.program is None:
            return
        for job in list(self.jobs.values()):
            pods = [pod for pod in self.pods.values() if pod.job_uid == job.uid]
            if job.phase != "active" or job.suspended:
                continue
            if not pods and self.no_pod(job):
                continue
            if not pods:
                self.start_pod(job, self.program(job))
            elif all(pod.finished for pod in pods):
                self.end_job(job)
        for pod in list(self.pods.values()):
            due, code = self._end_of(pod)
            if due <= self.clock.time:
                self.end_pod(pod, code)

    def next_end(self) -> float:
        """When the next container ends."""
        return min((self._end_of(pod)[0] for pod in self.pods.values()), default=float("inf"))

    def _end_of(self, pod: PodState) -> tuple[float, int]:
        """Time and exit code; killed ones take a second."""
        if self.program is None or pod.finished or pod.container.started is None:
            return float("inf"), 0
        job = self.jobs.get(pod.job_uid)
        program = self.program(job) if job is not None else Program(seconds=float("inf"))
        ends = pod.container.started + program.seconds
        killed = float("inf") if pod.deleting_since is None else pod.deleting_since + 1.0
        return (ends, program.code) if ends <= killed else (killed, 143)

    # Calls

    def before_create(self, launch: Launch) -> None:
        """Told of each launch before it is sent."""

    async def mutate(self, call: str, act: Callable[[], Awaitable[T]]) -> T:
        """One call that changes something, on its way; the process may die over it."""
        if self.dead:
            raise Killed
        self.calls.append(call)
        kill = self.kill if self.kill is not None and self.kill.call == len(self.calls) else None
        if kill is not None and kill.when != "after":
            self.dead = True
            if kill.when == "late":
                self._late.append(act)
            raise Killed
        await asyncio.sleep(0)
        if self.dead:
            raise Killed
        try:
            return await act()
        finally:
            if kill is not None:
                self.dead = True
                raise Killed
            await asyncio.sleep(0)

    async def land(self) -> None:
        """What a dead process had sent arrives; nobody hears the answer."""
        while self._late:
            with contextlib.suppress(BatchMatrixError):
                await self._late.pop()()

    async def api(self, call: str, act: Callable[[], T]) -> T:
        """A call of the API server."""

        async def answer() -> T:
            if (error := self.refuse(call)) is not None:
                raise error
            return act()

        return await self.mutate(call, answer)

    def changed(self, what: MatrixRef | JobState | PodState) -> None:
        """Word of the watch."""
        if isinstance(what, JobState | PodState):
            what = MatrixRef(what.namespace, what.matrix_name, what.matrix_uid)
        if self.notify is not None:
            self.notify(what)

    def all_changed(self) -> None:
        """Word of every Job and pod, as at a first list."""
        for job in self.jobs.values():
            self.changed(job)
        for pod in self.pods.values():
            self.changed(pod)

    def sent(self, verb: str) -> list[str]:
        """Of the calls those that begin so, without it."""
        return [call.removeprefix(verb + " ") for call in self.calls if call.startswith(verb + " ")]

    async def ledger(self, ref: MatrixRef = REF, *, store: str = "default") -> State:
        """What is durable."""
        return await replay(self.stores[store], ref.prefix())


class WorldStore(MemoryStore):
    """A store of which writes count as mutating calls."""

    def __init__(self, world: SmallWorld, name: str) -> None:
        super().__init__()
        self._world = world
        self._name = name

    @property
    def url(self) -> str:
        return f"memory://{self._name}"

    async def put_new(self, key: str, data: bytes) -> None:
        put = super().put_new
        await self._world.mutate(f"put_new {key}", lambda: put(key, data))

    async def put(self, key: str, data: bytes) -> None:
        put = super().put
        await self._world.mutate(f"put {key}", lambda: put(key, data))

    async def delete(self, key: str) -> None:
        delete = super().delete
        await self._world.mutate(f"remove {key}", lambda: delete(key))


async def records(world: SmallWorld, *, store: str = "default") -> list[Record]:
    """What is durable, in the order in which it became so."""
    return list((await world.ledger(store=store)).records.values())


async def outcomes(world: SmallWorld, *, store: str = "default") -> list[tuple[int, int, Outcome]]:
    """Trial, attempt and outcome of each record, in that order."""
    return [(each.id.trial, each.id.attempt, each.outcome) for each in await records(world, store=store)]
