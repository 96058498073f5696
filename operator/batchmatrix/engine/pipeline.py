"""The engine: one pass over one matrix, in the order in which a result comes to be.

    open (ledger, pinned plan) -> observe -> decide -> apply -> summarise -> publish -> status

Every pass begins from what is true now; none depends on having seen what happened in between.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import filterfalse
from typing import Any

from batchmatrix.base.errors import BatchMatrixError, InvalidSpec, LeaseLost, NotFound, Unavailable
from batchmatrix.base.text import one_line
from batchmatrix.engine.actions import Action, Finish
from batchmatrix.engine.apply import Applied, apply, read_anew
from batchmatrix.engine.attempt import Phase
from batchmatrix.engine.decide import Decision, View, decide
from batchmatrix.engine.followslots import FollowSlots
from batchmatrix.engine.handling import handle, note_first_sight
from batchmatrix.engine.observe import observe, unshown
from batchmatrix.engine.opening import Opener
from batchmatrix.engine.removal import Removal
from batchmatrix.engine.reporting import Reporter, is_finished, is_new
from batchmatrix.engine.run import Run
from batchmatrix.ledger import BrokenLedger
from batchmatrix.model.cell import MatrixRef
from batchmatrix.outcome.table import judge
from batchmatrix.ports.clock import Clock
from batchmatrix.ports.cluster import Children, Matrices, Nodes
from batchmatrix.ports.launcher import Launcher

__all__ = ["Engine", "World"]

logger = logging.getLogger(__name__)

ROUNDS = 4
"""Decide-and-apply rounds of one pass: what a durable record makes possible is done in the same pass."""


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside that the engine looks at or acts on."""

    matrices: Matrices
    children: Children
    nodes: Nodes
    launcher: Launcher
    clock: Clock


