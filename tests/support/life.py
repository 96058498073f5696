"""The life of matrices on a cluster on which everything goes wrong: servers, nodes and stores in simulated time.

SmallWorld holds what is; here it is told to processes one event at a time (support/seats.py), and what really became
of each pod is kept beside it for support/promises.py, which the processes never see.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

from batchmatrix.base.errors import Unavailable
from batchmatrix.model.cell import MatrixRef
from batchmatrix.model.observed import ContainerState, JobState, PodState
from tests.support.logs import LOST
from tests.support.process import HOLD
from tests.support.promises import Promises
from tests.support.simulated import SimulatedClock, SimulatedLoop
from tests.support.stores import MemoryStore
from tests.support.world import GRACE, Program, SmallWorld

if TYPE_CHECKING:
    from tests.support.seats import Seat

__all__ = ["LANDING", "LEASE", "Fate", "Fault", "Life", "Startup", "Work"]

LEASE = 15.0
"""Seconds for which others stand back after a renewal of the lease."""
LANDING = HOLD - LEASE
"""Seconds in which a request that was sent arrives, or never does."""


class Fault(Enum):
    """What becomes of one mutating request."""

    REFUSED = "not done, 5xx"
    THROTTLED = "not done, 429 with Retry-After"
    LOST = "done, and the reply is lost"
    SLOW = "done later, and answered then"
    RESET = "the connection breaks, and it is done later"


class Startup(Enum):
    """How pods that are made from now on come to their container."""

    AT_ONCE = "it runs at once"
    PULLING = "it runs after ten seconds"
    NO_IMAGE = "its image cannot be pulled"
    NO_ROOM = "no node has room"


@dataclass(frozen=True, slots=True)
class Work(Program):
    """What a container does: half of its log at its start, the rest at its end."""

    at_stop: int = 143
    """Exit code when it is asked to stop."""
    stop_seconds: float = 1.0
    """How long that takes it; the kubelet ends it after its grace."""
    reason: str = ""
    """Reason of its own end, such as OOMKilled."""


@dataclass(slots=True)
class Fate:
    """What really became of one pod."""

    pod: PodState
    """As it was made."""
    work: Work
    starts: float
    """When its container starts if nothing comes between."""
    started: float | None = None
    ended: float | None = None
    code: int | None = None
    stopped: float | None = None
    """When something outside first began to end it, or ended it."""
    written: bytes = b""
    """What its container wrote."""
    disturbed: bool = False
    """Something other than the operator began to end it."""

    @property
    def runs(self) -> bool:
        """Its container runs in truth, whoever knows."""
        return self.started is not None and self.ended is None

    @property
    def succeeded(self) -> bool:
        """It came to its end by itself, with code 0."""
        own = self.ended is not None and (self.stopped is None or self.ended < self.stopped)
        return own and self.code == 0


class _Objects(dict[str, bytes]):
    """A store's contents; every write is told."""

    def __init__(self, written: Callable[[str, bytes], None]) -> None:
        super().__init__()
        self._written = written

    def __setitem__(self, key: str, data: bytes) -> None:
        super().__setitem__(key, data)
        self._written(key, data)


