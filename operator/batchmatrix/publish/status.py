"""The status of a BatchMatrix: counters and conditions, never rows, as kubectl and kstatus read them.

active     Reconciling=True   Ready=False  Succeeded=Unknown/(Pending|Running|Queued|Held|Suspended)  Stalled=False
good       Reconciling=False  Ready=True   Succeeded=True/Succeeded                                   Stalled=False
bad        Reconciling=False  Ready=False  Succeeded=False/(CellsFailed|GateFailed|                   Stalled=True
                                               Inconclusive|Cancelled|DeadlineExceeded)
preflight  Reconciling=False  Ready=False  Succeeded=Unknown/PreflightFailed                          Stalled=True
bad spec   Reconciling=False  Ready=False  Succeeded=Unknown/InvalidSpec                              Stalled=True

Finished is True for good and bad.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from batchmatrix.base.text import one_line

__all__ = ["Progress", "status_body"]

_MESSAGE = 1024
_STUCK = ("InvalidSpec", "PreflightFailed")
"""Reasons of a matrix that has not ended, and does not go on before somebody does something."""

_REASONS = {"pass": "Succeeded", "fail": "GateFailed"}


@dataclass(frozen=True, slots=True)
class Progress:
    """How a matrix stands, as the engine knows it. Counts are trials unless it says otherwise."""

    generation: int
    """Of the spec that this speaks of, valid or not."""
    problem: str = ""
    """Why that spec cannot be used, in one line; empty for a valid one. The counts are then those of the run before."""
    suspended: bool = False
    """Nothing new starts by the user's will; what runs, finishes."""
    held: str = ""
    """Until when nothing starts and because of which trial, in one line; empty where there is no hold."""
    preflight: str = ""
    """Phase of the preflight that is under way; empty if none is."""
    barred: str = ""
    """Why nothing starts after a failed preflight, in one line; empty if that is not so."""
    stopped: str = ""
    """What keeps trials from running for good, and how many, in one line; empty where nothing does."""
    stop_reason: str = ""
    """Reason of the conditions for that, once nothing runs; empty where the verdict gives it."""
    complete: bool = False
    """No trial will have another result, and the results are published."""
    verdict: str = ""
    cells_failed: bool = False
    """A cell is not as expected."""
    """`pass`, `fail` or `inconclusive` of a complete run."""
    reason: str = ""
    """Why, as in the summary."""
    cells: int = 0
    total: int = 0
    done: int = 0
    succeeded: int = 0
    failed: int = 0
    running: int = 0
    pending: int = 0
    queued: int = 0
    waiting: int = 0
    rereading: int = 0
    """Records that are read anew by rules that came after them."""
    sent: int = 0
    """Of those pending or queued: trials that will start if nobody does anything, suspended or not."""
    outcomes: Mapping[str, int] = field(default_factory=dict)
    """Results by outcome."""
    logs: Mapping[str, int] = field(default_factory=dict)
    """Logs of all recorded attempts by state."""
    retries: int = 0
    """Attempts beyond the first of each trial."""
    results: str = ""
    """URL of this run's folder in the store."""
    shard: int = 0
    """Number of the ledger's last shard."""
    records: int = 0
    """Records in all shards."""
    shard_sha256: str = ""
    start_time: str = ""
    """RFC 3339; empty before the first start."""
    completion_time: str = ""
    """RFC 3339; empty before the end."""
    waiting_for: str = ""
    """What the first trial that waits is waiting for, or what keeps the operator from going on."""
    refused: str = ""
    """What is wrong with tokens on the object, in one line; empty where nothing is."""
    operations: Mapping[str, str] = field(default_factory=dict)
    """By action the token that was handled last."""
    drift: str = ""
    """What catalogs say otherwise than this run was pinned with, in one line; empty where nothing differs."""


