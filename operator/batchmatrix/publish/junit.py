"""The result as JUnit XML, in the form that Jenkins and GitLab read.

A cell is a test case, and so is each result of a check or gate. What was shown to be wrong is a `failure`; what could
not be decided is an `error`, as a test that could not be carried out: neither reader takes that for a pass. What is
skipped fails nothing there: findings that only warn, and cells of a matrix that still runs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from batchmatrix.base.text import one_line
from batchmatrix.model.evidence import Outcome
from batchmatrix.model.judging import Finding
from batchmatrix.model.summary import CellSummary, Summary, TrialResult

__all__ = ["junit_xml"]

LISTED = 20
"""Failed trials of a cell that its failure lists; trials.csv has them all."""

WARNED = 50
"""Warnings about the matrix as a whole that are properties; matrix.json has them all."""

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, not even escaped."""


@dataclass(frozen=True, slots=True)
class _Case:
    group: str
    name: str
    seconds: float
    state: str
    """`failure`, `error`, `skipped`, or empty for a pass."""
    kind: str = ""
    message: str = ""
    lines: Sequence[str] = ()


def junit_xml(summary: Summary, *, location: str = "") -> str:
    """One testsuite for the matrix, as a text that declares itself to be UTF-8. `location` is where the files lie."""
    cases = [*_cells(summary), *_findings(summary)]
    cases += _verdict(summary, cases)
    states = Counter(case.state for case in cases)
    totals = {
        "tests": str(len(cases)),
        "failures": str(states["failure"]),
        "errors": str(states["error"]),
        "skipped": str(states["skipped"]),
        "time": f"{sum(case.seconds for case in cases):.3f}",
    }
    root = ET.Element("testsuites", {"name": _text(summary.name), **totals})
    # a time zone is none of the format's
    started = {"timestamp": _text(summary.started)[:19]} if summary.started else {}
    suite = ET.SubElement(root, "testsuite", {"name": _text(summary.name), **totals, **started})
    properties = ET.SubElement(suite, "properties")
    for name, value in (
        ("namespace", summary.namespace),
        ("uid", summary.uid),
        ("generation", str(summary.generation)),
        ("verdict", summary.verdict),
        ("reason", summary.reason),
        ("results", location),
    ):
        if value:
            ET.SubElement(properties, "property", {"name": name, "value": _text(value)})
    for warning in summary.judgement.warnings[:WARNED] if summary.judgement is not None else ():
        ET.SubElement(properties, "property", {"name": "warning", "value": _text(warning)})
    seen: Counter[tuple[str, str]] = Counter()
    for case in cases:
        _add(suite, summary.name, case, seen)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _add(suite: ET.Element, matrix: str, case: _Case, seen: Counter[tuple[str, str]]) -> None:
    seen[case.group, case.name] += 1
    again = seen[case.group, case.name]
    name = f"{case.name} ({again})" if again > 1 else case.name  # readers take the same name for the same test
    where = {"classname": f"{_text(matrix)}.{case.group}", "name": _text(name), "time": f"{case.seconds:.3f}"}
    made = ET.SubElement(suite, "testcase", where)
    if case.state:
        kind = {"type": case.kind} if case.state != "skipped" else {}
        found = ET.SubElement(made, case.state, {"message": _text(case.message), **kind})
        if case.lines:
            found.text = "\n".join(map(_text, case.lines))


def _cells(summary: Summary) -> Iterator[_Case]:
    results: dict[str, list[TrialResult]] = {cell.name: [] for cell in summary.cells}
    for result in summary.trials:
        results[result.cell].append(result)
    for cell in summary.cells:
        own = results[cell.name]
        seconds = sum(result.record.run_seconds or 0.0 for result in own if result.record is not None)
        state = "" if cell.met else "failure" if cell.met is False else "error" if summary.complete else "skipped"
        if not state:
            yield _Case("cells", cell.name, seconds, state)
            continue
        message = f"expected {cell.expect}: {cell.against}" if cell.against else f"{cell.done} of {cell.trials} done"
        kind = "NotAsExpected" if state == "failure" else "Undecided"
        yield _Case("cells", cell.name, seconds, state, kind, message, _trials(cell, own))


def _trials(cell: CellSummary, results: Sequence[TrialResult]) -> list[str]:
    """What speaks for the state of a cell: trials that failed, or where all had to, those that did not."""
    lines = []
    for result in results:
        record = result.record
        if record is None or (record.outcome is Outcome.SUCCEEDED) is not (cell.expect == "fail"):
            continue
        log = f", log {record.log.key}" if record.log.key else ""
        said = f": {one_line(record.message, limit=200)}" if record.message else ""
        lines.append(f"trial {result.trial}, attempt {record.id.attempt}: {record.outcome}{said}{log}")
    more = len(lines) - LISTED
    return [*lines[:LISTED], f"and {more} more"] if more > 0 else lines


def _verdict(summary: Summary, cases: Sequence[_Case]) -> Iterator[_Case]:
    """What is not a pass must not look like one: so where no other case says so, as without a cell, or unjudged."""
    bad = summary.complete and summary.verdict != "pass"
    if bad and not any(case.state in ("failure", "error") for case in cases):
        failed = summary.verdict == "fail"
        state, kind = ("failure", "Failed") if failed else ("error", "Undecided")
        yield _Case("verdict", "verdict", 0.0, state, f"Verdict{kind}", summary.reason)


_STATES = {"pass": "", "fail": "failure"}


def _findings(summary: Summary) -> Iterator[_Case]:
    for finding in summary.judgement.findings if summary.judgement is not None else ():
        name = f"{finding.name} [{finding.cell}]" if finding.cell else finding.name
        state, message = _STATES.get(finding.status, "error"), finding.text
        if state and finding.severity != "fail":
            state, message = "skipped", f"a warning alone, {finding.status}: {finding.text}"
        yield _Case(f"{finding.kind}s", name, 0.0, state, _kind(finding), message)


def _kind(finding: Finding) -> str:
    """`CheckFailed`, `GateUndecided`."""
    return finding.kind.capitalize() + ("Failed" if finding.status == "fail" else "Undecided")


def _text(text: str) -> str:
    return _NO_XML.sub("", one_line(text, limit=1024))