class Engine:
    """Brings matrices forward.

    `notify(ref, delay)` asks for another pass over one after `delay` seconds; `hold` is decide.View.hold, in seconds.
    """

    def __init__(
        self,
        *,
        world: World,
        opener: Opener,
        reporter: Reporter,
        slots: FollowSlots,
        hold: float,
        writer: str,
        notify: Callable[[MatrixRef, float], None],
    ) -> None:
        self._world = world
        self._opener = opener
        self._reporter = reporter
        self._slots = slots
        self._hold = hold
        self._writer = writer
        self._notify = notify
        self._removal = Removal(opener.stores)
        self.runs: dict[str, Run] = {}
        """By matrix uid."""

    async def reconcile(self, ref: MatrixRef) -> None:
        """One pass. Raises Unavailable where it must be tried again, LeaseLost where this process must end."""
        world = self._world
        body = await self._body(ref)
        if body is not None and (body["metadata"]["namespace"], body["metadata"]["name"]) != (ref.namespace, ref.name):
            return  # somebody else's pod bears our labels and this uid
        if body is None:
            await self._see_off(ref)
        run = self.runs.get(ref.uid)
        if run is None:
            if self._settled(ref, body):
                if body is None:
                    await self._removal.finish(ref)
                return
            opened = await self._open(ref, body)
            if opened is None:
                return
            run = self.runs[ref.uid] = opened
        run.deleted = run.deleted or _going(body)
        trouble: list[str] = []
        if body is not None and not run.deleted:
            if not run.introduced:
                await self._introduce(run, body)
            trouble += await self._adopt(run, body)
        # before anybody asks what failed
        total = Applied() if run.deleted else await read_anew(run, writer=self._writer)
        if body is not None and not run.deleted:
            trouble += await self._operate(run, body)
        decision, applied = await self._advance(run, total)
        trouble += applied.trouble
        run.phases = decision.phases
        if body is None:
            await self._leave(run)
        elif not run.deleted:
            trouble += await self._report(run, body, decision, trouble)
        if trouble:
            if decision.wake is not None and decision.wake > world.clock.now():
                # what has its time, as the timeout of a trial, does not wait until the trouble is tried again
                self._notify(ref, decision.wake - world.clock.now())
            raise Unavailable(trouble[0], retry_after=applied.retry_after or None)
        if body is not None and is_finished(body) and not self._is_left(run):
            await self._drop(run)
        elif decision.wake is not None:
            self._notify(ref, max(0.0, decision.wake - world.clock.now()))

    async def recall(self) -> None:
        """Ask for passes over deleted matrices whose results an earlier process was to delete, too."""
        for ref in await self._removal.recall():
            self._notify(ref, 0.0)

    async def close(self) -> None:
        """Stop captures; nothing that is not durable is needed again."""
        for run in self.runs.values():
            await run.captures.close()
            await run.rereading.close()
        await self._reporter.analyst.close()

    async def _see_off(self, ref: MatrixRef) -> None:
        """Have it in the store that the results of a deleted matrix are to go, while anybody still knows."""
        store = self._world.matrices.departed(ref.uid)
        if store is not None:
            await self._removal.announce(ref, store)
            self._world.matrices.see_off(ref.uid)

    async def _adopt(self, run: Run, body: Mapping[str, Any]) -> Sequence[str]:
        """Take the object's generation in; gives what keeps it from that. What is in force goes on in any case."""
        try:
            await self._opener.adopt(run, body)
        except LeaseLost:
            raise
        except Unavailable as error:
            return [str(error)]
        except BatchMatrixError as error:
            logger.warning("generation cannot be taken in: %s", error, extra={"matrix": run.ref.name})
            return [str(error)]
        except Exception as error:
            logger.exception("generation cannot be taken in", extra={"matrix": run.ref.name})
            what = one_line(f"{type(error).__name__}: {error}", limit=200)
            text = (
                f"generation {body['metadata']['generation']} cannot be taken in ({what}); the operator's log says more"
            )
            return [text]
        return []

    async def _operate(self, run: Run, body: Mapping[str, Any]) -> Sequence[str]:
        """Do what new tokens on the object ask for; gives what keeps it from that."""
        now = self._world.clock.now()
        handled = await handle(run, body, look=lambda: self._observe(run, now), now=now, writer=self._writer)
        for entry in handled.entries:
            await self._reporter.tell(run, entry)
        return handled.trouble

    async def _report(
        self, run: Run, body: Mapping[str, Any], decision: Decision, trouble: Sequence[str]
    ) -> Sequence[str]:
        """Tell; gives what could not be published. An object that turns out to be gone is asked for again."""
        try:
            return await self._reporter.report(run, body, decision, trouble)
        except NotFound:
            self._gone(run.ref)
            return ()

    def _gone(self, ref: MatrixRef) -> None:
        self._world.matrices.forget(ref.uid)
        self._notify(ref, 0.0)

    async def _open(self, ref: MatrixRef, body: Mapping[str, Any] | None) -> Run | None:
        """None where its results cannot be read and never will be: the object says so, and nothing is done to it."""
        try:
            return await self._opener.open(ref, body)
        except (BrokenLedger, InvalidSpec) as error:
            logger.warning("matrix cannot be opened: %s", error, extra={"matrix": ref.name})
            if body is not None:
                await self._refuse(ref, body, problem=str(error))
            if _going(body):
                await self._let_go(ref)
            return None
        except Unavailable as error:
            if body is not None:
                await self._refuse(ref, body, waiting_for=str(error))
            raise

    async def _introduce(self, run: Run, body: Mapping[str, Any]) -> None:
        """What its tokens ask for was asked of another matrix of this name, or of nobody."""
        now = self._world.clock.now()
        noted = await note_first_sight(run, body, is_new=is_new(body), now=now, writer=self._writer)
        if noted.trouble:
            await self._refuse(run.ref, body, waiting_for=noted.trouble[0])
            raise Unavailable(noted.trouble[0], retry_after=noted.retry_after or None)

    async def _refuse(self, ref: MatrixRef, body: Mapping[str, Any], **why: str) -> None:
        """Say why it is not in work; an object that turns out to be gone is asked for again."""
        try:
            await self._reporter.refuse(ref, body, **why)
        except NotFound:
            self._gone(ref)

    async def _let_go(self, ref: MatrixRef) -> None:
        """Take our finalizer off the pods of a matrix that is deleted and whose results nobody can add to any more.

        One that is being deleted counts too: it may be waiting for just these pods.
        """
        for pod in self._world.children.pods(ref.uid):
            if pod.finalized and pod.namespace == ref.namespace:
                logger.warning("pod %s is let go without a record", pod.name, extra={"matrix": ref.name})
                await self._world.launcher.release(pod)

    async def _advance(self, run: Run, total: Applied) -> tuple[Decision, Applied]:
        world = self._world
        for _ in range(ROUNDS):
            missing = unshown(run, world.children)
            unasked = await run.vanished.ask(missing, world.launcher, world.clock.monotonic())
            now = world.clock.now()
            view = self._observe(run, now)
            decision = decide(view, now, follow_slots=self._slots.free_for(run.ref.uid))
            if not run.deleted and any(map(_may_end_with_its_matrix, decision.actions)):
                try:
                    await self._ask_for_deletion(run)
                except Unavailable as error:
                    unasked = [*unasked, str(error)]
                    decision.actions = list(filterfalse(_may_end_with_its_matrix, decision.actions))
                if run.deleted:
                    continue
            self._slots.promise(run.ref.uid, decision.unfollowed)
            applied = await apply(
                run, decision.actions, launcher=world.launcher, clock=world.clock, writer=self._writer
            )
            total.trouble += [*unasked, *applied.trouble]
            total.retry_after = max(total.retry_after, applied.retry_after)
            if not applied.committed or applied.trouble or unasked:
                break
        else:
            decision.wake_at(world.clock.now())
        due = run.vanished.next_due(unshown(run, world.children))
        if due is not None:
            decision.wake_at(world.clock.now() + max(0.0, due - world.clock.monotonic()))
        if run.rereading.ready and not run.deleted and not total.trouble:
            decision.wake_at(world.clock.now())
        return decision, total

    def _observe(self, run: Run, now: float) -> View:
        world = self._world
        return observe(run, children=world.children, nodes=world.nodes, now=now, hold=self._hold)

    async def _body(self, ref: MatrixRef) -> Mapping[str, Any] | None:
        """The object as last seen, or None where the server says that it is gone: memory alone is no proof of that."""
        body = self._world.matrices.get(ref.uid)
        if body is None:
            body = await self._world.matrices.read(ref)
        return body

    async def _ask_for_deletion(self, run: Run) -> None:
        """Ask the server itself, whatever the watch has told: with a matrix it deletes Jobs and pods."""
        body = await self._world.matrices.read(run.ref)
        run.deleted = _going(body)
        if body is None:
            self._gone(run.ref)

    def _has_children(self, ref: MatrixRef) -> bool:
        return bool(self._world.children.jobs(ref.uid) or self._world.children.pods(ref.uid))

    def _is_left(self, run: Run) -> bool:
        """Whether anything of it is in the cluster, or not recorded; memory alone does not show all of that."""
        return self._has_children(run.ref) or bool(unshown(run, self._world.children))

    def _settled(self, ref: MatrixRef, body: Mapping[str, Any] | None) -> bool:
        """Finished or gone, with nothing left in the cluster: nobody needs its ledger."""
        return not self._has_children(ref) and (body is None or is_finished(body))

    async def _leave(self, run: Run) -> None:
        """The matrix is gone: forget it once no pod of it is left."""
        if self._is_left(run):
            return
        await self._drop(run)
        logger.info("matrix is gone and nothing of it is left", extra={"matrix": run.ref.name})
        await self._removal.finish(run.ref)

    async def _drop(self, run: Run) -> None:
        """Forget what can be had again: a finished matrix costs no memory."""
        await run.captures.close()
        await run.rereading.close()
        self._slots.promise(run.ref.uid, 0)
        self.runs.pop(run.ref.uid, None)

    def open_attempts(self, phase: Phase) -> int:
        """Attempts without a record that stood so when the last pass over their matrix looked."""
        return sum(run.phases[phase] for run in self.runs.values())

    @property
    def followed_logs(self) -> int:
        """Logs that are followed at this moment."""
        return self._slots.used


def _may_end_with_its_matrix(action: Action) -> bool:
    """Whether it records an end that is another one if the matrix is deleted, as where nobody knows who took a pod."""
    if not isinstance(action, Finish):
        return False
    return judge(action.evidence) != judge(replace(action.evidence, matrix_deleted=True))


def _going(body: Mapping[str, Any] | None) -> bool:
    """Whether the object is deleted, or is being deleted, which nothing can undo."""
    return body is None or "deletionTimestamp" in body["metadata"]
