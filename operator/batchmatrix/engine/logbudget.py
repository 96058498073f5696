"""How much all logs of one matrix may take together, so that no matrix fills the store that others need too."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["OPERATORS_LIMIT", "LogBudget", "Share"]

OPERATORS_LIMIT = "the operator's limits.logBytesPerMatrix"
"""What a log says that was cut for it."""


class LogBudget:
    """Raw bytes, as containers wrote them: of all attempts that the ledger has, and of logs that are being kept."""

    def __init__(self, limit: int, kept: int = 0) -> None:
        """`kept` are the bytes of the logs that have a record."""
        self._limit = limit
        self._kept = kept
        self._open: dict[str, int] = {}

    @property
    def room(self) -> int:
        """How many more may be kept."""
        return max(0, self._limit - self._kept - sum(self._open.values()))

    def share(self, pod_uid: str) -> Share:
        """For the log of this pod."""
        return Share(self, pod_uid)

    def note(self, pod_uid: str, size: int) -> None:
        """So much of this log is kept by now."""
        self._open[pod_uid] = size

    def settle(self, pod_uid: str, size: int) -> None:
        """The log has its record, in which its size is `size`."""
        self._open.pop(pod_uid, None)
        self._kept += size


@dataclass(frozen=True, slots=True)
class Share:
    """The budget as one log sees it."""

    budget: LogBudget
    pod_uid: str

    @property
    def room(self) -> int:
        """How many more bytes may be kept."""
        return self.budget.room

    def note(self, size: int) -> None:
        """So much of this log is kept by now."""
        self.budget.note(self.pod_uid, size)
