"""Judging from a record once more: the table's own answer, for what reading alone decided, and nothing else."""

from __future__ import annotations

from itertools import product

import pytest

from batchmatrix.engine.actions import Finish
from batchmatrix.engine.holds import Holds
from batchmatrix.engine.records import record_of
from batchmatrix.model.evidence import Blame, Captured, HoldRequest, LogState, Outcome, Verdict
from batchmatrix.model.observed import PodState
from batchmatrix.model.record import Record
from batchmatrix.outcome.again import agrees, by_reading, judge_again
from batchmatrix.outcome.cases import Case
from tests.support.records import MATRIX, START, a_cell, a_container, a_log, a_pod, evidence, exited, stopped

CODES = [(0,), (3,), (0, 3), (0, 7, 75)]
LOGS = [
    a_log(),
    a_log(LogState.TRUNCATED, capped=True),
    a_log(LogState.TRUNCATED, message="cut"),
    a_log(LogState.LOST),
    a_log(hold=HoldRequest(seconds=9.0)),
]


def record(
    pod: PodState,
    allowed: tuple[int, ...] = (0,),
    *,
    log: Captured = LOGS[0],
    missing: tuple[str, ...] = (),
    marker: str = "",
) -> Record:
    """As the engine makes it."""
    finish = Finish(pod.id, evidence(pod, captured=log, missing_metrics=missing, missing_marker=marker))
    cell = a_cell("c", allowed_exit_codes=allowed)
    return record_of(finish, matrix=MATRIX, cell=cell, generation=1, holds=Holds(), rerun=0, now=START + 99, writer="w")


def again(written: Record, allowed: tuple[int, ...]) -> Verdict:
    return judge_again(written, written.log, allowed, missing_metrics=(), missing_marker="")


@pytest.mark.parametrize("log", LOGS)
@pytest.mark.parametrize("missing", [(), ("loss",)])
@pytest.mark.parametrize("marker", ["", "DONE"])
@pytest.mark.parametrize(
    "pod",
    [
        exited(0),
        exited(3, message="boom"),
        exited(75),
        exited(0, phase="Failed", reason="Strange"),
        exited(0, phase="Failed"),
        a_pod(phase="Failed", reason="Strange", container=a_container(exit_code=3)),
        a_pod(phase="Failed", container=a_container(exit_code=3, signal=6)),
    ],
)
def test_from_the_record_as_from_the_pod(pod: PodState, missing: tuple[str, ...], marker: str, log: Captured) -> None:
    for before, after in product(CODES, CODES):
        written = record(pod, before, log=log, missing=missing, marker=marker)
        if not by_reading(written):
            assert written.reason == Case.STOPPED_ALLOWED
            continue
        direct = record(pod, after, log=log, missing=missing, marker=marker)
        verdict = judge_again(written, log, after, missing_metrics=missing, missing_marker=marker)
        if direct.reason == Case.NO_MARKER and log.capped:  # behind the cut nobody can look for it any more
            assert (verdict.reason, verdict.blame) == (Case.NO_MARKER_CAPPED, Blame.NOBODY)
            continue
        assert (verdict.outcome, verdict.blame, verdict.reason) == (direct.outcome, direct.blame, direct.reason)
        if (verdict.outcome, verdict.blame) != (written.outcome, written.blame):
            assert verdict.message.endswith(f"read anew by later rules, it was {written.outcome} before")
        assert agrees(written, written, before)
        if before == after:
            assert verdict.message == written.message


def test_what_did_not_end_by_itself_is_not_judged_again() -> None:
    for pod in (
        stopped(exited(3), disrupted=10),
        exited(137, reason="OOMKilled"),
        exited(3, phase="Failed", container=a_container(state="waiting", reason="ImagePullBackOff", exit_code=None)),
    ):
        written = record(pod)
        assert not by_reading(written)
        assert agrees(written, written, (3, 137))


def test_a_record_from_before_there_were_reasons_keeps_what_it_has() -> None:
    pod = exited(3)
    assert not by_reading(Record(**{**fields(record(pod)), "reason": ""}))


def fields(written: Record) -> dict[str, object]:
    return {name: getattr(written, name) for name in written.__slots__}


def test_other_codes_are_noticed_and_their_words_too() -> None:
    written = record(exited(3, message="boom"))
    assert not agrees(written, written, (0, 3))
    assert not agrees(written, written, (0, 7))  # the message has to say which are allowed
    assert again(written, (0, 7)).message.startswith("exit code 3, allowed: 0, 7;")
    assert "boom" in again(written, (0,)).message


def test_what_no_code_was_known_for_is_judged_once_one_is() -> None:
    finish = Finish(exited(0).id, evidence(exited(0), allowed_exit_codes=None))
    written = record_of(finish, matrix=MATRIX, cell=None, generation=1, holds=Holds(), rerun=0, now=START, writer="w")
    assert written.reason == Case.CODES_UNKNOWN
    assert not agrees(written, written, (0,))
    assert again(written, (0,)).outcome is Outcome.SUCCEEDED
