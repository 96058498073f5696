"""Carry a decision out, in the order that keeps the promises: logs, then the ledger, then everything else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, TypeVar

from batchmatrix.base.clock import format_rfc3339, parse_rfc3339
from batchmatrix.base.errors import BatchMatrixError, InvalidSpec, LeaseLost, NameConflict, Unavailable
from batchmatrix.engine.actions import Action, AskWhy, Capture, Delete, Finish, Intend, Kill, Release, Seal, Start
from batchmatrix.engine.obstacles import Obstacle
from batchmatrix.engine.pump import CaptureRequest
from batchmatrix.engine.records import record_of
from batchmatrix.engine.run import Run
from batchmatrix.launch.names import job_name
from batchmatrix.ledger import Entry
from batchmatrix.model.cell import PREFLIGHT
from batchmatrix.model.evidence import Captured, Evidence, Intent, LogState, Outcome
from batchmatrix.model.launch import AttemptId, Launch
from batchmatrix.model.metric import NO_RULES
from batchmatrix.model.record import IntentEntry, Record
from batchmatrix.plan.tuning import tuning
from batchmatrix.ports.clock import Clock
from batchmatrix.ports.launcher import Launcher
from batchmatrix.publish.keys import log_prefix

__all__ = ["Applied", "apply", "commit", "read_anew"]

T = TypeVar("T")

logger = logging.getLogger(__name__)


COMMIT_SECONDS = 30.0
"""How long a store may take over one shard."""


@dataclass(slots=True)
class Applied:
    """What became of a decision."""

    committed: int = 0
    """Entries that are durable in the ledger now."""
    trouble: list[str] = field(default_factory=list)
    """One line for each thing that could not be done now and will be tried again."""
    refused: bool = False
    """A launch was refused for now."""
    retry_after: float = 0.0
    """Longest wait that the other side asked for, seconds."""


async def apply(run: Run, actions: Sequence[Action], *, launcher: Launcher, clock: Clock, writer: str) -> Applied:
    """Do all of it. What fails for now is said and left to the next pass; nothing is done twice for it.

    Where the ledger cannot be written, nothing that comes after it is tried.
    """
    applied = Applied()
    for action in actions:
        if isinstance(action, Capture):
            _begin_capture(run, action)
        elif isinstance(action, Seal):
            run.captures.seal(action.pod.uid)
    actions = [action for action in actions if not await _premature(run, action, launcher, applied)]
    entries = [entry for action in actions if (entry := _entry(run, action, clock=clock, writer=writer)) is not None]
    if not await commit(run, entries, applied):
        return applied
    actions = _held_back(run, actions, clock, applied)
    sends = [
        _send(run, action, launcher=launcher, clock=clock, writer=writer, applied=applied)
        for action in actions
        if isinstance(action, Start | Kill | Release | Delete)
    ]
    sends += [_ask(run, action, launcher=launcher, clock=clock) for action in actions if isinstance(action, AskWhy)]
    late = [entry for entry in await asyncio.gather(*sends) if entry is not None]
    if not applied.refused and any(isinstance(action, Start) for action in actions):
        _let_more_start(run)
    await commit(run, late, applied)
    return applied


async def read_anew(run: Run, *, writer: str) -> Applied:
    """Make durable what has been read anew, and only then let it count."""
    applied = Applied()
    entries, known = run.rereading.collect(writer)
    keys = [*known, *(entry.key for entry in entries)] if await commit(run, entries, applied) else known
    for key in keys:
        run.rereading.settle(key)
        if run.board is not None:
            run.board.read_anew(run.ledger.records[key])
    return applied


def _begin_capture(run: Run, action: Capture) -> None:
    pod = action.pod
    run.captures.begin(
        pod.uid,
        CaptureRequest(
            namespace=pod.namespace,
            pod=pod.name,
            prefix=f"{run.ref.prefix()}/{log_prefix(pod.cell, pod.id.trial, pod.uid)}",
            follow=action.follow,
            max_bytes=run.policy.log_max_bytes,
            share=run.log_budget.share(pod.uid),
            rules=run.reading if pod.id.cell_hash != PREFLIGHT else NO_RULES,
            patience=run.policy.pending.node_lost,
        ),
        unseen=action.unseen,
    )


async def _premature(run: Run, action: Action, launcher: Launcher, applied: Applied) -> bool:
    """A record that rests on a pod's absence is made only when the server, not our memory, says that it is absent."""
    if not isinstance(action, Finish) or action.evidence.pod is not None:
        return False
    job = action.evidence.job or run.launched.get(action.id)
    if job is None:
        return False  # never launched
    try:
        there = await launcher.has_pod(job, or_runs=action.evidence.job is None)
    except Unavailable as error:
        applied.trouble.append(str(error))
        return True
    if there:
        applied.trouble.append(f"Job {job.name} has a pod that was not seen yet: the watch is behind")
    return there