def status_body(progress: Progress, *, previous: Mapping[str, Any] | None, now: str) -> dict[str, Any]:
    """The whole status, to be written in place of `previous`. `now` (RFC 3339) dates what has changed.

    The same progress after the same status gives the same status again, so that nothing need be written.
    """
    reason, message = _state(progress)
    if progress.drift and not progress.problem:
        message = f"{message}; {progress.drift}"
    if progress.refused:
        message = f"{progress.refused}; {message}"
    message = one_line(message, limit=_MESSAGE)
    old = {condition.get("type"): condition for condition in (previous or {}).get("conditions") or ()}
    conditions = [
        {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "observedGeneration": progress.generation,
            "lastTransitionTime": _since(old.get(kind), status, now),
        }
        for kind, status in _statuses(progress, reason).items()
    ]
    status: dict[str, Any] = {
        "observedGeneration": progress.generation,
        "conditions": conditions,
        "progress": f"{progress.done}/{progress.total}",
        "cells": progress.cells,
        "trials": {
            "total": progress.total,
            "done": progress.done,
            "succeeded": progress.succeeded,
            "failed": progress.failed,
            "running": progress.running,
            "pending": progress.pending,
            "queued": progress.queued,
            "waiting": progress.waiting,
        },
        "running": progress.running,
        "failed": progress.failed,
        "verdict": progress.verdict if progress.complete else "",
        "outcomes": {name: count for name, count in sorted(progress.outcomes.items()) if count},
        "logs": {state: progress.logs.get(state, 0) for state in ("complete", "truncated", "lost")},
        "retries": progress.retries,
        "results": progress.results,
        "ledger": {"shard": progress.shard, "records": progress.records, "sha256": progress.shard_sha256},
        "message": message,
    }
    if progress.operations:
        status["operations"] = dict(sorted(progress.operations.items()))
    if progress.start_time:
        status["startTime"] = progress.start_time
    if progress.completion_time:
        status["completionTime"] = progress.completion_time
    return status


def _state(progress: Progress) -> tuple[str, str]:
    """Reason and message, the same for all conditions: they are views of one state."""
    counts = f"{progress.done} of {progress.total} trials done"
    suspended = _suspended(progress.sent) if progress.suspended else ""
    if progress.problem:
        if progress.done >= progress.total:
            return "InvalidSpec", progress.problem
        goes_on = progress.stopped or suspended or "what an earlier spec started goes on"
        return "InvalidSpec", f"{progress.problem}; {goes_on} ({counts})"
    if progress.complete:
        said = [text for text in (progress.reason, progress.waiting_for) if text]
        return progress.stop_reason or _over(progress), "; ".join(said)
    parts = [
        counts,
        *(
            f"{count} {word}"
            for count, word in (
                (progress.running, "running"),
                (progress.pending, "starting"),
                (progress.queued, "queued"),
                (progress.failed, "failed"),
            )
            if count
        ),
    ]
    check = f"its preflight is {progress.preflight}" if progress.preflight else ""
    said = [
        progress.stopped,
        suspended,
        progress.held,
        progress.barred,
        check,
        _reading(progress.rereading),
        progress.waiting_for,
    ]
    said = [text for text in said if text]
    message = "; ".join([", ".join(parts), *said])
    if progress.suspended:
        return "Suspended", message
    if progress.held:
        return "Held", message
    if progress.barred:
        return "PreflightFailed", message
    if progress.running or progress.rereading:
        return "Running", message
    return ("Queued" if progress.queued and not progress.pending else "Pending"), message


def _over(progress: Progress) -> str:
    """A cell that is not as expected goes before a check or gate that failed: those may fail because of it."""
    return "CellsFailed" if progress.cells_failed else _REASONS.get(progress.verdict, "Inconclusive")


def _reading(count: int) -> str:
    return f"{count} {'result is' if count == 1 else 'results are'} read anew" if count else ""


def _suspended(sent: int) -> str:
    """What suspension stops and what not; `sent` as in Progress."""
    trials = "1 trial" if sent == 1 else f"{sent} trials"
    still = f"{trials} already sent to the cluster will still run; " if sent else ""
    return f"suspended, nothing new starts; {still}set spec.suspend to false to go on"


def _statuses(progress: Progress, reason: str) -> dict[str, str]:
    """Status by condition, in the order in which they are shown."""
    over = progress.complete and not progress.problem
    good = over and reason == "Succeeded"
    stuck = reason in _STUCK
    return {
        "Succeeded": str(good) if over else "Unknown",
        "Reconciling": str(not over and not stuck),
        "Ready": str(good),
        "Stalled": str(stuck or (over and not good)),
        "Finished": str(over),
    }


def _since(old: Mapping[str, Any] | None, status: str, now: str) -> str:
    """A condition's time is that of its last change of status, not of its reason or message."""
    if old is not None and old.get("status") == status and old.get("lastTransitionTime"):
        return str(old["lastTransitionTime"])
    return now
