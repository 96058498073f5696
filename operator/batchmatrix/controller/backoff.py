"""When a matrix whose pass came to nothing gets its next one."""

from __future__ import annotations

from collections.abc import Callable

from batchmatrix.model.cell import MatrixRef

__all__ = ["LONGEST", "Backoff"]

LONGEST = 60.0
"""Seconds between two passes at most, as far as it is for us to say."""


class Backoff:
    """Counts the failures of each matrix in a row; each makes the wait for the next pass twice as long."""

    def __init__(self, *, jitter: Callable[[], float]) -> None:
        """`jitter` is what a wait is multiplied by, about 1: those that failed together shall not come together."""
        self._jitter = jitter
        self._failures: dict[MatrixRef, int] = {}

    def failed(self, ref: MatrixRef, *, asked: float = 0.0) -> float:
        """Seconds to wait.

        Where a wait was `asked` for, by a server or by a hold of our own, that is all: a pass that comes meanwhile,
        brought by an event, is no further failure, and must not put off what is due when the wait is over.
        """
        if asked > 0.0:
            return max(asked, self._jitter())
        failures = self._failures[ref] = self.failures(ref) + 1
        return min(LONGEST, 2.0 ** min(failures - 1, 6)) * self._jitter()

    def succeeded(self, ref: MatrixRef) -> None:
        """Begin to count anew."""
        self._failures.pop(ref, None)

    def failures(self, ref: MatrixRef) -> int:
        """How many there were in a row."""
        return self._failures.get(ref, 0)
