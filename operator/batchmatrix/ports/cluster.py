"""What the engine sees of the world and tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from batchmatrix.model.cell import MatrixRef
from batchmatrix.model.observed import JobState, NodeState, PodState

__all__ = ["CatalogObjects", "Children", "Matrices", "Nodes", "Publisher"]


class Matrices(Protocol):
    """BatchMatrix objects as the API server holds them, as plain mappings."""

    def get(self, uid: str) -> Mapping[str, Any] | None:
        """The object with this uid as last seen, from memory."""
        ...

    def forget(self, uid: str) -> None:
        """The server says that there is no such object any more, which the watch did not tell."""
        ...

    def departed(self, uid: str) -> str | None:
        """Name of the store whose results are to go with an object that was seen to be deleted; None if none are."""
        ...

    def see_off(self, uid: str) -> None:
        """Forget that."""
        ...

    async def read(self, ref: MatrixRef) -> Mapping[str, Any] | None:
        """Ask the server: the object, or None where none with this uid exists any more. Raises Unavailable."""
        ...


class CatalogObjects(Protocol):
    """MatrixCatalog objects as the API server holds them, as plain mappings."""

    def get(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        """The object as last seen, from memory; None where the watch has not shown it, or not yet."""
        ...

    async def read(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        """Ask the server: the object as it is now, or None where there is none. Raises Unavailable."""
        ...


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
