"""One attempt of one trial as it is handed to a back end."""

from __future__ import annotations

from dataclasses import dataclass

from batchmatrix.model.cell import Cell, MatrixRef

__all__ = ["AttemptId", "Launch", "Mutation", "RetryRule", "Tuning"]


@dataclass(frozen=True, slots=True, order=True)
class AttemptId:
    """Which start of which trial of which cell; unique in the life of a matrix object."""

    cell_hash: str
    trial: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Mutation:
    """What a retry changes against the attempt before it."""

    avoid_nodes: tuple[str, ...] = ()
    memory_factor: str = "1"
    """Decimal text; multiplies memory requests and limits of the cell."""


@dataclass(frozen=True, slots=True)
class RetryRule:
    """How often, and with what change, a trial is started again after one kind of outcome."""

    limit: int
    """Retries over the life of the trial (since it was last asked to run again by hand)."""
    memory_factor: str = "1"
    """Decimal text; each such retry multiplies the memory by it once more."""
    avoid_node: bool = False
    """Keep away from the node where this happened."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """Fields of the pod that are not part of what runs, so an edit of them starts nothing anew."""

    active_deadline_seconds: int | None
    """Backstop for a dead operator; the operator's own timeout comes first."""
    termination_grace_seconds: int | None = None
    image_pull_policy: str | None = None
    image_pull_secrets: tuple[str, ...] = ()
    priority_class: str | None = None


@dataclass(frozen=True, slots=True)
class Launch:
    """Everything from which a Job (or a local process) is made; no other input is needed."""

    matrix: MatrixRef
    generation: int
    cell: Cell
    trial: int
    attempt: int
    tuning: Tuning
    mutation: Mutation = Mutation()

    @property
    def id(self) -> AttemptId:
        """Key of the attempt."""
        return AttemptId(self.cell.hash, self.trial, self.attempt)

    @property
    def seed(self) -> int:
        """BATCHMATRIX_SEED of this trial."""
        return self.cell.seed + self.trial
