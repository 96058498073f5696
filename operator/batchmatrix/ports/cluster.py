"""What the engine sees of the world and tells it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from batchmatrix.model.cell import MatrixRef
from batchmatrix.model.observed import JobState, NodeState, PodState

__all__ = ["Children", "Nodes", "Publisher"]


class Children(Protocol):
    """Jobs and pods of matrices, from memory."""

    def jobs(self, matrix_uid: str) -> Sequence[JobState]:
        """All Jobs whose owner has this uid."""
        ...

    def pods(self, matrix_uid: str) -> Sequence[PodState]:
        """All pods labelled with this matrix uid."""
        ...


class Nodes(Protocol):
    """Nodes, from memory."""

    def all(self) -> Sequence[NodeState] | None:
        """Every node, or None where nodes may not be read."""
        ...


class Publisher(Protocol):
    """Where a matrix shows how it is doing."""

    async def status(self, matrix: MatrixRef, status: dict[str, Any]) -> None:
        """Replace the status, if the object still is this very one. Raises NotFound, Unavailable."""
        ...

    async def summary(self, matrix: MatrixRef, data: dict[str, str]) -> None:
        """Create or replace ConfigMap `<matrix>-summary`, owned by the matrix. Raises NameConflict, Unavailable."""
        ...

    async def event(self, matrix: MatrixRef, *, kind: str, reason: str, message: str) -> None:
        """Tell about a turning point of the matrix (`Normal` or `Warning`); may be dropped under load."""
        ...