class Life(SmallWorld):
    """The truth. Processes see it through seats."""

    def __init__(self) -> None:
        super().__init__(stores=())
        self.clock = SimulatedClock()
        self.loop = SimulatedLoop(self.clock)
        self.promises = Promises(self)
        self.objects = _Objects(self.promises.written)
        self.stores = {"default": MemoryStore(self.objects)}
        """Without any fault: for who wants to know what is durable."""
        self.seats: list[Seat] = []
        self.holder: Seat | None = None
        """Who has the lease."""
        self.work = Work()
        self.startup = Startup.AT_ONCE
        self.node = "node-1"
        """Where pods go."""
        self.back: dict[str, float] = {}
        """Node to when it last came back."""
        self.hidden: set[str] = set()
        """uids of pods that no watch or list shows, as a label of theirs is gone."""
        self.fates: dict[str, Fate] = {}
        self.store_down = self.server_down = self.quota_full = False
        self.faults: dict[str, list[tuple[Fault, float]]] = {}
        """By verb: what becomes of its next calls, and the seconds of what is late."""
        self._open: dict[str, Fate] = {}
        """Pods whose end the server does not know."""
        self.commanded = False
        """What happens at this moment is what the operator asked for."""
        self._made: dict[str, list[str]] = {}
        """Job uid to its pods, also those that are gone; without those that were stopped to suspend it."""
        self._stopping: dict[str, str] = {}
        """Job uid to the pod that was stopped to suspend it."""
        self._on_way: list[tuple[float, int, Callable[[], Awaitable[Any]]]] = []
        self._numbers = itertools.count()

    # What is told

    def changed(self, what: MatrixRef | JobState | PodState) -> None:
        for seat in self.seats:
            seat.told(what)

    # Objects

    def put_matrix(self, body: dict[str, Any]) -> None:
        self.promises.specified(body)
        super().put_matrix(body)

    def put_summary(self, ref: MatrixRef, data: dict[str, str]) -> None:
        """As the server's garbage collector and its owner references have it."""
        if ref.uid in self.matrices:
            super().put_summary(ref, data)

    def remove(self, ref: MatrixRef, *, told: bool = True) -> None:
        self.config_maps.pop(f"{ref.name}-summary", None)
        super().remove(ref, told=told)

    def set_job(self, job: JobState, **changes: Any) -> JobState:
        if job.uid not in self._made:
            self._made[job.uid] = []
            self.promises.created(job)
        return super().set_job(job, **changes)

    def set_pod(self, pod: PodState, **changes: Any) -> PodState:
        before = self.pods.get(pod.uid)
        after = super().set_pod(pod, **changes)
        if before is not None and before.finalized and not after.finalized:
            self.promises.released(after)
        return after

    @property
    def labelled(self) -> dict[str, PodState]:
        """What watches and lists show."""
        return {uid: pod for uid, pod in self.pods.items() if uid not in self.hidden}

    def hide(self, pod: PodState) -> None:
        """Somebody takes a label off it."""
        self.hidden.add(pod.uid)
        self.changed(pod)

    def show_all(self) -> None:
        """All labels are back."""
        back = [pod for uid, pod in self.pods.items() if uid in self.hidden]
        self.hidden.clear()
        for pod in back:
            self.changed(pod)

    def delete_pod(self, pod: PodState) -> None:
        """As SmallWorld has it; of a pod that has ended the kubelet throws the log away, unless it is silent."""
        self._stop(pod)
        super().delete_pod(pod)
        if pod.finished and pod.node not in self.lost_nodes:
            self.logs[pod.name].text = LOST

    def _stop(self, pod: PodState) -> None:
        fate = self.fates[pod.uid]
        fate.disturbed = fate.disturbed or not self.commanded
        if fate.stopped is None:
            fate.stopped = self.clock.time

    def suspend_job(self, job: JobState, *, suspended: bool) -> None:
        """As a queue does it: a Job that may not run loses its pod, and makes another once it may."""
        if job.phase != "active" or job.suspended is suspended:
            return
        self.set_job(job, suspended=suspended)
        for pod in [pod for pod in self.pods.values() if suspended and pod.job_uid == job.uid and not pod.finished]:
            self._stopping[job.uid] = pod.uid
            self.delete_pod(pod)

    def live_pods(self) -> list[PodState]:
        """Pods whose container runs, as far as the server knows."""
        return [pod for pod in self.pods.values() if pod.container.state == "running"]

    # Nodes and controllers

    def step(self) -> None:
        for job in list(self.jobs.values()):
            if job.matrix_uid not in self.matrices:
                self.remove_job(job)
            elif job.phase == "active" and not job.suspended:
                self._control(job)
        for fate in list(self._open.values()):
            self._kubelet(fate)

    def _control(self, job: JobState) -> None:
        """One pod for a Job, and its end counts, also that of one that is gone: Kubernetes has a finalizer for that."""
        made = self._made[job.uid]
        stopped = self._stopping.get(job.uid)
        if stopped is not None and stopped in self.pods and not self.pods[stopped].finished:
            return
        if stopped is not None and self.fates[self._stopping.pop(job.uid)].code != 0:
            made.remove(stopped)  # it was ended for the Job's sake: that is no failure
        if not made:
            made.append(self._make(job).uid)
            return
        pods = [self.pods[uid] for uid in made if uid in self.pods]
        if all(pod.finished for pod in pods):
            failed = any(self.fates[uid].code != 0 for uid in made)
            phase, reason = ("failed", "BackoffLimitExceeded") if failed else ("complete", "CompletionsReached")
            self.set_job(job, phase=phase, reason=reason, finished=self.clock.time)

    def _make(self, job: JobState) -> PodState:
        now = self.clock.time
        waits: dict[str, Any] = {"phase": "Pending", "container": ContainerState("waiting", reason="ContainerCreating")}
        starts = now
        if self.startup is Startup.PULLING:
            starts = now + 10.0
        elif self.startup is Startup.NO_IMAGE:
            starts = float("inf")
            waits["container"] = ContainerState("waiting", reason="ImagePullBackOff", message="no such image")
        elif self.startup is Startup.NO_ROOM:
            starts = float("inf")
            waits |= {"node": "", "scheduled": None, "unschedulable": "0/1 nodes are available: 1 Insufficient gpu."}
        pod = self.start_pod(job, Program(log=b""), **{"node": self.node, **waits})
        self.fates[pod.uid] = self._open[pod.uid] = Fate(pod, self.work, starts)
        self._kubelet(self.fates[pod.uid])
        return pod

    def admit_waiting(self) -> None:
        """Whatever kept pods from their container is mended."""
        self.startup = Startup.AT_ONCE
        for fate in self._open.values():
            pod = self.pods.get(fate.pod.uid)
            if pod is not None and fate.starts == float("inf"):
                fate.starts = self.clock.time
                if not pod.node and pod.deleting_since is None:
                    self.set_pod(pod, node=self.node, scheduled=self.clock.time, unschedulable="")

    def _kubelet(self, fate: Fate) -> None:
        pod = self.pods.get(fate.pod.uid)
        if pod is None or pod.finished:
            self._open.pop(fate.pod.uid, None)
            return
        now = self.clock.time
        if not pod.node or pod.node in self.lost_nodes:
            return
        if fate.started is None:
            if pod.deleting_since is not None:
                self._open.pop(pod.uid)
                self.set_pod(pod, phase="Failed")
                return
            if fate.starts > now:
                return
            fate.started = now
            self.promises.started(fate)
            self._write(fate, fate.work.log[: len(fate.work.log) // 2], now)
            pod = self.set_pod(pod, phase="Running", container=ContainerState("running", started=now))
        ended, code = self._end(fate, pod)
        if ended <= now:
            stopped = pod.deleting_since is not None and fate.stopped is not None and ended >= fate.stopped
            self.finish(pod, code, at=ended, why="" if stopped else fate.work.reason)

    def finish(self, pod: PodState, code: int, *, at: float | None = None, why: str = "", **changes: Any) -> None:
        """Its container has ended, as `why` says; the log of a pod that is deleted or evicted goes at once."""
        fate = self.fates[pod.uid]
        fate.ended, fate.code = self.clock.time if at is None else at, code
        self._write(fate, fate.work.log[len(fate.work.log) // 2 :], fate.ended)
        self.logs[pod.name].end()
        if pod.deleting_since is not None or "reason" in changes or why == "ContainerStatusUnknown":
            self.logs[pod.name].text = LOST
        self._open.pop(pod.uid, None)
        container = replace(pod.container, state="terminated", exit_code=code, finished=fate.ended, reason=why)
        self.set_pod(pod, **{"phase": "Failed" if code else "Succeeded", "container": container, **changes})

    def _write(self, fate: Fate, data: bytes, when: float) -> None:
        fate.written += data
        self.logs[fate.pod.name].write(data, time=int(when * 1e9))

    def _end(self, fate: Fate, pod: PodState) -> tuple[float, int]:
        """When the container ends or has ended, and its exit code."""
        assert fate.started is not None
        own = fate.started + fate.work.seconds
        if pod.deleting_since is None:
            return own, fate.work.code
        asked = max(pod.deleting_since, self.back.get(pod.node, 0.0), fate.started)
        took = min(fate.work.stop_seconds, GRACE)
        return (own, fate.work.code) if own <= asked + took else (asked + took, fate.work.at_stop)

    def end_now(self, pod: PodState, work: Work) -> None:
        """Its container ends as `work` does."""
        fate = self.fates[pod.uid]
        if fate.started is not None and pod.node not in self.lost_nodes:
            fate.work = replace(work, log=fate.work.log, seconds=self.clock.time - fate.started)
            self._kubelet(fate)

    def evict(self, pod: PodState) -> None:
        """The kubelet wants its memory back: the pod fails, and its log is gone."""
        if pod.node in self.lost_nodes:
            return
        self._stop(pod)
        marks = {"disrupted": self.clock.time, "disruption_reason": "TerminationByKubelet"}
        self.finish(pod, 137, why="Error", phase="Failed", reason="Evicted", message="low on memory", **marks)

    def disrupt(self, pod: PodState, reason: str) -> None:
        """A drain, a pod of higher priority or the taint manager deletes it, and says so on it."""
        if pod.deleting_since is None:
            self.set_pod(pod, disrupted=self.clock.time, disruption_reason=reason)
            self.delete_pod(self.pods[pod.uid])

    def lose_node(self, node: str) -> None:
        self.lost_nodes.add(node)
        self.node = "node-2" if node == "node-1" else "node-1"

    def find_node(self, node: str, *, rebooted: bool = False) -> None:
        """It is back; after a reboot no container of it runs any more, and nobody knows how they ended."""
        if node not in self.lost_nodes:
            return
        self.lost_nodes.discard(node)
        self.back[node] = self.clock.time
        if rebooted:
            for pod in [pod for pod in self.live_pods() if pod.node == node]:
                self._stop(pod)
                self.finish(pod, 137, why="ContainerStatusUnknown")

    def answers(self, node: str) -> bool:
        """Whether it is there, and has been for as long as it takes to end what was to end meanwhile."""
        return node not in self.lost_nodes and self.clock.time - self.back.get(node, 0.0) > GRACE + 5.0

    def taint(self) -> None:
        """The pods on nodes that do not answer are deleted by the control plane."""
        for pod in list(self.pods.values()):
            if pod.node in self.lost_nodes and not pod.finished:
                self.disrupt(pod, "DeletionByTaintManager")

    # Requests

    def later(self, seconds: float, act: Callable[[], Awaitable[Any]]) -> None:
        """It arrives then, whoever still waits for it."""
        heapq.heappush(self._on_way, (self.clock.time + seconds, next(self._numbers), act))

    def fault(self, verb: str) -> tuple[Fault, float] | None:
        """What is in store for a call."""
        waiting = self.faults.get(verb)
        return waiting.pop(0) if waiting else None

    def refusal(self, verb: str) -> Unavailable | None:
        """What the API server says to a call that it does not even look at."""
        if self.server_down:
            return Unavailable("the API server does not answer")
        if self.quota_full and verb == "create":
            return Unavailable("exceeded quota: count/jobs.batch")
        return None

    # Time

    def run(self, seconds: float, *, until: Callable[[], bool] = lambda: False) -> bool:
        """Let so much time pass, or less if something comes to hold. Raises AssertionError for a broken promise."""
        return self.loop.run_until_complete(self._run(seconds, until))

    async def _run(self, seconds: float, until: Callable[[], bool]) -> bool:
        clock, end = self.clock, self.clock.time + seconds
        while True:
            await self.loop.settle()
            if await self._busy():
                continue
            await self.promises.check()
            if until():
                return True
            due = min(self.loop.next_timer(), self._next_event())
            if due > end:
                clock.time = max(clock.time, end)
                return until()
            clock.time = max(clock.time, due)

    async def _busy(self) -> bool:
        """Do what is due outside of the processes, and let them begin what they have to do."""
        self.step()
        busy = False
        while self._on_way and self._on_way[0][0] <= self.clock.time:
            busy = True
            await heapq.heappop(self._on_way)[2]()
        for seat in list(self.seats):
            busy = await seat.poll() or busy
        return busy

    def _next_event(self) -> float:
        due = [self._on_way[0][0]] if self._on_way else []
        for fate in self._open.values():
            pod = self.pods.get(fate.pod.uid)
            if pod is None or not pod.node or pod.node in self.lost_nodes:
                continue
            due.append(self._end(fate, pod)[0] if fate.started is not None else fate.starts)
        return min((*due, *(seat.next_due() for seat in self.seats)), default=float("inf"))

    def close(self) -> None:
        """Nothing of it is under way any more."""

        async def end() -> None:
            for seat in list(self.seats):
                await seat.die()

        self.loop.run_until_complete(end())
        self.loop.close()
