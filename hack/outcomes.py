"""The table of outcomes as a page for readers, from the table that the engine judges by."""

from __future__ import annotations

from batchmatrix.model.evidence import Outcome
from batchmatrix.model.v1alpha1 import Retry
from batchmatrix.outcome.cases import TABLE, Case, Row

__all__ = ["page"]

_TEXT = """\
# Outcomes

How an attempt ended follows from all the evidence about it: what stopped its pod and when, what the container says of
its own end, the whole log, the end marker and the required metrics. Each way to end has one row. Records, trials.csv
and matrix.json have its outcome, its reason and whom it is blamed on; the message has the cause and the remedy.

What came first counts: a pod that had ended before a drain or a deletion reached it keeps the outcome of its own end.

**Retry** names the key in `spec.retry` whose limit pays for another attempt, with its default. Attempts are counted for
each key and trial on their own, since the trial was last asked to run again by hand. **Rate** tells whether it counts
in failure rates: only what the workload did itself says something about its condition.
"""

_COLUMNS = ("Outcome", "Reason", "Blame", "Retry", "Next attempt", "Rate", "How it ends", "What to do")


def page(note: str) -> str:
    """The whole page; `note` says where it is from."""
    order = {outcome: place for place, outcome in enumerate(Outcome)}
    head = f"| {' | '.join(_COLUMNS)} |\n{'|---' * len(_COLUMNS)}|"
    rows = sorted(TABLE.items(), key=lambda each: order[each[1].outcome])
    return "\n".join([f"<!-- {note} -->", _TEXT, head, *(_row(case, row) for case, row in rows), ""])


def _row(case: Case, row: Row) -> str:
    cells = (
        f"`{row.outcome}`",
        f"`{case}`",
        str(row.blame),
        _retry(row),
        _mutation(row),
        "yes" if row.counts_in_failure_rate else "no",
        row.cause,
        row.remedy or "nothing",
    )
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _retry(row: Row) -> str:
    rule = Retry().rule(row.retry.value)
    if rule is None:
        return "never"
    return f"`{row.retry}`, {rule.limit} by default"


def _mutation(row: Row) -> str:
    rule = Retry().rule(row.retry.value)
    if rule is None:
        return ""
    changes = [f"memory x{rule.memory_factor}"] if rule.memory_factor != "1" else []
    changes += ["prefers another node"] if rule.avoid_node else []
    return ", ".join(changes) or "the same"
