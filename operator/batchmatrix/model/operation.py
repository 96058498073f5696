"""What somebody asked for once, in the ledger before it is acted on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["OperationEntry"]


@dataclass(frozen=True, slots=True)
class OperationEntry:
    """One operation on a whole matrix. Each pair of action and token is in a ledger at most once."""

    action: str
    """`rerun` or `cancel`; `seen` for a token that was there before the matrix was; `suspend` or `resume`."""
    token: str
    """What tells it from others of its kind; of `suspend` and `resume` the generation that said so."""
    scope: str
    """Of a rerun what was selected, as it was written; of `seen` the action that is not done; else empty."""
    generation: int
    """Of the plan in force."""
    time: str
    """RFC 3339."""
    message: str
    """Why it was refused, in one line; empty if it was not."""
    writer: str
    trials: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    """Of a rerun by cell hash and trial: number of the first attempt that belongs to it, so that no plan is needed."""

    @property
    def key(self) -> tuple[str, str]:
        """What makes two operations the same; a token that was seen is one that was handled."""
        return (self.scope if self.action == "seen" else self.action, self.token)
