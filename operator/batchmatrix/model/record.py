"""The durable result of one attempt: one row of the ledger. Its JSON form is fixed by a golden file."""

from __future__ import annotations

from dataclasses import dataclass

from batchmatrix.model.evidence import Blame, Captured, Outcome
from batchmatrix.model.launch import AttemptId
from batchmatrix.model.metric import MetricValue

__all__ = ["RECORD_SCHEMA", "IntentEntry", "ReadingEntry", "Record"]

RECORD_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Record:
    """One attempt that ended. Times are RFC 3339 texts as Kubernetes gave them, empty where unknown."""

    namespace: str
    matrix: str
    matrix_uid: str
    generation: int
    cell: str
    id: AttemptId
    rerun: int
    """How often this trial had been asked to run again by hand when this attempt started."""
    seed: int
    job: str
    """Name of the Job, empty where none was made."""
    pod: str
    pod_uid: str
    node: str
    image: str
    image_digest: str
    outcome: Outcome
    blame: Blame
    reason: str
    """Code of the case in the table of outcomes (outcome.cases); empty in records of before there was one."""
    message: str
    exit_code: int | None
    signal: int | None
    created: str
    started: str
    finished: str
    run_seconds: float | None
    gpu_seconds: float | None
    """run_seconds times the number of extended-resource devices asked for."""
    log: Captured
    recorded: str
    writer: str
    """Identity of the process that wrote it."""
    hold_until: str = ""
    """RFC 3339 time before which the matrix starts nothing because of this attempt; empty for none."""
    pod_reason: str = ""
    """Why its pod counts as failed, where the container's exit code alone does not say so."""
    turned: bool = False
    """Its outcome is not the one that it was written with: reading its log by later rules has changed it. Never in the
    record itself, as that stays as it was written."""
    more_logs: tuple[Captured, ...] = ()
    """Of the other programs that ran in the attempt, each with a log of its own: in imported runs alone, never in a
    ledger."""

    @property
    def key(self) -> str:
        """What makes two records the same: the pod, or the attempt where there never was a pod."""
        return self.pod_uid or f"{self.id.cell_hash}/{self.id.trial}/{self.id.attempt}"


@dataclass(frozen=True, slots=True)
class IntentEntry:
    """What the operator resolved to do to an attempt, in the ledger before it does it."""

    id: AttemptId
    job: str
    pod_uid: str
    action: str
    time: str
    message: str
    writer: str


@dataclass(frozen=True, slots=True)
class ReadingEntry:
    """What a record says by rules that came after it: in the ledger beside the record, which stays as it was written.

    The last one holds. Fields are those of Record that it takes the place of.
    """

    key: str
    """Of the record."""
    id: AttemptId
    generation: int
    """Whose rules these are."""
    parser: str
    metrics: tuple[MetricValue, ...]
    outcome: Outcome
    blame: Blame
    reason: str
    message: str
    time: str
    """RFC 3339."""
    writer: str
    long_lines: int = 0
    malformed: int = 0
