"""Tell how a matrix stands: results into the store and the ConfigMap, then one status write."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from batchmatrix.base.clock import format_rfc3339
from batchmatrix.base.errors import BatchMatrixError, LeaseLost, NameConflict
from batchmatrix.base.text import counted, one_line
from batchmatrix.engine.attempt import Phase
from batchmatrix.engine.decide import Decision
from batchmatrix.engine.handling import words
from batchmatrix.engine.judges import run_judged
from batchmatrix.engine.run import Run
from batchmatrix.engine.stops import Stop
from batchmatrix.engine.tokens import ANNOTATIONS, tokens_of, unhandled
from batchmatrix.model.cell import PREFLIGHT, Cell, MatrixRef
from batchmatrix.model.evidence import Blame, LogState, Outcome
from batchmatrix.model.operation import OperationEntry
from batchmatrix.model.record import Record
from batchmatrix.model.summary import Summary, TrialResult
from batchmatrix.ports.analyst import Analyst
from batchmatrix.ports.clock import Clock
from batchmatrix.ports.cluster import Publisher
from batchmatrix.ports.store import Store
from batchmatrix.publish.configmap import configmap_data
from batchmatrix.publish.keys import run_prefix
from batchmatrix.publish.status import Progress, status_body
from batchmatrix.summarise.summary import summarise

__all__ = ["Reporter", "is_finished"]

logger = logging.getLogger(__name__)

PAGE, PLOTS = "report.html", "plots/"
"""What is drawn, where the operator's settings want it."""

CANCELLED = "Cancelled"
"""Reason of the conditions of a matrix of which something was cancelled."""

PUBLISH_INTERVAL = 10.0
"""Seconds between two summaries of a matrix that is still running; the last one comes at once."""


def is_finished(body: Mapping[str, Any]) -> bool:
    """Whether the object itself says that its present generation has come to its end, and nothing more is asked."""
    status = body.get("status") or {}
    if status.get("observedGeneration") != body["metadata"]["generation"] or unhandled(body):
        return False
    conditions = status.get("conditions") or ()
    return any(each.get("type") == "Finished" and each.get("status") == "True" for each in conditions)


def is_new(body: Mapping[str, Any]) -> bool:
    """Whether nothing was ever said about the object; what is noted of its ledger counts, whoever wrote it there."""
    status = body.get("status") or {}
    return bool(status.get("observedGeneration", -1) == -1 and not (status.get("ledger") or {}).get("shard"))


