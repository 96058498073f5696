"""Tokens on the object made into operations: first into the ledger, and only then into anything that happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from batchmatrix.base.clock import format_rfc3339
from batchmatrix.base.text import counted, one_line
from batchmatrix.engine.apply import Applied, commit
from batchmatrix.engine.board import Board, TrialKey
from batchmatrix.engine.run import Run
from batchmatrix.engine.tokens import ANNOTATIONS, Request, requests
from batchmatrix.model.evidence import Outcome
from batchmatrix.model.operation import OperationEntry
from batchmatrix.outcome.wanted import is_as_wanted

__all__ = ["Handled", "handle", "note_first_sight", "words"]

_SCOPE = 1024
"""Characters of a selection that are kept as they were written."""


class Handled(Applied):
    """What became of the tokens that were new."""

    entries: list[OperationEntry]
    """Durable now; to be told."""

    def __init__(self) -> None:
        super().__init__()
        self.entries = []


async def note_first_sight(run: Run, body: Mapping[str, Any], *, is_new: bool, now: float, writer: str) -> Applied:
    """Count the tokens that were there before the matrix was as handled; before anything else is durable of it.

    Where the matrix was seen before it could be opened (`is_new` is false), its status tells which tokens it had then.
    """
    applied = Applied()
    if run.ledger.sequence or run.plan is not None:
        run.introduced = True
        return applied
    known = (body.get("status") or {}).get("operations") or {}
    there = [request for request in requests(body) if is_new or known.get(request.action) == request.token]
    entries = [replace(_entry(run, each, now, writer), action="seen", scope=each.action, message="") for each in there]
    run.introduced = await commit(run, entries, applied)
    return applied


async def handle(run: Run, body: Mapping[str, Any], *, look: Callable[[], object], now: float, writer: str) -> Handled:
    """Do each new token once; `look` has the board see every Job and pod, so that numbers of attempts are right.

    A cancel that cannot be written yet already keeps everything from starting. A rerun waits for the generation that
    it came with, as it may name cells of that; one of what failed also for logs that are being read anew, as they say
    what failed.
    """
    handled = Handled()
    known = run.ledger.operations
    new = [request for request in requests(body) if request.key not in known]
    if any(request.action == "cancel" and not request.problem for request in new):
        run.halted = True
        new = [_beside_cancel(request) for request in new]
    entries = [_entry(run, request, now, writer) for request in new if request.action == "cancel" or request.problem]
    reruns = [request for request in new if request.action == "rerun" and not request.problem]
    if run.rereading.left:
        reruns = [request for request in reruns if request.scope != "failed"]
    if reruns and run.board is not None and run.generation == int(body["metadata"]["generation"]):
        look()
        entries += [_rerun(run, run.board, request, now, writer) for request in reruns]
    entries += _mark(run, int(body["metadata"]["generation"]), now, writer)
    if await commit(run, entries, handled):
        run.halted = False
        handled.entries = [known[entry.key] for entry in entries if entry.action in ANNOTATIONS]
    _note(run, body)
    return handled


def _beside_cancel(request: Request) -> Request:
    """Annotations have no order, and nothing may run that somebody may have cancelled."""
    if request.action == "cancel" or request.problem:
        return request
    name = f"annotation {ANNOTATIONS['rerun']}"
    text = f"{name}: token {request.token} came together with a cancel, which holds; write another token to run again"
    return replace(request, problem=text)


def words(entry: OperationEntry) -> str:
    """What came of a token, in one line."""
    if entry.message:
        return entry.message
    if entry.action == "cancel":
        return f"cancelled (token {entry.token}): nothing new starts, and what runs is ended"
    count = sum(len(trials) for trials in entry.trials.values())
    if not count:
        return f"nothing to run again (token {entry.token}, {entry.scope})"
    what = f"{counted(count, 'trial')} of {counted(len(entry.trials), 'cell')}"
    return f"{what} to run again (token {entry.token}, {one_line(entry.scope, limit=200)})"


def _entry(run: Run, request: Request, now: float, writer: str) -> OperationEntry:
    return OperationEntry(
        action=request.action,
        token=request.token,
        scope=one_line(request.scope, limit=_SCOPE),
        generation=run.plan.generation if run.plan is not None else 0,
        time=format_rfc3339(now, digits=6),
        message=request.problem,
        writer=writer,
    )


def _rerun(run: Run, board: Board, request: Request, now: float, writer: str) -> OperationEntry:
    entry = _entry(run, request, now, writer)
    by_name = {cell.name: cell for cell in board.plan.cells}
    unknown = [name for name in request.cells if name not in by_name]
    if unknown:
        what = f"no cell {one_line(unknown[0], limit=63)!r} in generation {board.plan.generation}"
        remedy = "write names from the column CELL of matrix.md"
        return replace(entry, message=f"annotation {ANNOTATIONS['rerun']}: there is {what}; {remedy}")
    cells = [by_name[name] for name in request.cells] or board.plan.cells
    selected: dict[str, dict[int, int]] = {}
    for cell in cells:
        trials = {
            trial: board.next_attempt((cell.hash, trial))
            for trial in range(cell.trials)
            if request.scope != "failed" or _failed(board, (cell.hash, trial), cell.expect)
        }
        if trials:
            selected[cell.hash] = trials
    return replace(entry, trials=selected)


def _failed(board: Board, key: TrialKey, expect: str) -> bool:
    """Not as wanted; of what was cancelled also that which has no result, and what a rule has taken back."""
    record = board.results.get(key)
    if record is None:
        attempts = board.attempts(key)
        taken_back = board.is_due(key) and bool(attempts) and attempts[-1].outcome is Outcome.CANCELLED
        return taken_back or board.operations.cancelled(*key)
    return not is_as_wanted(record, expect)


def _mark(run: Run, generation: int, now: float, writer: str) -> list[OperationEntry]:
    """When the matrix was suspended, for the clock of its deadline, which runs from the first launch on."""
    suspended, board = run.policy.suspended, run.board
    begun = board is not None and board.begun
    if suspended == run.operations.suspended or not (begun or run.operations.suspended):
        return []
    request = Request("suspend" if suspended else "resume", str(generation))
    return [] if request.key in run.ledger.operations else [_entry(run, request, now, writer)]


def _note(run: Run, body: Mapping[str, Any]) -> None:
    """For the status: which tokens were handled last, and what is wrong with those that are there now."""
    known = run.ledger.operations
    run.tokens = {action: token for action, token in known if action in ANNOTATIONS}
    here = [request for request in requests(body) if request.key in known]
    run.tokens |= {request.action: request.token for request in here}
    run.refused = "; ".join(message for request in here if (message := known[request.key].message))
