"""What the exit status of a command has to be, by the result of a matrix."""

from __future__ import annotations

from batchmatrix.model.summary import Summary

__all__ = ["CELLS_FAILED", "GATE_FAILED", "INCONCLUSIVE", "PASSED", "recommended_exit"]

PASSED = 0
GATE_FAILED = 3
INCONCLUSIVE = 4
CELLS_FAILED = 5


def recommended_exit(verdict: str, summary: Summary) -> int:
    """CELLS_FAILED, GATE_FAILED, INCONCLUSIVE or PASSED, the first of them that is true.

    `verdict` is that of `summary`; one that is not there yet is not conclusive. Checks and gates that only warn count
    in nothing. What `fail` there is has a cell or a rule behind it; a verdict that somebody gave by other means is
    GATE_FAILED.
    """
    if verdict == "pass":
        return PASSED
    if any(cell.met is False for cell in summary.cells):
        return CELLS_FAILED
    return GATE_FAILED if verdict == "fail" else INCONCLUSIVE
