"""What each cell and the matrix as a whole have shown, held against what was expected of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from batchmatrix.base.text import counted, one_line
from batchmatrix.model.expectation import expectation
from batchmatrix.model.judging import Finding
from batchmatrix.model.summary import CellSummary

__all__ = ["expectation", "verdict"]

NAMED = 3
"""Cells and findings that a reason names; the report lists them all."""

_NAME = 40
"""Characters of a cell's name in a reason."""

_TEXT = 100
"""Characters of a finding in a reason."""


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
        return "", f"{done} of {counted(trials, 'trial')} {'is' if trials == 1 else 'are'} done"
    failed = [cell for cell in cells if cell.met is False]
    undecided = [cell for cell in cells if cell.met is None]
    counting = [finding for finding in findings if finding.severity == "fail"]
    broken = [finding for finding in counting if finding.status == "fail"]
    open_ = [finding for finding in counting if finding.status not in ("fail", "pass")]
    parts = [stopped] if stopped else []
    if failed:
        are = "is" if len(failed) == 1 else "are"
        parts.append(f"{len(failed)} of {counted(len(cells), 'cell')} {are} not as expected: {_named(failed)}")
    if broken:
        parts.append(f"{_kinds(broken)} failed: {_texts(broken)}")
    if undecided:
        parts.append(f"{len(undecided)} of {counted(len(cells), 'cell')} could not be decided: {_named(undecided)}")
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
    return " and ".join(counted(counts[kind], kind) for kind in sorted(counts))


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
    return f"{who} as expected; {sum(cell.succeeded for cell in cells)} of {counted(trials, 'trial')} succeeded"


def _named(cells: Sequence[CellSummary]) -> str:
    names = [f"{one_line(cell.name, limit=_NAME)} ({cell.against})" for cell in cells[:NAMED]]
    more = f" and {len(cells) - NAMED} more" if len(cells) > NAMED else ""
    return ", ".join(names) + more