@dataclass(frozen=True, slots=True)
class Reporter:
    """Writes results and status; nothing says that a matrix is finished before its results are where they belong."""

    publisher: Publisher
    clock: Clock
    analyst: Analyst

    async def report(
        self, run: Run, body: Mapping[str, Any], decision: Decision, trouble: Sequence[str]
    ) -> Sequence[str]:
        """Publish what is due and write the status if it has changed; gives what could not be published.

        The status is written whatever else fails, and never says Finished before the results are where they belong.
        Raises NotFound where the object is gone, Unavailable where the status cannot be written.
        """
        board = run.board
        stopped = _stopped(run, decision)
        ended = board is not None and (board.ended or decision.stop is not None)
        over = ended and decision.idle and not run.problem and not run.rereading.left
        summary: Summary | None = None
        failed: list[str] = []
        try:
            # Suspended and nothing left that runs: no later pass would tell what the last ones came to.
            quiet = run.policy.suspended and decision.idle
            summary = await self._summary(run, stopped, over=over, at_once=over or quiet)
        except LeaseLost:
            raise
        except BatchMatrixError as error:
            failed.append(f"results cannot be published: {error}")
        progress = _progress(
            run, decision, stopped, summary if over else None, [*trouble, *failed], now=self.clock.now()
        )
        if run.status is None:
            run.status = dict(body.get("status") or {})
        shown = body.get("status") or {}
        status = status_body(progress, previous=run.status, now=format_rfc3339(self.clock.now()))
        # A write that was under way for long may have taken the place of a later one.
        overwritten = shown not in (run.shown, status)
        if status != run.status or overwritten:
            await self.publisher.status(run.ref, status)
            before, run.status = run.status, status
            await self._announce(run, before, status)
        run.shown = shown
        return failed

    async def refuse(
        self, ref: MatrixRef, body: Mapping[str, Any], *, problem: str = "", waiting_for: str = ""
    ) -> None:
        """Say of a matrix that is not in work why it is not."""
        generation = int(body["metadata"]["generation"])
        progress = Progress(generation=generation, problem=problem, waiting_for=waiting_for)
        before = body.get("status") or {}
        status = status_body(progress, previous=before, now=format_rfc3339(self.clock.now()))
        if is_new(body):  # whoever opens it later must know which tokens were there first
            status["operations"] = tokens_of(body)
        else:  # what was counted before still stands
            status = {**before, **{key: status[key] for key in ("observedGeneration", "conditions", "message")}}
        if status != before:
            await self.publisher.status(ref, status)

    async def tell(self, run: Run, entry: OperationEntry) -> None:
        """One Event for what came of a token."""
        kind = "Warning" if entry.message else "Normal"
        reason = "Refused" if entry.message else ("Cancel" if entry.action == "cancel" else "Rerun")
        await self.publisher.event(run.ref, kind=kind, reason=reason, message=words(entry))

    async def _summary(self, run: Run, stopped: Stop | None, *, over: bool, at_once: bool) -> Summary | None:
        """The summary, if one is due now: at the end once, before that now and then, or `at_once` if it has changed."""
        board, plan = run.board, run.plan
        if board is None or plan is None:
            return None
        why = stopped.cause if stopped is not None and over else ""
        state = (plan.generation, board.changes, board.log_states.total(), over, why)
        if state == run.published:
            return run.summary
        now = self.clock.monotonic()
        if not at_once and now - run.published_at < PUBLISH_INTERVAL:
            return None
        summary = summarise(
            plan,
            _trials(run),
            units={metric.name: metric.unit for metric in run.reading.metrics},
            complete=over,
            started=_started(run),
            finished=_finished(run, stopped) if over else "",
            stopped=why,
            suspended=run.policy.suspended,
            named=run.matrix is not None and bool(run.matrix.spec.cells),
        )
        location = f"{run.store.url}/{run.ref.prefix()}/{run_prefix(plan.generation)}"
        if over:
            judged = await run_judged(run, summary, self.analyst, location=location)
            summary = judged.summary
            folder = f"{run.ref.prefix()}/{run_prefix(plan.generation)}"
            await _drop_pages(run.store, folder, judged.files)
            for name, data in judged.files.items():
                await run.store.put(f"{folder}/{name}", data)
        try:
            await self.publisher.summary(run.ref, configmap_data(summary, location=location))
        except NameConflict as error:
            logger.warning("%s", error, extra={"matrix": run.ref.name})
            run.notice = str(error)
        run.summary, run.published, run.published_at, run.judged = summary, state, now, None
        return summary

    async def _announce(self, run: Run, before: Mapping[str, Any], status: Mapping[str, Any]) -> None:
        """One Event for each turning point: begun, over, invalid."""
        old, new = _reason(before), _reason(status)
        if new == old or new in ("Pending", "Queued"):
            return
        good = new in ("Running", "Held", "Suspended", "Succeeded", CANCELLED)
        await self.publisher.event(run.ref, kind="Normal" if good else "Warning", reason=new, message=status["message"])


async def _drop_pages(store: Store, folder: str, files: Collection[str]) -> None:
    """A page that was drawn before a rerun, and is not drawn again, would show what is not true any more."""
    if PAGE not in files:
        stale = [item.key for below in (PAGE, PLOTS) async for item in store.list(f"{folder}/{below}")]
        for key in stale:
            await store.delete(key)


def _reason(status: Mapping[str, Any]) -> str:
    for condition in status.get("conditions") or ():
        if condition.get("type") == "Succeeded":
            return str(condition.get("reason", ""))
    return ""


def _progress(
    run: Run,
    decision: Decision,
    stopped: Stop | None,
    summary: Summary | None,
    trouble: Sequence[str],
    *,
    now: float,
) -> Progress:
    board, plan, ledger = run.board, run.plan, run.ledger
    progress = Progress(
        generation=run.generation,
        problem=run.problem,
        shard=ledger.sequence,
        shard_sha256=ledger.digest,
        records=len(ledger.records),
        drift=run.drift,
        waiting_for=trouble[0] if trouble else (run.captures.waiting_for or run.notice or decision.waiting_for),
        refused=run.refused,
        operations=run.tokens,
        stopped=stopped.cause if stopped is not None else "",
        stop_reason=stopped.reason if stopped is not None else "",
    )
    if board is None or plan is None:
        return progress
    phases = decision.phases
    return replace(
        progress,
        suspended=run.policy.suspended,
        held=_held(run, now) if board.waiting else "",
        preflight=str(decision.preflight or ""),
        barred=_barred(decision.barred),
        complete=summary is not None,
        verdict=summary.verdict if summary is not None else "",
        cells_failed=summary is not None and any(cell.met is False for cell in summary.cells),
        reason=summary.reason if summary is not None else "",
        cells=len(plan.cells),
        total=plan.trials,
        done=board.done,
        succeeded=board.succeeded,
        failed=board.done - board.succeeded,
        running=phases[Phase.RUNNING] + phases[Phase.ENDING],
        pending=phases[Phase.PENDING],
        queued=phases[Phase.QUEUED],
        sent=decision.sent,
        rereading=run.rereading.left,
        waiting=board.waiting,
        outcomes={outcome.value: count for outcome, count in board.outcomes.items() if count},
        logs={state: board.log_states[state] for state in LogState},
        retries=board.retried,
        results=f"{run.store.url}/{run.ref.prefix()}/{run_prefix(plan.generation)}",
        start_time=_started(run),
        completion_time=_finished(run, stopped) if summary is not None else "",
    )


