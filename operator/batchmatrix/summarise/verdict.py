"""What each cell and the matrix as a whole have shown, held against what was expected of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from batchmatrix.base.text import one_line
from batchmatrix.model.evidence import Blame, Outcome
from batchmatrix.model.judging import Finding
from batchmatrix.model.record import Record
from batchmatrix.model.summary import CellSummary

__all__ = ["count_words", "expectation", "verdict"]

NAMED = 3
"""Cells and findings that a reason names; the report lists them all."""

_NAME = 40
"""Characters of a cell's name in a reason."""

_TEXT = 100
"""Characters of a finding in a reason."""


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
        return False, count_words(bad)
    if expect == "fail" and good:
        return False, f"{_number(good, 'trial')} succeeded where all had to fail"
    if not trials:
        return None, "it has no trial"
    if good + bad.total() == trials:
        return True, ""
    nothing = Counter(record.outcome for record in records)
    nothing.subtract(bad)
    nothing[Outcome.SUCCEEDED] = 0
    missing = trials - len(records)
    parts = [count_words(nothing), f"{_number(missing, 'trial')} without a result" if missing else ""]
    return None, ", ".join(part for part in parts if part)


def verdict(
    cells: Sequence[CellSummary],
    *,
    complete: bool,
    findings: Sequence[Finding] = (),
    stopped: str = "",
) -> tuple[str, str]:
    """Verdict and reason of a matrix.

    `fail` if one cell shows something else than expected, or a check or gate of severity fail fails; else
    `inconclusive` if that cannot be decided for one; else `pass`. Missing data never passes. Findings of severity warn
    are for the report alone. `stopped` is why some results are missing, in one line, and comes first in the reason.
    """
    trials, done = sum(cell.trials for cell in cells), sum(cell.done for cell in cells)
    if not complete:
        return "", f"{done} of {trials} trials are done"
    failed = [cell for cell in cells if cell.met is False]
    undecided = [cell for cell in cells if cell.met is None]
    counting = [finding for finding in findings if finding.severity == "fail"]
    broken = [finding for finding in counting if finding.status == "fail"]
    open_ = [finding for finding in counting if finding.status not in ("fail", "pass")]
    parts = [stopped] if stopped else []
    if failed:
        are = "is" if len(failed) == 1 else "are"
        parts.append(f"{len(failed)} of {len(cells)} cells {are} not as expected: {_named(failed)}")
    if broken:
        parts.append(f"{_kinds(broken)} failed: {_texts(broken)}")
    if undecided:
        parts.append(f"{len(undecided)} of {len(cells)} cells could not be decided: {_named(undecided)}")
    if open_:
        parts.append(f"{_kinds(open_)} could not be decided: {_texts(open_)}")
    if not cells:
        parts.append("there was nothing to run")
    if parts:
        return ("fail" if failed or broken else "inconclusive"), "; ".join(parts)
    kept = f"; {_kinds(counting)} passed" if counting else ""
    return "pass", _pass_words(cells, trials) + kept


def _kinds(findings: Sequence[Finding]) -> str:
    """`2 checks and 1 gate`: how many of each kind."""
    counts = Counter(finding.kind for finding in findings)
    return " and ".join(_number(counts[kind], kind) for kind in sorted(counts))


def _texts(findings: Sequence[Finding]) -> str:
    texts = [one_line(_finding_words(finding), limit=_TEXT) for finding in findings[:NAMED]]
    more = f" and {len(findings) - NAMED} more" if len(findings) > NAMED else ""
    return ", ".join(texts) + more


def _finding_words(finding: Finding) -> str:
    """A gate has a name that its user gave it; a check says in its text what it asks for, where there is a trial."""
    return finding.text if finding.kind == "check" and finding.cell else f"{finding.name}: {finding.text}"


def _pass_words(cells: Sequence[CellSummary], trials: int) -> str:
    if all(cell.expect == "success" for cell in cells):
        return f"all {trials} trials succeeded" if trials > 1 else "its one trial succeeded"
    who = f"all {len(cells)} cells are" if len(cells) > 1 else "its one cell is"
    return f"{who} as expected; {sum(cell.succeeded for cell in cells)} of {_number(trials, 'trial')} succeeded"


def _named(cells: Sequence[CellSummary]) -> str:
    names = [f"{one_line(cell.name, limit=_NAME)} ({cell.against})" for cell in cells[:NAMED]]
    more = f" and {len(cells) - NAMED} more" if len(cells) > NAMED else ""
    return ", ".join(names) + more


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def count_words(counts: Mapping[Outcome, int]) -> str:
    """`UnexpectedExit 2, Timeout 1`, in the order of the outcomes."""
    return ", ".join(f"{outcome} {counts[outcome]}" for outcome in Outcome if counts.get(outcome))
