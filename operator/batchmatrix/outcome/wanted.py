"""Whether the result of one trial is what was expected of its cell. Pure."""

from __future__ import annotations

from batchmatrix.model.evidence import Blame, Outcome
from batchmatrix.model.record import Record

__all__ = ["is_as_wanted", "speaks_against"]


def is_as_wanted(record: Record, expect: str) -> bool:
    """Whether it shows what `expect` (`success`, `fail` or `any`) asks for; what shows nothing does not."""
    good = record.outcome is Outcome.SUCCEEDED
    bad = record.blame is Blame.WORKLOAD
    if expect == "fail":
        return bad and record.outcome is not Outcome.INCOMPLETE
    return good or (bad and expect == "any")


def speaks_against(record: Record, expect: str) -> bool:
    """Whether it counts as failed for rules that stop a matrix early.

    Where success is expected anything else does, infrastructure's doing too; what somebody cancelled shows nothing.
    """
    if expect == "success":
        return record.outcome not in (Outcome.SUCCEEDED, Outcome.CANCELLED)
    return expect == "fail" and record.outcome is Outcome.SUCCEEDED