def _held(run: Run, now: float) -> str:
    """Until when the matrix is on hold, and because of what; empty if it is not."""
    holds = run.holds
    if holds.because is None or now >= holds.until:
        return ""
    record = holds.because
    preflight = record.id.cell_hash == PREFLIGHT
    who = "its preflight" if preflight else f"trial {record.id.trial} of {record.cell}"
    why = one_line(record.message, limit=120)
    return f"on hold until {record.hold_until}, nothing starts before: {who} met a rate limit ({why})"


def _barred(record: Record | None) -> str:
    """What a failed preflight came to, and what to do; empty if there is none."""
    if record is None:
        return ""
    log = f", log {record.log.key}" if record.log.key else ""
    return (
        f"its preflight failed, nothing starts: {record.outcome} ({one_line(record.message, limit=300)}{log}); "
        "mend that, then edit the spec or ask for a rerun"
    )


def _trials(run: Run) -> Iterator[TrialResult]:
    """Every trial of the plan that has begun."""
    assert run.board is not None
    assert run.plan is not None
    for cell in run.plan.cells:
        for trial in range(cell.trials):
            yield _trial(run, cell, trial)


def _trial(run: Run, cell: Cell, trial: int) -> TrialResult:
    assert run.board is not None
    key = (cell.hash, trial)
    attempts = run.board.attempts(key)
    record = run.board.results.get(key)
    started = run.board.has_started(key) and not run.board.is_due(key)
    state = "Done" if record is not None else ("Running" if started else "Waiting")
    newest = max((attempt.rerun for attempt in attempts), default=0)
    return TrialResult(
        cell=cell.name,
        trial=trial,
        state=state,
        attempts=len(attempts),
        logs=tuple(attempt.log.state for attempt in attempts),
        record=_as_read(run, record),
        stumbled=any(each.blame is Blame.WORKLOAD and each.rerun == newest for each in attempts),
        rerun=run.board.operations.asked(*key) if record is None else record.rerun,
    )


def _as_read(run: Run, record: Record | None) -> Record | None:
    """Without metrics that were read by other rules than those in force: two kinds of numbers make no mean."""
    if record is None or record.log.parser == run.rereading.parser or not record.log.metrics:
        return record
    return replace(record, log=replace(record.log, metrics=()))


def _started(run: Run) -> str:
    """When the first attempt's container started: from records, so that every process says the same."""
    assert run.board is not None
    return run.board.first_start


def _finished(run: Run, stopped: Stop | None) -> str:
    """When the last result was recorded, or that which was to be none; of what was cancelled no sooner than that."""
    assert run.board is not None
    if stopped is None:
        return max((record.recorded for record in run.board.results.values()), default="")
    last = max((record.recorded for record in run.ledger.records.values()), default="")
    cancel = run.operations.cancel
    return max(last, cancel.time) if cancel is not None and stopped.reason == CANCELLED else last


def _stopped(run: Run, decision: Decision) -> Stop | None:
    """What keeps trials from running for good, with their number; None where nothing does, or there is none left."""
    board, cancel = run.board, run.operations.cancel
    if board is None:
        return Stop(f"cancelled (token {cancel.token})", CANCELLED) if cancel is not None else None
    early = board.outcomes[Outcome.CANCELLED]
    if cancel is not None and (early or board.cancelled):
        parts = [f"{counted(early, 'trial')} ended early" if early else ""]
        parts.append(f"{board.cancelled} without a result" if board.cancelled else "")
        said = ", ".join(part for part in parts if part)
        back = f"annotation {ANNOTATIONS['rerun']} brings them back"
        return Stop(f"cancelled (token {cancel.token}): {said}; {back}", CANCELLED)
    stop = decision.stop
    if stop is None or board.complete:
        return None
    were = "was" if board.waiting == 1 else "were"
    return replace(stop, cause=f"{stop.cause}: {counted(board.waiting, 'trial')} {were} not started")