def _entry(run: Run, action: Action, *, clock: Clock, writer: str) -> Record | IntentEntry | None:
    if isinstance(action, Finish):
        return _record(run, action, clock=clock, writer=writer)
    if isinstance(action, Intend):
        return IntentEntry(
            id=action.id,
            job=action.job,
            pod_uid=action.pod_uid,
            action=action.action,
            time=format_rfc3339(clock.now(), digits=6),
            message=action.message,
            writer=writer,
        )
    return None


def _record(run: Run, finish: Finish, *, clock: Clock, writer: str) -> Record:
    cell = run.board.known(finish.id.cell_hash) if run.board is not None else None
    generation = run.plan.generation if run.plan is not None else 0
    return record_of(
        finish,
        matrix=run.ref,
        cell=cell,
        generation=generation,
        holds=run.holds,
        rerun=run.operations.number(finish.id),
        now=clock.now(),
        writer=writer,
    )


async def commit(run: Run, entries: Sequence[Entry], applied: Applied) -> bool:
    """Make the entries durable, and only then known to the board; False where the store does not answer."""
    if not entries:
        return True
    try:
        # One store that hangs must not hold the workers; what was sent is settled by the next commit.
        async with asyncio.timeout(COMMIT_SECONDS):
            await run.ledger.commit(entries)
    except TimeoutError:
        applied.trouble.append(f"results cannot be kept: {run.store.url} did not answer in {COMMIT_SECONDS:.0f} s")
        return False
    except Unavailable as error:
        applied.trouble.append(f"results cannot be kept: {error}")
        applied.retry_after = error.retry_after or 0.0
        return False
    finally:
        _take_in(run)
    applied.committed += len(entries)
    return True


def _take_in(run: Run) -> None:
    """All that is durable now, as it is: an earlier try that was not answered may have come to be so just now."""
    records, operations = run.ledger.records, run.ledger.operations
    for entry in _newest(operations, len(operations) - run.operations.count):
        run.operations.add(entry)
        if run.board is not None:
            run.board.operate(entry)
    for record in _newest(records, len(records) - run.taken):
        run.captures.drop(record.pod_uid)
        run.log_budget.settle(record.pod_uid, record.log.bytes)
        run.holds.add(record)
        run.preflights.add(record)
        run.rereading.consider(record)
        if record.created and record.id.cell_hash != PREFLIGHT:
            run.note_launch(parse_rfc3339(record.created))
        if run.board is not None:
            run.board.add(record)
    run.taken = len(records)


def _newest(entries: Mapping[Any, T], count: int) -> list[T]:
    """The last `count` values in their order."""
    values: Any = entries.values()  # of a dict, which can be read from its end
    return list(islice(reversed(values), count))[::-1]


async def _send(
    run: Run,
    action: Start | Kill | Release | Delete,
    *,
    launcher: Launcher,
    clock: Clock,
    writer: str,
    applied: Applied,
) -> Record | None:
    """One call to the cluster; a Record comes back where a launch is refused for good."""
    try:
        match action:
            case Start():
                return await _start(run, action, launcher=launcher, clock=clock, writer=writer, applied=applied)
            case Kill(pod):
                await _once(run.killed, pod.uid, launcher.kill(pod))
            case Release(pod):
                await _once(run.sent, pod.uid, launcher.release(pod))
            case Delete(job):
                await _once(run.sent, job.uid, launcher.delete(job))
    except LeaseLost:
        raise
    except BatchMatrixError as error:
        applied.trouble.append(str(error))
        if isinstance(error, Unavailable):
            applied.retry_after = max(applied.retry_after, error.retry_after or 0.0)
        if isinstance(action, Start):
            _hold_starts(run, clock, applied)
    return None


