"""What a cell has shown, held against what was expected of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from batchmatrix.base.text import counted
from batchmatrix.model.evidence import Blame, Outcome
from batchmatrix.model.record import Record

__all__ = ["expectation"]


def expectation(expect: str, trials: int, records: Sequence[Record]) -> tuple[bool | None, str]:
    """Whether a cell of so many trials shows what is expected of it, and what speaks against that.

    `success` is met when every trial succeeded, `fail` when every trial failed by the workload's own doing, `any`
    by both. Where a failure is wanted, an allowed exit code that lacks its metrics is none. None is for what cannot
    be decided: trials that infrastructure or somebody else ended, or that have no result, have shown nothing. One
    trial to the contrary decides all the same.
    """
    good = sum(record.outcome is Outcome.SUCCEEDED for record in records)
    bad = Counter(record.outcome for record in records if record.blame is Blame.WORKLOAD)
    if expect == "fail":
        del bad[Outcome.INCOMPLETE]
    if expect == "success" and bad:
        return False, _count_words(bad)
    if expect == "fail" and good:
        return False, f"{counted(good, 'trial')} succeeded where all had to fail"
    if not trials:
        return None, "it has no trial"
    if good + bad.total() == trials:
        return True, ""
    nothing = Counter(record.outcome for record in records)
    nothing.subtract(bad)
    nothing[Outcome.SUCCEEDED] = 0
    missing = trials - len(records)
    parts = [_count_words(nothing), f"{counted(missing, 'trial')} without a result" if missing else ""]
    return None, ", ".join(part for part in parts if part)


def _count_words(counts: Mapping[Outcome, int]) -> str:
    """`UnexpectedExit 2, Timeout 1`, in the order of the outcomes."""
    return ", ".join(f"{outcome} {counts[outcome]}" for outcome in Outcome if counts.get(outcome))
