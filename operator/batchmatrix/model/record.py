"""The durable result of one attempt: one row of the ledger. Its JSON form is fixed by a golden file."""

from __future__ import annotations

from dataclasses import dataclass

from batchmatrix.model.evidence import Blame, Captured, Outcome
from batchmatrix.model.launch import AttemptId

__all__ = ["RECORD_SCHEMA", "IntentEntry", "Record"]

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