async def _ask(run: Run, action: AskWhy, *, launcher: Launcher, clock: Clock) -> None:
    """Look up why a Job has no pod. It only explains: where the events cannot be read, waiting goes on without."""
    uid = action.job.uid
    text: str | None = None
    try:
        text = await launcher.why_no_pod(action.job)
    except BatchMatrixError as error:
        logger.info("events of Job %s cannot be read: %s", action.job.name, error, extra={"matrix": run.ref.name})
    now = clock.now()
    run.obstacles[uid] = run.obstacles.get(uid, Obstacle(now)).then(text, now)


def _hold_starts(run: Run, clock: Clock, applied: Applied) -> None:
    """A quota or a policy that refuses one Job refuses the next: ask again later, not once for each trial."""
    if not applied.refused:
        applied.refused = True
        run.refusals += 1
        run.refusal = applied.trouble[-1]
        run.starts_held_until = clock.monotonic() + min(60.0, 2.0 ** min(run.refusals, 6))
        run.starts_at_once = 1


def _let_more_start(run: Run) -> None:
    """All that were sent were taken: twice as many next time, and as many as there are once that is no limit."""
    run.refusals, run.refusal = 0, ""
    run.starts_at_once *= 2
    if run.starts_at_once >= run.policy.parallelism:
        run.starts_at_once = 0


def _held_back(run: Run, actions: Sequence[Action], clock: Clock, applied: Applied) -> Sequence[Action]:
    """After a refusal no launch for a while, then one alone, then two, four, ... while all of them are taken.

    A quota that frees one place at a time would else refuse all the others each time.
    """
    starts = [action for action in actions if isinstance(action, Start)]
    if starts and clock.now() < run.holds.until:  # what was just recorded met a rate limit
        return [action for action in actions if not isinstance(action, Start)]
    if not starts or not run.starts_at_once:
        return actions
    left = run.starts_held_until - clock.monotonic()
    if left > 0:
        applied.trouble.append(run.refusal)
        applied.retry_after = max(applied.retry_after, left)
        starts = []
    others: list[Action] = [action for action in actions if not isinstance(action, Start)]
    return others + starts[: run.starts_at_once]


async def _once(done: set[str], uid: str, call: Coroutine[Any, Any, None]) -> None:
    """Send unless it was sent: an answered call holds, and the watch will show it."""
    if uid in done:
        call.close()
        return
    await call
    done.add(uid)


async def _start(
    run: Run, action: Start, *, launcher: Launcher, clock: Clock, writer: str, applied: Applied
) -> Record | None:
    assert run.matrix is not None
    assert run.plan is not None
    assert run.board is not None
    launch = Launch(
        matrix=run.ref,
        generation=run.plan.generation,
        cell=action.cell,
        trial=action.trial,
        attempt=action.attempt,
        tuning=tuning(run.matrix.spec, action.cell),
        mutation=action.mutation,
    )
    before = _before(run, launch.id)
    if before is not None and await launcher.can_run(run.ref, before):
        applied.trouble.append(f"Job {before} is not over: the next attempt waits for it")
        return None
    try:
        job = await launcher.create(launch)
    except NameConflict as error:
        return _refused(run, launch.id, "conflict", str(error), clock=clock, writer=writer)
    except InvalidSpec as error:
        return _refused(run, launch.id, "config", f"{job_name(launch)}: {error}", clock=clock, writer=writer)
    run.launched[launch.id] = job
    run.board.start((action.cell.hash, action.trial), action.attempt)
    return None


def _before(run: Run, attempt: AttemptId) -> str | None:
    """The Job of the attempt before, which must not run beside this one: memory may not have seen it resumed.

    None where there was none, and where it was given up with its node.
    """
    attempts = run.ledger.attempts
    if attempt.cell_hash == PREFLIGHT:
        earlier = [each for each in reversed(list(attempts)) if each.cell_hash == PREFLIGHT]
    else:
        earlier = [replace(attempt, attempt=number) for number in range(attempt.attempt - 1, -1, -1)]
    last = next((records[-1] for each in earlier if (records := attempts.get(each)) and records[-1].job), None)
    return last.job if last is not None and last.outcome is not Outcome.NODE_LOST else None


def _refused(run: Run, attempt: AttemptId, action: str, message: str, *, clock: Clock, writer: str) -> Record:
    """The record of a launch that can never be: nothing ran."""
    evidence = Evidence(None, None, Captured(LogState.NONE), Intent(action, clock.now(), message))
    return _record(run, Finish(attempt, evidence), clock=clock, writer=writer)
