"""Who may act."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Fence"]


class Fence(Protocol):
    """Asked in the same step as each mutating call is sent."""

    def check(self) -> None:
        """Raises LeaseLost when this process may not act any more."""
        ...
