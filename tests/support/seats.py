"""One process's side of a Life: what its watches have told it, its clock, and its way to the servers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from math import floor
from typing import Any, TypeVar

from batchmatrix.adapters.kube.clock import ServerClock
from batchmatrix.base.errors import BatchMatrixError, LeaseLost, Unavailable
from batchmatrix.engine.removal import store_to_clear
from batchmatrix.model.cell import MatrixRef
from batchmatrix.model.launch import Launch
from batchmatrix.model.observed import JobState, PodState
from tests.support.life import Fault, Life
from tests.support.logs import Killed
from tests.support.process import INTERVAL, Process
from tests.support.stores import MemoryStore

__all__ = ["WATCHES", "Death", "Seat"]

T = TypeVar("T")
S = TypeVar("S", JobState, PodState)

WATCHES = ("jobs", "pods", "matrices")
RESYNC = 300.0
"""Seconds after which all is looked at again."""
RELIST = 600.0
"""Seconds after which Jobs and pods are listed anew."""


@dataclass(slots=True)
class Death:
    """The process dies at one of its calls."""

    calls: int
    """How many more it lives through."""
    when: str
    """`before` that call is sent, `after` it was done, or it is done `late`."""
    seconds: float = 0.0
    """How late."""


class _Clock(ServerClock):
    """The clock of the process, on a machine whose own may be wrong."""

    def __init__(self, life: Life) -> None:
        self.skew = 0.0
        self._life = life
        super().__init__(wall=lambda: self.time + self.skew, monotonic=lambda: self.time)

    @property
    def time(self) -> float:
        return self._life.clock.time

    def answer(self) -> None:
        """The API server has answered, and says when."""
        self.heard(format_datetime(datetime.fromtimestamp(floor(self.time), UTC), usegmt=True), sent=self.time)


class _Store(MemoryStore):
    def __init__(self, seat: Seat) -> None:
        super().__init__(seat.life.objects)
        self._seat = seat

    @property
    def url(self) -> str:
        return "memory://default"

    async def put_new(self, key: str, data: bytes) -> None:
        put = super().put_new
        await self._seat.request(f"put_new {key}", lambda: put(key, data), store=True)

    async def put(self, key: str, data: bytes) -> None:
        put = super().put
        await self._seat.request(f"put {key}", lambda: put(key, data), store=True)

    async def delete(self, key: str) -> None:
        delete = super().delete
        await self._seat.request(f"remove {key}", lambda: delete(key), store=True)

    async def _do(self, name: str, key: str, act: Callable[[], object]) -> None:
        if name in ("get", "list") and self._seat.life.store_down:
            await asyncio.sleep(0)
            raise Unavailable(f"store {self.url} cannot {name} {key}")
        await super()._do(name, key, act)


class _Living(Process):
    """Passes are tasks, at most one over each matrix; between them, and in their midst, time goes on."""

    def __init__(self, seat: Seat, *, writer: str) -> None:
        self.passes: dict[MatrixRef, asyncio.Task[None]] = {}
        super().__init__(seat, writer=writer)

    def begin(self) -> bool:
        """Begin the passes that are due."""
        due = [ref for ref, when in self._due.items() if when <= self.world.clock.time and ref not in self.passes]
        for ref in due:
            self.passes[ref] = asyncio.create_task(self._one(ref))
        return bool(due)

    def next_due(self) -> float:
        return min((when for ref, when in self._due.items() if ref not in self.passes), default=float("inf"))

    async def _one(self, ref: MatrixRef) -> None:
        del self._due[ref]
        seat = self.world
        seat.began[ref.uid] = (min(seat.clock.time, seat.stood_still), seat.known.get(ref.uid))
        try:
            await self.engine.reconcile(ref)
        except (LeaseLost, Killed):
            seat.dead = True
        except Unavailable as error:
            failures = self._failures[ref] = self._failures.get(ref, 0) + 1
            self._again(ref, max(error.retry_after or 0.0, min(60.0, 2.0 ** (failures - 1))))
        except Exception as error:
            seat.life.promises.broken(f"a pass ended by {type(error).__name__}: {error}", error)
        else:
            self._failures.pop(ref, None)
        finally:
            self._last[ref] = seat.clock.time
            if ref in self._due:
                self._due[ref] = max(self._due[ref], seat.clock.time + INTERVAL)
            del self.passes[ref]

    def _again(self, ref: MatrixRef, delay: float) -> None:
        self.notify(ref, delay)

    async def end(self) -> None:
        for task in list(self.passes.values()):
            task.cancel()
        await asyncio.gather(*self.passes.values(), return_exceptions=True)
        await super().end()


class Seat:
    """What support/process.py takes for the world; whatever is not here is Life's own."""

    def __init__(self, life: Life, *, writer: str, memory: Seat | None = None, matrices: bool = True) -> None:
        """`memory` makes this process see at first what that one saw last: its server is behind.

        Without `matrices` it is shown Jobs and pods, and none of the matrices that they belong to until it hears.
        """
        self.life = life
        self.clock = _Clock(life)
        self.stores = {"default": _Store(self)}
        self.dead = False
        self.death: Death | None = None
        self.thawed = asyncio.Event()
        self.thawed.set()
        self.ends = float("inf")
        """When it notices that it has lost the lease."""
        self.notify: Callable[[MatrixRef], None] | None = None
        self.began: dict[str, tuple[float, Mapping[str, Any] | None]] = {}
        """By uid: when the pass over a matrix began, and what was known of it then."""
        self.stood_still = float("inf")
        """Since when others may have done what it cannot know: between going on and noticing nobody tells it."""
        self.deaf: set[str] = set()
        self.drop = dict.fromkeys(WATCHES, 0)
        """How many of the next events are lost."""
        self.known: dict[str, dict[str, Any]] = {}
        self.departed: dict[str, str] = {}
        self.shown_jobs: dict[str, JobState] = {}
        self.shown_pods: dict[str, PodState] = {}
        self._resync = life.clock.time + RESYNC
        self._relist = life.clock.time + RELIST
        if memory is None:
            self.hear()
        else:
            self.known, self.shown_jobs, self.shown_pods = (
                dict(memory.known), dict(memory.shown_jobs), dict(memory.shown_pods),
            )  # fmt: skip
            self.deaf = set(WATCHES)
            self.clock.answer()
        if not matrices:
            self.known = {}
            self.deaf.add("matrices")
        life.seats.append(self)
        life.holder = self
        self.process = _Living(self, writer=writer)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.life, name)

    # What its calls do

    def delete_pod(self, pod: PodState) -> None:
        with self._command():
            self.life.delete_pod(pod)

    def remove_job(self, job: JobState) -> None:
        with self._command():
            self.life.remove_job(job)

    @contextlib.contextmanager
    def _command(self) -> Iterator[None]:
        self.life.commanded = True
        try:
            yield
        finally:
            self.life.commanded = False

    # Watches

    def told(self, what: MatrixRef | JobState | PodState) -> None:
        """One event of a watch reaches the process, or does not."""
        kind = "jobs" if isinstance(what, JobState) else "pods" if isinstance(what, PodState) else "matrices"
        if kind in self.deaf:
            return
        if self.drop[kind] > 0:
            self.drop[kind] -= 1
            return
        if isinstance(what, JobState):
            _take(self.shown_jobs, what.uid, self.life.jobs)
        elif isinstance(what, PodState):
            _take(self.shown_pods, what.uid, self.life.labelled)
        else:
            self._look(what.uid)
        if self.notify is not None:
            self.notify(what if isinstance(what, MatrixRef) else _ref(what))

    def _look(self, uid: str) -> None:
        body = self.life.matrices.get(uid)
        if body is None:
            self.unlearn(uid)
        else:
            self.known[uid] = body

    def unlearn(self, uid: str) -> None:
        """As SmallWorld.unlearn, for what this process knows."""
        body = self.known.pop(uid, None)
        store = store_to_clear(body) if body is not None else None
        if store is not None:
            self.departed[uid] = store

    def hear(self) -> None:
        """All watches begin anew with a full list, as after 410 Gone. That of the matrices tells of no deletion."""
        self.clock.answer()
        self.deaf.clear()
        self.drop = dict.fromkeys(WATCHES, 0)
        gone = [*self.shown_jobs.values(), *self.shown_pods.values()]
        self.shown_jobs = {uid: _whole(job) for uid, job in self.life.jobs.items()}
        self.shown_pods = {uid: _whole(pod) for uid, pod in self.life.labelled.items()}
        self.known |= self.life.matrices
        for what in gone:
            if self.notify is not None:
                self.notify(_ref(what))
        self.all_changed()

    def hear_partly(self, share: int) -> None:
        """A full list breaks off: of Jobs and pods one in `share` is shown as it is, and nothing more comes."""
        self.clock.answer()
        self.deaf |= {"jobs", "pods"}
        for what in (*list(self.life.jobs.values())[::share], *list(self.life.pods.values())[::share]):
            shown: dict[str, Any] = self.shown_jobs if isinstance(what, JobState) else self.shown_pods
            shown[what.uid] = _whole(what)
            if self.notify is not None:
                self.notify(_ref(what))

    def all_changed(self) -> None:
        """All that is known is queued."""
        if self.notify is None:
            return
        for body in self.known.values():
            metadata = body["metadata"]
            self.notify(MatrixRef(metadata["namespace"], metadata["name"], metadata["uid"]))
        for what in (*self.shown_jobs.values(), *self.shown_pods.values()):
            self.notify(_ref(what))

    # Calls

    def read_pod(self, uid: str) -> PodState | None:
        """As SmallWorld.read_pod, with its times as Kubernetes tells them."""
        pod = self.life.pods.get(uid)
        return None if pod is None else _whole(pod)

    def refuse(self, call: str) -> Unavailable | None:
        """As SmallWorld.refuse, for what only reads."""
        return self.life.refusal(call.split()[0])

    def before_create(self, launch: Launch) -> None:
        self.life.promises.sending(launch, self)

    async def api(self, call: str, act: Callable[[], T]) -> T:
        async def answer() -> T:
            if (error := self.life.refusal(call.split()[0])) is not None:
                raise error
            self.clock.answer()
            return act()

        return await self.request(call, answer, store=False)

    async def request(self, call: str, act: Callable[[], Awaitable[T]], *, store: bool) -> T:
        """One call that changes something, on its way. Raises Killed where the process is no more, LeaseLost."""
        life = self.life
        await self.thawed.wait()
        self._alive()
        if not store and life.holder is not self:
            raise LeaseLost("another process has the lease: nothing was sent")
        life.calls.append(call)
        death = self._death()
        if death is not None and death.when != "after":
            self.dead = True
            if death.when == "late":
                life.later(death.seconds, lambda: _unheard(act))
            raise Killed
        await asyncio.sleep(0)
        self._alive()
        try:
            return await self._answer(call, act, store=store)
        finally:
            if death is not None:
                self.dead = True
                raise Killed
            await asyncio.sleep(0)
            await self.thawed.wait()
            self._alive()

    async def _answer(self, call: str, act: Callable[[], Awaitable[T]], *, store: bool) -> T:
        life = self.life
        if store and life.store_down:
            raise Unavailable(f"store memory://default cannot {call}")
        fault, seconds = life.fault(call.split()[0]) or (None, 0.0)
        match fault:
            case Fault.REFUSED:
                raise Unavailable("503 Service Unavailable")
            case Fault.THROTTLED:
                raise Unavailable("429 Too Many Requests", retry_after=11.0)
            case Fault.LOST:
                await _unheard(act)
                raise Unavailable("the connection was reset")
            case Fault.RESET:
                life.later(seconds, lambda: _unheard(act))
                raise Unavailable("the connection was reset")
            case Fault.SLOW:
                answer = asyncio.get_running_loop().create_future()
                life.later(seconds, lambda: _into(answer, act))
                return await answer
            case _:
                return await act()

    def _alive(self) -> None:
        if self.dead:
            raise Killed

    def _death(self) -> Death | None:
        if self.death is None:
            return None
        self.death.calls -= 1
        return self.death if self.death.calls < 0 else None

    # Life and death

    async def poll(self) -> bool:
        """Begin what is due, or end where it is at its end; whether there was anything."""
        now = self.clock.time
        if self.dead or self.ends <= now:
            await self.die()
            return True
        if self._resync <= now:
            self._resync = now + RESYNC
            self.all_changed()
        if self._relist <= now and not self.deaf:
            self._relist = now + RELIST
            self.hear()
        return self.thawed.is_set() and self.process.begin()

    def next_due(self) -> float:
        if not self.thawed.is_set():
            return self.ends
        relist = self._relist if not self.deaf else float("inf")
        return min(self.process.next_due(), self._resync, relist, self.ends)

    async def die(self) -> None:
        """The process is no more."""
        if self in self.life.seats:
            self.life.seats.remove(self)
        self.dead = True
        self.thawed.set()
        await self.process.end()

    def freeze(self) -> None:
        """It is stopped in the midst of whatever it does, and another one takes the lease over."""
        self.thawed.clear()
        self.stood_still = self.clock.time

    def thaw(self, seconds: float) -> None:
        """It goes on, and notices after so many seconds that it may not."""
        self.ends = self.clock.time + seconds
        self.thawed.set()


