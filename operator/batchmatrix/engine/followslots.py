"""How many logs the whole operator may follow at one time, and who has a claim to be among them."""

from __future__ import annotations

__all__ = ["FollowSlots"]


class FollowSlots:
    """Places for logs that are followed.

    A log that has to be followed (`logs.mode: follow`) has its place promised before its attempt starts: one that
    found no place would be read at its end, when the node may have rotated some of it away without a trace.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        """Logs that are followed."""
        self._promised: dict[str, int] = {}

    def free_for(self, matrix_uid: str) -> int:
        """How many more logs of this matrix may be followed, its own promises included."""
        others = sum(count for uid, count in self._promised.items() if uid != matrix_uid)
        return max(0, self.limit - self.used - others)

    def promise(self, matrix_uid: str, count: int) -> None:
        """From now on so many attempts of this matrix have a claim; 0 where none has."""
        if count:
            self._promised[matrix_uid] = count
        else:
            self._promised.pop(matrix_uid, None)
