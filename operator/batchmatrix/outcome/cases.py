"""The rows of the one table of outcomes: whose fault each is, which retry budget it draws on, what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from batchmatrix.model.evidence import Blame, Outcome

__all__ = ["TABLE", "TRY_LATER", "Case", "Row", "retry_key"]

TRY_LATER = 75
"""Exit code by which a program asks to be tried again later: EX_TEMPFAIL of sysexits.h."""


class Case(StrEnum):
    """Ways an attempt can end, finer than its outcome. The values leave the process, as reasons: never rename one."""

    SUCCEEDED = "Succeeded"
    SUCCEEDED_CAPPED = "SucceededLogCut"
    EXIT = "ExitNotAllowed"
    TIMEOUT = "RanTooLong"
    TIMEOUT_UNSTARTED = "NeverStarted"
    OOM = "OutOfMemory"
    IMAGE = "NoImage"
    CONFIG = "CannotStart"
    UNSCHEDULABLE = "NoNodeFits"
    PREEMPTED = "Preempted"
    SUSPENDED = "JobSuspended"
    EVICTED = "Evicted"
    TURNED_AWAY = "NodeRefused"
    NODE_LOST = "NodeSilent"
    NODE_GONE = "NodeGone"
    NODE_FORGOT = "NodeForgot"
    DELETED = "PodDeleted"
    VANISHED = "PodVanished"
    RATE_LIMITED = "RateLimited"
    HOLD_ASKED = "HoldAsked"
    STOPPED_ALLOWED = "ExitWhileStopped"
    LOG_GAP = "LogGap"
    CODES_UNKNOWN = "ExitCodesUnknown"
    NO_MARKER = "NoEndMarker"
    NO_MARKER_CAPPED = "NoEndMarkerLogCut"
    NO_METRIC = "NoMetric"
    NO_METRIC_CAPPED = "NoMetricLogCut"
    LOG_LOST = "LogLost"
    UNSEEN_SUCCESS = "PodUnseen"
    CONFLICT = "NameTaken"
    CANCELLED = "Cancelled"


@dataclass(frozen=True, slots=True)
class Row:
    """What follows from one way to end."""

    outcome: Outcome
    blame: Blame
    cause: str
    """How it ends, in a few plain words."""
    remedy: str
    """What the reader can do, in plain words; empty where there is nothing to do."""
    retry: Outcome
    """Key in `spec.retry` whose budget pays for another attempt. One per outcome and blame."""

    @property
    def counts_in_failure_rate(self) -> bool:
        """Only what the workload did itself says something about its condition."""
        return self.blame is Blame.WORKLOAD


def _row(outcome: Outcome, blame: Blame, cause: str, remedy: str, *, retry: Outcome | None = None) -> Row:
    return Row(outcome, blame, cause, remedy, outcome if retry is None else retry)


_WORKLOAD, _INFRA, _NOBODY = Blame.WORKLOAD, Blame.INFRASTRUCTURE, Blame.NOBODY

TABLE: dict[Case, Row] = {
    Case.SUCCEEDED: _row(Outcome.SUCCEEDED, _NOBODY, "succeeded", ""),
    Case.SUCCEEDED_CAPPED: _row(
        Outcome.SUCCEEDED,
        _NOBODY,
        "succeeded, log cut by the user's limit",
        "raise that limit to keep the whole log",
    ),
    Case.EXIT: _row(
        Outcome.UNEXPECTED_EXIT,
        _WORKLOAD,
        "ended with an exit code that is not allowed",
        "the end of its log says more",
    ),
    Case.TIMEOUT: _row(
        Outcome.TIMEOUT,
        _WORKLOAD,
        "ran too long",
        "look for a hang at the end of its log, or raise the cell's timeout (spec.workload.timeout)",
    ),
    Case.TIMEOUT_UNSTARTED: _row(
        Outcome.TIMEOUT,
        _INFRA,
        "pod's deadline passed before the container started",
        "its container never started: look at the node, or raise spec.pending.imagePull",
    ),
    Case.OOM: _row(
        Outcome.OOM_KILLED,
        _WORKLOAD,
        "out of memory",
        "raise the memory limit in spec.workload.resources, or set spec.retry.OOMKilled",
    ),
    Case.IMAGE: _row(
        Outcome.IMAGE_ERROR,
        _INFRA,
        "no image",
        "check the image's name, and that the node can pull it (imagePullSecrets)",
    ),
    Case.CONFIG: _row(
        Outcome.CONFIG_ERROR,
        _INFRA,
        "its container, or its pod, cannot be made",
        "check command, volumes, secrets, config maps and service account that the workload names",
    ),
    Case.UNSCHEDULABLE: _row(
        Outcome.UNSCHEDULABLE,
        _INFRA,
        "no node can hold it",
        "add such a node, or change the hardware entry or spec.workload.resources",
    ),
    Case.PREEMPTED: _row(Outcome.PREEMPTED, _INFRA, "pushed aside", "spec.retry.Preempted says how often to try again"),
    Case.SUSPENDED: _row(
        Outcome.PREEMPTED,
        Blame.QUEUE,
        "its Job was suspended under it, as queues do",
        "nothing: it starts again when its Job is resumed, and that is no further attempt",
    ),
    Case.EVICTED: _row(
        Outcome.EVICTED, _INFRA, "evicted, or driven off by a taint", "spec.retry.Evicted says how often to try again"
    ),
    Case.TURNED_AWAY: _row(
        Outcome.EVICTED, _INFRA, "the node refused the pod", "the node refused the pod: look at its devices and kubelet"
    ),
    Case.NODE_LOST: _row(
        Outcome.NODE_LOST,
        _INFRA,
        "given up, the node does not answer",
        "its old process may still run there: make sure that the node is really down",
    ),
    Case.NODE_GONE: _row(
        Outcome.NODE_LOST, _INFRA, "lost with its node", "its old process may still run if the node is only cut off"
    ),
    Case.NODE_FORGOT: _row(
        Outcome.NODE_LOST,
        _INFRA,
        "the node does not know how the container ended",
        "the node may have restarted: look at its kubelet",
    ),
    Case.DELETED: _row(
        Outcome.INTERRUPTED, _INFRA, "deleted by somebody else", "run the trial again if that was not meant"
    ),
    Case.VANISHED: _row(
        Outcome.INTERRUPTED, _INFRA, "gone without a trace", "run the trial again; nothing proves how it ended"
    ),
    Case.RATE_LIMITED: _row(
        Outcome.RATE_LIMITED,
        _INFRA,
        "ended with exit code 75, which asks to be tried again later",
        "nothing: it is started again after the hold, as often as spec.retry.RateLimited says",
    ),
    Case.HOLD_ASKED: _row(
        Outcome.RATE_LIMITED,
        _INFRA,
        "ended with an exit code that is not allowed, and a `::hold` line in its log",
        "nothing: it is started again after the hold, as often as spec.retry.RateLimited says",
    ),
    Case.STOPPED_ALLOWED: _row(
        Outcome.INCOMPLETE,
        _INFRA,
        "allowed exit code while it was being stopped",
        "an exit code proves nothing while a pod is being stopped: run the trial again",
        retry=Outcome.INTERRUPTED,
    ),
    Case.LOG_GAP: _row(
        Outcome.INCOMPLETE,
        _INFRA,
        "allowed exit code, part of the log missing",
        "without its whole log the result is not proved: run the trial again",
        retry=Outcome.INTERRUPTED,
    ),
    Case.CODES_UNKNOWN: _row(
        Outcome.INCOMPLETE,
        _INFRA,
        "an exit code, and nobody knows which are allowed",
        "whether that is a success cannot be said: run the trial again",
        retry=Outcome.INTERRUPTED,
    ),
    Case.NO_MARKER: _row(
        Outcome.INCOMPLETE,
        _WORKLOAD,
        "allowed exit code, end marker missing",
        "look at the end of its log, or correct spec.workload.endMarker",
    ),
    Case.NO_MARKER_CAPPED: _row(
        Outcome.INCOMPLETE,
        _NOBODY,
        "allowed exit code, end marker not in the part of the log that was kept",
        "what came after the cut cannot be read again: raise that limit and run the trial again",
    ),
    Case.NO_METRIC: _row(
        Outcome.INCOMPLETE,
        _WORKLOAD,
        "allowed exit code, required metrics missing",
        "make the workload print them, or correct the pattern in spec.metrics",
    ),
    Case.NO_METRIC_CAPPED: _row(
        Outcome.INCOMPLETE,
        _NOBODY,
        "allowed exit code, required metrics missing, log cut by the user's limit",
        "raise that limit, or print them earlier",
    ),
    Case.LOG_LOST: _row(
        Outcome.LOG_LOST,
        _INFRA,
        "allowed exit code, no log",
        "without its log the result is not proved: run the trial again",
    ),
    Case.UNSEEN_SUCCESS: _row(
        Outcome.LOG_LOST,
        _INFRA,
        "the Job is complete, its pod was never seen to end",
        "without its pod and log the result is not proved: run the trial again",
    ),
    Case.CONFLICT: _row(
        Outcome.NAME_CONFLICT,
        _INFRA,
        "a foreign object has its name",
        "remove or rename that object, or rename the matrix",
    ),
    Case.CANCELLED: _row(Outcome.CANCELLED, _NOBODY, "cancelled, or deleted with its matrix", ""),
}

_RETRY = {(row.outcome, row.blame): row.retry for row in TABLE.values()}


def retry_key(outcome: Outcome, blame: Blame) -> Outcome:
    """The key in `spec.retry` that a recorded attempt draws on."""
    return _RETRY.get((outcome, blame), outcome)
