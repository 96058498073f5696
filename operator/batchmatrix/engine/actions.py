"""What the engine can resolve to do. Data only: decide makes them, apply carries them out."""

from __future__ import annotations

from dataclasses import dataclass

from batchmatrix.model.cell import Cell
from batchmatrix.model.evidence import Evidence
from batchmatrix.model.launch import AttemptId, Mutation
from batchmatrix.model.observed import JobState, PodState

__all__ = ["Action", "AskWhy", "Capture", "Delete", "Finish", "Intend", "Kill", "Release", "Seal", "Start"]


@dataclass(frozen=True, slots=True)
class Start:
    """Launch this attempt."""

    cell: Cell
    trial: int
    attempt: int
    mutation: Mutation


@dataclass(frozen=True, slots=True)
class AskWhy:
    """Look up why this Job has no pod."""

    job: JobState


@dataclass(frozen=True, slots=True)
class Capture:
    """Keep this pod's log; with `follow` while it is being written, else what is there now."""

    pod: PodState
    follow: bool
    unseen: bool = False
    """Not followed, and its container's end is taken as given, as its node is silent."""


@dataclass(frozen=True, slots=True)
class Seal:
    """Have what is known of this pod's log in the store now."""

    pod: PodState


@dataclass(frozen=True, slots=True)
class Intend:
    """Write into the ledger what is about to be done to this attempt, before it is done."""

    id: AttemptId
    job: str
    pod_uid: str
    action: str
    message: str


@dataclass(frozen=True, slots=True)
class Finish:
    """Record how this attempt ended."""

    id: AttemptId
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Kill:
    """End this pod; its finalizer keeps the object until it is recorded."""

    pod: PodState


@dataclass(frozen=True, slots=True)
class Release:
    """Take our finalizer off this pod: its record is durable."""

    pod: PodState


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove this Job: its record is durable and nobody wants to look at it any more."""

    job: JobState


Action = Start | AskWhy | Capture | Seal | Intend | Finish | Kill | Release | Delete
