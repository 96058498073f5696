"""What can be wrong with a ledger."""

from __future__ import annotations

from batchmatrix.base.errors import BatchMatrixError, LeaseLost

__all__ = ["BrokenLedger", "Conflict"]


class BrokenLedger(BatchMatrixError):
    """An object of the ledger is missing, damaged, or of a schema this version cannot read; names the object."""


class Conflict(LeaseLost):
    """Another process wrote to this ledger since it was opened: this one may not act on it any more."""
