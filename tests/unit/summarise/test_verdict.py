"""What each cell and the whole have shown, held against what was expected."""

from __future__ import annotations

from dataclasses import replace

import pytest

from batchmatrix.model.evidence import Blame, Outcome
from batchmatrix.model.judging import Finding
from batchmatrix.model.record import Record
from batchmatrix.model.summary import CellSummary
from batchmatrix.summarise.summary import summarise
from batchmatrix.summarise.verdict import expectation, verdict
from tests.support.records import a_cell, a_plan, a_record, a_result

WORKLOAD = [Outcome.UNEXPECTED_EXIT, Outcome.TIMEOUT, Outcome.OOM_KILLED, Outcome.INCOMPLETE]
OTHERS = [each for each in Outcome if each not in (*WORKLOAD, Outcome.SUCCEEDED)]
GOOD, BAD, LOST = Outcome.SUCCEEDED, Outcome.UNEXPECTED_EXIT, Outcome.NODE_LOST


def ended(*outcomes: Outcome) -> list[Record]:
    return [a_record(outcome) for outcome in outcomes]


def cells(**ends: tuple[str, list[Outcome | None]]) -> tuple[CellSummary, ...]:
    """Cells by name: what is expected of each, and how its trials ended."""
    made = {name: a_cell(name, trials=len(outcomes), expect=expect) for name, (expect, outcomes) in ends.items()}
    results = [
        a_result(made[name], trial, outcome)
        for name, (_, outcomes) in ends.items()
        for trial, outcome in enumerate(outcomes)
    ]
    return summarise(a_plan(*made.values()), results, units={}, complete=True, started="", finished="").cells


def judged(**ends: tuple[str, list[Outcome | None]]) -> tuple[str, str]:
    return verdict(cells(**ends), complete=True)


# One cell


@pytest.mark.parametrize(
    ("expect", "ends", "met"),
    [
        ("success", (GOOD, GOOD), True),
        ("success", (GOOD, BAD), False),
        ("success", (LOST, BAD), False),
        ("success", (GOOD, LOST), None),
        ("success", (GOOD,), None),
        ("fail", (BAD, Outcome.TIMEOUT), True),
        ("fail", (GOOD, BAD), False),
        ("fail", (GOOD, LOST), False),
        ("fail", (BAD, LOST), None),
        ("fail", (BAD,), None),
        ("any", (GOOD, BAD), True),
        ("any", (Outcome.TIMEOUT, Outcome.TIMEOUT), True),
        ("any", (BAD, LOST), None),
        ("any", (BAD,), None),
    ],
)
def test_what_is_expected_of_a_cell_of_two_trials(expect: str, ends: tuple[Outcome, ...], met: bool | None) -> None:
    assert expectation(expect, 2, ended(*ends))[0] is met


@pytest.mark.parametrize("expect", ["success", "fail", "any"])
@pytest.mark.parametrize("outcome", OTHERS)
def test_what_others_ended_has_shown_nothing(expect: str, outcome: Outcome) -> None:
    assert expectation(expect, 1, ended(outcome)) == (None, f"{outcome} 1")


@pytest.mark.parametrize("outcome", WORKLOAD)
def test_every_failure_of_the_workload_is_one(outcome: Outcome) -> None:
    assert expectation("success", 2, ended(GOOD, outcome)) == (False, f"{outcome} 1")
    assert expectation("any", 1, ended(outcome)) == (True, "")


@pytest.mark.parametrize("outcome", [each for each in WORKLOAD if each is not Outcome.INCOMPLETE])
def test_a_cell_that_must_fail_may_do_so_in_any_way(outcome: Outcome) -> None:
    assert expectation("fail", 1, ended(outcome)) == (True, "")


def test_an_allowed_exit_code_without_its_metrics_is_not_the_failure_that_was_wanted() -> None:
    assert expectation("fail", 1, ended(Outcome.INCOMPLETE)) == (None, "Incomplete 1")
    assert expectation("fail", 2, ended(BAD, Outcome.INCOMPLETE)) == (None, "Incomplete 1")
    assert expectation("fail", 2, ended(GOOD, Outcome.INCOMPLETE))[0] is False


def test_the_blame_decides_and_not_the_outcome_alone() -> None:
    disturbed = replace(a_record(Outcome.INCOMPLETE), blame=Blame.INFRASTRUCTURE)
    for expect in ("success", "fail", "any"):
        assert expectation(expect, 1, [disturbed]) == (None, "Incomplete 1")


def test_what_speaks_against_a_cell_is_said_in_a_few_words() -> None:
    assert expectation("success", 3, ended(BAD, BAD, LOST))[1] == "UnexpectedExit 2"
    assert expectation("fail", 2, ended(GOOD, BAD))[1] == "1 trial succeeded where all had to fail"
    assert expectation("any", 4, ended(BAD, LOST))[1] == "NodeLost 1, 2 trials without a result"


