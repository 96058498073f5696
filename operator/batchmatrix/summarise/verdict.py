"""What the matrix as a whole has shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from batchmatrix.model.evidence import Blame, Outcome
from batchmatrix.model.summary import TrialResult

__all__ = ["count_words", "verdict"]


def verdict(results: Sequence[TrialResult], *, expected: int, complete: bool) -> tuple[str, str]:
    """Verdict and reason, from the results of a matrix with `expected` trials.

    `pass` needs a success of every single trial. One failure that the workload is to blame for makes `fail`;
    what infrastructure or somebody else ended, or what is missing, has shown nothing and makes `inconclusive`.
    """
    records = [result.record for result in results if result.record is not None]
    if not complete:
        return "", f"{len(records)} of {expected} trials are done"
    failed = Counter(record.outcome for record in records if record.blame is Blame.WORKLOAD)
    open_: Counter[Outcome] = Counter(
        record.outcome
        for record in records
        if record.blame is not Blame.WORKLOAD and record.outcome is not Outcome.SUCCEEDED
    )
    missing = expected - len(records)
    parts = []
    if failed:
        parts.append(f"{failed.total()} of {expected} trials failed ({count_words(failed)})")
    if open_:
        parts.append(f"{open_.total()} of {expected} trials could not be decided ({count_words(open_)})")
    if missing:
        parts.append(f"{missing} of {expected} trials have no result")
    if not expected:
        parts.append("there was nothing to run")
    if parts:
        return ("fail" if failed else "inconclusive"), "; ".join(parts)
    return "pass", f"all {expected} trials succeeded" if expected > 1 else "its one trial succeeded"


def count_words(counts: Mapping[Outcome, int]) -> str:
    """`UnexpectedExit 2, Timeout 1`, in the order of the outcomes."""
    return ", ".join(f"{outcome} {counts[outcome]}" for outcome in Outcome if counts.get(outcome))
