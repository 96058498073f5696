"""Exit codes: a public contract."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Exit"]


class Exit(IntEnum):
    """What a caller can tell from the exit status.

    Where several are true, the first of 130, 1, 6, 2, 5, 3, 4, 0 is given.
    """

    OK = 0
    """Done; where there is a verdict, it is pass."""
    ERROR = 1
    """Usage, configuration, input or I/O."""
    TIMEOUT = 2
    """What was waited for did not come in time."""
    GATE_FAILED = 3
    """A gate or a check failed."""
    INCONCLUSIVE = 4
    """The verdict could not be decided."""
    CELLS_FAILED = 5
    """Cells did not show what was expected of them."""
    HELD = 6
    """Put on hold by a rate limit: run it again later."""
    SOMETHING_TO_RUN = 10
    """`plan --detailed-exitcode` alone: the plan would run something; 0 says that it would run nothing."""
    INTERRUPTED = 130
    """Ctrl-C: run it again to go on."""
