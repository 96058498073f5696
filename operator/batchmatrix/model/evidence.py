"""How an attempt ended: the evidence that is gathered and the names of the possible outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from batchmatrix.model.metric import MetricValue
from batchmatrix.model.observed import JobState, PodState

__all__ = ["Blame", "Captured", "Evidence", "HoldRequest", "Intent", "LogState", "Outcome", "Verdict"]


class Outcome(StrEnum):
    """How an attempt ended. The values leave the process (records, reports, retry keys): never rename one."""

    SUCCEEDED = "Succeeded"
    UNEXPECTED_EXIT = "UnexpectedExit"
    TIMEOUT = "Timeout"
    OOM_KILLED = "OOMKilled"
    IMAGE_ERROR = "ImageError"
    CONFIG_ERROR = "ConfigError"
    UNSCHEDULABLE = "Unschedulable"
    PREEMPTED = "Preempted"
    EVICTED = "Evicted"
    NODE_LOST = "NodeLost"
    INTERRUPTED = "Interrupted"
    RATE_LIMITED = "RateLimited"
    INCOMPLETE = "Incomplete"
    LOG_LOST = "LogLost"
    NAME_CONFLICT = "NameConflict"
    CANCELLED = "Cancelled"


class Blame(StrEnum):
    """Whose fault an outcome is."""

    NOBODY = "nobody"
    WORKLOAD = "workload"
    INFRASTRUCTURE = "infrastructure"
    QUEUE = "queue"
    """What admits Jobs took it out to let others in."""


class LogState(StrEnum):
    """How much of a log is in the store."""

    COMPLETE = "complete"
    TRUNCATED = "truncated"
    """Some of it is there and some is known to be missing, or it met its size limit."""
    LOST = "lost"
    """There was a container, and nothing of what it wrote could be kept."""
    NONE = "none"
    """No container ever started, so there was nothing to keep."""


@dataclass(frozen=True, slots=True)
class HoldRequest:
    """What the `::hold` lines of one log ask for, all of them together: that nothing new is started for a while."""

    until: float | None = None
    """Latest time that is named, Unix seconds; None where none is."""
    seconds: float | None = None
    """Longest time that is named, counted from the container's end; None where none is."""


@dataclass(frozen=True, slots=True)
class Captured:
    """What became of one pod's log."""

    state: LogState
    bytes: int = 0
    """Raw bytes the container wrote, as far as they were kept."""
    lines: int = 0
    sha256: str = ""
    """Over the raw bytes; empty for LOST and NONE."""
    key: str = ""
    """Prefix in the store under which the chunks and the manifest lie."""
    metrics: tuple[MetricValue, ...] = ()
    parser: str = ""
    """Digest of the rules that it was read by."""
    message: str = ""
    """Why the log is not complete; one line."""
    capped: bool = False
    """TRUNCATED for no other cause than a limit on its size: no gap lies in what was kept."""
    limit: str = ""
    """Which limit that was; empty for the user's own `logs.maxBytes`."""
    hold: HoldRequest | None = None
    """None where the log holds no `::hold` line."""
    long_lines: int = 0
    """Lines that were too long to be looked at for metrics; they are kept like the others."""
    malformed: int = 0
    """Lines that began with `::metric` and could not be read."""


@dataclass(frozen=True, slots=True)
class Intent:
    """Something the operator resolved to do to an attempt and wrote down before doing it."""

    action: str
    """`timeout`, `cancel`, `unschedulable`, `image`, `config`, `conflict`, `nodelost`."""
    time: float
    message: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known about one attempt that has ended."""

    job: JobState | None
    pod: PodState | None
    captured: Captured
    intent: Intent | None = None
    missing_metrics: tuple[str, ...] = ()
    """Required metrics that the log did not hold, or held only as invalid values."""
    missing_marker: str = ""
    """The end marker that is asked for, where the log does not hold it."""
    allowed_exit_codes: tuple[int, ...] | None = None
    """Exit codes that count as success, if the rest of the proof is there; None where that is not known."""
    reread: bool = False
    """What is missing was looked for in what the store has; else in all that was written, kept or not."""
    matrix_deleted: bool = False
    """Its BatchMatrix is deleted, and with it the cluster deletes Jobs and pods, often before we can."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of an attempt with what a reader needs to act on it."""

    outcome: Outcome
    blame: Blame
    reason: str
    """Code of the case in the table of outcomes, which is finer than the outcome: `LogGap`."""
    message: str
    """Cause and remedy in plain words, one line."""
