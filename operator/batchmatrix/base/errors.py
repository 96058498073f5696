"""Errors that say by their type what the caller should do: stop, wait, or give the object up.

Every message is one line that names the field or object, its value and the remedy, because it is shown to a
user as it stands.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "AlreadyExists",
    "BatchMatrixError",
    "InvalidSpec",
    "LeaseLost",
    "NameConflict",
    "NotFound",
    "Problem",
    "Unavailable",
]


class BatchMatrixError(Exception):
    """Root of the errors of this package; its text is fit for a user."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with an input."""

    path: str
    """Where, as a field path: `spec.axes[0].values`."""
    message: str
    """What is wrong, with the value, and what to write instead; one line."""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class InvalidSpec(BatchMatrixError):
    """The user's input cannot be used; trying again without an edit is useless (condition Stalled)."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in problems))


class Unavailable(BatchMatrixError):
    """Something outside (API server, store) did not answer or refused for now: try again later."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds the other side asked us to wait, where it said so."""


class NotFound(BatchMatrixError):
    """The object asked for does not exist."""


class AlreadyExists(BatchMatrixError):
    """The object that should be created is there already."""


class NameConflict(BatchMatrixError):
    """A foreign object has the name that one of ours must have; it is left alone."""


class LeaseLost(BatchMatrixError):
    """This process may not act any more; nothing may be sent after it."""
