"""Exit codes: a public contract."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Exit"]


class Exit(IntEnum):
    """What a caller can tell from the exit status."""

    OK = 0
    ERROR = 1
    """Usage, configuration or I/O."""
    INTERRUPTED = 130
    """Ctrl-C."""