# The whole


def test_only_successes_pass() -> None:
    assert judged(a=("success", [GOOD]), b=("success", [GOOD])) == ("pass", "all 2 trials succeeded")
    assert judged(a=("success", [GOOD])) == ("pass", "its one trial succeeded")


def test_a_baseline_that_hangs_as_it_may_does_not_fail_the_matrix() -> None:
    word, reason = judged(baseline=("any", [Outcome.TIMEOUT] * 3), fix=("success", [GOOD] * 3))
    assert (word, reason) == ("pass", "all 2 cells are as expected; 3 of 6 trials succeeded")
    assert judged(only=("fail", [BAD]))[1] == "its one cell is as expected; 0 of 1 trial succeeded"


def test_a_cell_that_was_to_fail_and_does_not_fails_the_matrix() -> None:
    word, reason = judged(baseline=("fail", [GOOD, BAD]), fix=("success", [GOOD]))
    assert word == "fail"
    assert reason == "1 of 2 cells is not as expected: baseline (1 trial succeeded where all had to fail)"


def test_failed_comes_before_undecided_and_both_are_said() -> None:
    word, reason = judged(a=("success", [BAD]), b=("any", [LOST]), c=("success", [GOOD, None]))
    assert word == "fail"
    assert reason == (
        "1 of 3 cells is not as expected: a (UnexpectedExit 1); "
        "2 of 3 cells could not be decided: b (NodeLost 1), c (1 trial without a result)"
    )


def test_missing_data_never_passes() -> None:
    for expect in ("success", "fail", "any"):
        assert judged(a=(expect, [None]))[0] == "inconclusive"
    assert judged() == ("inconclusive", "there was nothing to run")


def test_a_reason_names_the_first_few_cells_and_stays_short() -> None:
    bad = cells(**{f"{'long-' * 12}{at}": ("success", WORKLOAD * 9) for at in range(20)})
    lost = cells(**{f"{'lost-' * 12}{at}": ("success", [LOST]) for at in range(20)})
    _, reason = verdict((*bad, *lost), complete=True)
    assert reason.count("UnexpectedExit") == reason.count("NodeLost") == 3
    assert reason.count(" and 17 more") == 2
    assert len(reason) < 700


def test_there_is_no_verdict_before_the_end() -> None:
    assert verdict(cells(a=("success", [BAD, None])), complete=False) == ("", "1 of 2 trials are done")


# Checks and gates


def finding(status: str, *, severity: str = "fail", kind: str = "check", cell: str = "a") -> Finding:
    words = {"inconclusive": "open"}
    return Finding(kind, "it", cell, "ms", status, severity, f"{cell} said {words.get(status, status)}", "code")


@pytest.mark.parametrize(
    ("findings", "word", "reason"),
    [
        ([finding("pass")], "pass", "its one trial succeeded; 1 check passed"),
        ([finding("pass"), finding("fail")], "fail", "1 check failed: a said fail"),
        (
            [finding("inconclusive", kind="gate")],
            "inconclusive",
            "1 gate could not be decided: it: a said open",
        ),
        ([finding("fail", severity="warn")], "pass", "its one trial succeeded"),
        (
            [finding("inconclusive", severity="warn"), finding("pass")],
            "pass",
            "its one trial succeeded; 1 check passed",
        ),
        ([finding("inconclusive", cell="")], "inconclusive", "1 check could not be decided: it:  said open"),
        (
            [finding("inconclusive"), finding("fail", kind="gate"), finding("fail")],
            "fail",
            "1 check and 1 gate failed: it: a said fail, a said fail; 1 check could not be decided: a said open",
        ),
    ],
)
def test_findings_decide_beside_the_cells(findings: list[Finding], word: str, reason: str) -> None:
    assert verdict(cells(a=("success", [GOOD])), complete=True, findings=findings) == (word, reason)


def test_what_failed_comes_before_what_is_open() -> None:
    made = cells(a=("success", [BAD]), b=("success", [LOST]))
    word, reason = verdict(made, complete=True, findings=[finding("fail"), finding("inconclusive")])
    assert word == "fail"
    assert [part.split(":")[0] for part in reason.split("; ")] == [
        "1 of 2 cells is not as expected",
        "1 check failed",
        "1 of 2 cells could not be decided",
        "1 check could not be decided",
    ]


def test_a_word_that_is_neither_pass_nor_fail_is_open() -> None:
    assert verdict(cells(a=("success", [GOOD])), complete=True, findings=[finding("")])[0] == "inconclusive"


@pytest.mark.parametrize("expect", ["success", "fail", "any"])
def test_a_cell_without_trials_has_shown_nothing(expect: str) -> None:
    assert expectation(expect, 0, []) == (None, "it has no trial")
