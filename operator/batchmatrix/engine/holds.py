"""When a matrix is on hold because a rate limit was met, worked out from its records alone.

A hold is asked for by an attempt and holds for the whole matrix: the limit is that of an account or a service, and
whatever is started next would meet it too. It can be made longer, never shorter. Times are Unix seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from batchmatrix.base.clock import format_rfc3339, parse_rfc3339
from batchmatrix.engine.attempt import Attempt
from batchmatrix.model.evidence import HoldRequest, Outcome
from batchmatrix.model.record import Record
from batchmatrix.outcome.cases import TRY_LATER

__all__ = ["FARTHEST", "FIRST", "LONGEST", "Holds", "is_to_ask"]

FIRST = 300.0
"""Seconds of a hold where the attempt does not say how long; doubled each time that a limit is met again after it."""
LONGEST = 3600.0
"""Seconds that this comes to at most."""
FARTHEST = 24 * 3600.0
"""Seconds of the longest hold that an attempt can ask for."""


def is_to_ask(attempt: Attempt, allowed: tuple[int, ...]) -> bool:
    """Whether it has ended in a way that puts the matrix on hold once it is recorded, as far as is known already.

    `allowed` are the exit codes that are a success for its cell.
    """
    if attempt.pod is None or not attempt.over or attempt.intent is not None:
        return False
    code = attempt.pod.container.exit_code
    if code is None or code in allowed:
        return False
    captured = attempt.capture.captured if attempt.capture is not None else None
    return code == TRY_LATER or (captured is not None and captured.hold is not None)


class Holds:
    """Holds of one matrix; records are taken in the order in which they became durable."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.until = -math.inf
        """End of the last hold."""
        self.because: Record | None = None
        """Whose attempt set that end."""
        self.spans: list[tuple[float, float]] = []
        """From when it was recorded until when each hold was asked for; they may overlap."""
        self._row = 0
        for record in records:
            self.add(record)

    def add(self, record: Record) -> None:
        """Take in a durable record."""
        limited = record.outcome is Outcome.RATE_LIMITED
        if not limited and not self._row:
            return
        after = record.created != "" and parse_rfc3339(record.created) >= self.until
        if not limited:
            if after and record.started:
                self._row = 0
            return
        self._row = self._row_with(after=after)
        until = parse_rfc3339(record.hold_until) if record.hold_until else -math.inf
        if record.hold_until:
            self.spans.append((parse_rfc3339(record.recorded), until))
        if until > self.until:
            self.until, self.because = until, record

    def end_of(self, asked: HoldRequest | None, *, created: float, ended: float) -> str:
        """RFC 3339 time until which an attempt puts the matrix on hold, if it is the next to be recorded.

        Without a time that lies after its end it is FIRST after it, and twice as long each time in a row that an
        attempt made after one hold leads to the next. Attempts that ran side by side count once.
        """
        named = [ended]
        if asked is not None and asked.until is not None:
            named.append(asked.until)
        if asked is not None and asked.seconds is not None:
            named.append(ended + asked.seconds)
        until = min(max(named), ended + FARTHEST)
        if until <= ended:
            row = self._row_with(after=created >= self.until)
            until = ended + min(LONGEST, FIRST * 2.0 ** min(row - 1, 30))
        return format_rfc3339(math.ceil(until))

    def _row_with(self, *, after: bool) -> int:
        """Holds in a row with one more attempt that asks for one; made `after` the last hold, or before its end."""
        return self._row + 1 if after or not self._row else self._row
