"""What was asked for by hand so far, as the ledger tells it: which trials run again, and which do not run. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from batchmatrix.base.clock import parse_rfc3339
from batchmatrix.model.launch import AttemptId
from batchmatrix.model.operation import OperationEntry

__all__ = ["Operations"]


class Operations:
    """Reruns, cancels and suspensions of one matrix in their order; the same entries give the same answers."""

    def __init__(self, entries: Iterable[OperationEntry] = ()) -> None:
        self.cancel: OperationEntry | None = None
        """The newest one; it may not hold for every trial any more."""
        self.rerun_time: float | None = None
        """Unix seconds of the newest rerun that selected anything."""
        self.suspensions: list[tuple[float, float | None]] = []
        """Unix seconds from and to, in order; None for one that goes on."""
        self._cancelled = -1
        self._rerun = -1
        self._reruns: dict[tuple[str, int], list[tuple[int, int]]] = {}
        """By cell hash and trial: place in the order, and number of its first attempt."""
        self.count = 0
        """Entries taken in."""
        for entry in entries:
            self.add(entry)

    def add(self, entry: OperationEntry) -> None:
        """Take in the next durable operation; what was refused or only seen changes nothing."""
        self.count += 1
        if entry.message:
            return
        if entry.action == "cancel":
            self.cancel, self._cancelled = entry, self.count
        elif entry.action == "rerun":
            self._add_rerun(entry)
        elif entry.action == "suspend" and not self.suspended:
            self.suspensions.append((parse_rfc3339(entry.time), None))
        elif entry.action == "resume" and self.suspended:
            self.suspensions[-1] = (self.suspensions[-1][0], parse_rfc3339(entry.time))

    def _add_rerun(self, entry: OperationEntry) -> None:
        for cell_hash, trials in entry.trials.items():
            for trial, first in trials.items():
                self._reruns.setdefault((cell_hash, trial), []).append((self.count, first))
        if entry.trials:
            self._rerun = self.count
            self.rerun_time = parse_rfc3339(entry.time)

    @property
    def suspended(self) -> bool:
        """Whether the last mark says that the matrix is suspended."""
        return bool(self.suspensions) and self.suspensions[-1][1] is None

    @property
    def all_cancelled(self) -> bool:
        """Whether no trial at all may start."""
        return self._cancelled > self._rerun

    def first(self, cell_hash: str, trial: int) -> int | None:
        """Number of the first attempt of the newest rerun of a trial; None where it was never asked for."""
        reruns = self._reruns.get((cell_hash, trial))
        return reruns[-1][1] if reruns else None

    def number(self, attempt: AttemptId) -> int:
        """How many reruns had selected the trial when this attempt started: Record.rerun."""
        reruns = self._reruns.get((attempt.cell_hash, attempt.trial), ())
        return sum(first <= attempt.attempt for _, first in reruns)

    def asked(self, cell_hash: str, trial: int) -> int:
        """How many reruns have selected the trial so far, whether an attempt of the last one has started or not."""
        return len(self._reruns.get((cell_hash, trial), ()))

    def cancelled(self, cell_hash: str, trial: int) -> bool:
        """Whether no attempt of this trial may start: a cancel stands after the last rerun that selected it."""
        if self._cancelled < 0:
            return False
        reruns = self._reruns.get((cell_hash, trial))
        return not reruns or reruns[-1][0] < self._cancelled

    def cancels(self, attempt: AttemptId) -> bool:
        """Whether this attempt is to end: one of a rerun that came after the cancel is not."""
        if self._cancelled < 0:
            return False
        reruns = self._reruns.get((attempt.cell_hash, attempt.trial), ())
        return all(place < self._cancelled or attempt.attempt < first for place, first in reruns)
