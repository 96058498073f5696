"""JUnit XML, read back by a parser that nothing of ours is in."""

from __future__ import annotations

import xml.dom.minidom
from dataclasses import replace
from xml.dom.minidom import Element

import pytest

from batchmatrix.model.evidence import Outcome
from batchmatrix.model.judging import Finding, Judgement
from batchmatrix.model.summary import Summary
from batchmatrix.publish.junit import junit_xml
from batchmatrix.summarise.summary import summarise
from tests.support.golden import Golden
from tests.support.judgements import judged_summary
from tests.support.records import a_cell, a_plan, a_result
from tests.support.summaries import HOSTILE, expecting, hostile_summary, twelve_cells


def suite(made: Summary) -> Element:
    document = xml.dom.minidom.parseString(junit_xml(made).encode())
    (found,) = document.getElementsByTagName("testsuite")
    return found


def cases(made: Summary) -> dict[str, str]:
    """Name of each test case with what a reader takes it for."""
    found = suite(made).getElementsByTagName("testcase")
    states = {}
    for case in found:
        inner = [child.tagName for child in case.childNodes if isinstance(child, Element)]
        name = f"{case.getAttribute('classname').split('.')[-1]}: {case.getAttribute('name')}"
        assert name not in states
        states[name] = inner[0] if inner else "passed"
    return states


def test_twelve_cells_with_failures(golden: Golden) -> None:
    golden("summary/junit.xml", junit_xml(twelve_cells(), location="s3://bench/triage/demo/6f1c/runs/3"))


def test_a_judged_matrix(golden: Golden) -> None:
    golden("summary/judged-junit.xml", junit_xml(judged_summary()))


def test_cells_pass_fail_or_could_not_be_decided() -> None:
    found = cases(twelve_cells())
    assert len(found) == 12
    assert {name: state for name, state in found.items() if state != "passed"} == {
        "cells: none-amd-32": "failure",
        "cells: tf32-off-amd-8": "error",
        "cells: tf32-off-nccl-ring-nvidia-32": "error",
    }


def test_what_may_fail_passes_and_what_had_to_fail_and_did_not_is_a_failure() -> None:
    assert list(cases(expecting()).values()) == ["passed", "passed", "failure", "passed"]


def test_findings_are_cases_of_their_own_and_warnings_fail_nothing() -> None:
    assert cases(judged_summary()) == {
        "cells: none": "error",
        "cells: tf32-off": "error",
        "checks: -1.5 <= loss <= 0.5 [none]": "failure",
        "checks: -1.5 <= loss <= 0.5 [tf32-off]": "passed",
        "checks: loss <= 9": "skipped",
        "gates: no-slower [tf32-off]": "error",
        "gates: alive [none]": "skipped",
    }


def test_the_counts_are_those_of_the_cases() -> None:
    for made in (twelve_cells(), judged_summary(), expecting(), hostile_summary()):
        states = list(cases(made).values())
        found = suite(made)
        assert found.getAttribute("tests") == str(len(states))
        for attribute, state in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert found.getAttribute(attribute) == str(states.count(state))


def test_a_failure_says_which_trials_and_where_their_logs_are() -> None:
    (failure,) = suite(twelve_cells()).getElementsByTagName("failure")
    assert failure.getAttribute("type") == "NotAsExpected"
    assert failure.getAttribute("message") == "expected success: UnexpectedExit 1, Timeout 1"
    assert failure.firstChild is not None
    assert failure.firstChild.nodeValue == (
        "trial 1, attempt 1: UnexpectedExit: exit code 3: NaN in loss, log triage/demo/logs/c/0/p\n"
        "trial 2, attempt 0: Timeout: still running 1200 s after its start, log triage/demo/logs/c/0/p"
    )


def test_a_trial_that_succeeded_where_all_had_to_fail_is_the_one_that_is_listed() -> None:
    (failure,) = suite(expecting()).getElementsByTagName("failure")
    assert failure.firstChild is not None
    assert failure.firstChild.nodeValue == "trial 1, attempt 0: Succeeded, log triage/demo/logs/c/0/p"


def test_many_failed_trials_are_counted() -> None:
    cell = a_cell("one", trials=30)
    results = [a_result(cell, trial, Outcome.TIMEOUT) for trial in range(30)]
    made = summarise(a_plan(cell), results, units={}, complete=True, started="", finished="")
    (failure,) = suite(made).getElementsByTagName("failure")
    assert failure.firstChild is not None
    lines = str(failure.firstChild.nodeValue).splitlines()
    assert len(lines) == 21
    assert lines[-1] == "and 10 more"


def test_a_matrix_that_still_runs_fails_nothing_that_is_open() -> None:
    cells = [a_cell("open"), a_cell("done")]
    results = [a_result(cells[1], 0)]
    made = summarise(a_plan(*cells), results, units={}, complete=False, started="", finished="")
    assert cases(made) == {"cells: open": "skipped", "cells: done": "passed"}


@pytest.mark.parametrize(
    "text", ["a\x00b\ufffe\uffff", "\ud800", "]]><failure/>", "\x1b[31m\n\nred", HOSTILE, "&amp;<>\"'"]
)
def test_no_text_breaks_the_file_or_gets_into_a_terminal(text: str) -> None:
    finding = Finding("check", text, text, text, "fail", "fail", text, "violated")
    made = judged_summary()
    made = replace(made, name=text, reason=text, judgement=Judgement(findings=(finding, finding)))
    xml_text = junit_xml(made, location=text)
    assert not {"\x00", "\x1b", "\ufffe", "\uffff", "\ud800", "\u202e"} & set(xml_text)
    (failure, again) = xml.dom.minidom.parseString(xml_text.encode()).getElementsByTagName("failure")
    assert failure.getAttribute("message") == again.getAttribute("message")
    assert "<failure/>" not in xml_text or text != "]]><failure/>"


def test_two_findings_of_one_name_are_two_tests() -> None:
    finding = Finding("check", "ms <= 1", "none", "ms", "fail", "fail", "no", "violated")
    made = replace(judged_summary(), cells=(), trials=(), judgement=Judgement(findings=(finding, finding)))
    assert list(cases(made)) == ["checks: ms <= 1 [none]", "checks: ms <= 1 [none] (2)"]


@pytest.mark.parametrize(("verdict", "state"), [("inconclusive", "error"), ("fail", "failure")])
def test_what_is_not_a_pass_has_a_case_that_says_so(verdict: str, state: str) -> None:
    cell = a_cell("only")
    good = summarise(a_plan(cell), [a_result(cell, 0)], units={}, complete=True, started="", finished="")
    assert list(cases(good)) == ["cells: only"]
    unjudged = replace(good, verdict=verdict, reason="its results could not be judged")
    (found,) = suite(unjudged).getElementsByTagName(state)
    assert found.getAttribute("message") == "its results could not be judged"
    nothing = summarise(a_plan(), [], units={}, complete=True, started="", finished="")
    assert len(suite(nothing).getElementsByTagName("error")) == 1
    running = summarise(a_plan(cell), [], units={}, complete=False, started="", finished="")
    assert not suite(running).getElementsByTagName("error")