async def _unheard(act: Callable[[], Awaitable[Any]]) -> None:
    with contextlib.suppress(BatchMatrixError):
        await act()


async def _into(answer: asyncio.Future[Any], act: Callable[[], Awaitable[Any]]) -> None:
    try:
        result = await act()
    except BatchMatrixError as error:
        if not answer.done():
            answer.set_exception(error)
    else:
        if not answer.done():
            answer.set_result(result)


def _ref(what: JobState | PodState) -> MatrixRef:
    return MatrixRef(what.namespace, what.matrix_name, what.matrix_uid)


def _take(shown: dict[str, S], uid: str, there: Mapping[str, S]) -> None:
    if uid in there:
        shown[uid] = _whole(there[uid])
    else:
        shown.pop(uid, None)


def _whole(what: S) -> S:
    """As Kubernetes tells it: times are whole seconds, cut off."""
    if isinstance(what, JobState):
        return replace(what, created=floor(what.created), finished=_cut(what.finished))
    container = what.container
    return replace(
        what,
        created=floor(what.created),
        scheduled=_cut(what.scheduled),
        deleting_since=_cut(what.deleting_since),
        disrupted=_cut(what.disrupted),
        container=replace(container, started=_cut(container.started), finished=_cut(container.finished)),
    )


def _cut(time: float | None) -> float | None:
    return None if time is None else float(floor(time))
