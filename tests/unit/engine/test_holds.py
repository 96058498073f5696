"""How long a matrix is on hold, as records say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from batchmatrix.base.clock import format_rfc3339, parse_rfc3339
from batchmatrix.engine.attempt import CaptureView
from batchmatrix.engine.holds import FARTHEST, FIRST, LONGEST, Holds, is_to_ask
from batchmatrix.model.evidence import Captured, HoldRequest, Intent, LogState, Outcome
from batchmatrix.model.record import Record
from tests.support.engine import RUNNING, a_pod, a_record, an_attempt, exited

NOW = 1_767_225_600.0


def asks(holds: Holds, hold: HoldRequest | None = None, *, created: float = NOW, ended: float = NOW) -> float:
    return parse_rfc3339(holds.end_of(hold, created=created, ended=ended))


def limited(until: float, *, created: float = NOW) -> Record:
    return replace(ran(created, Outcome.RATE_LIMITED), hold_until=format_rfc3339(until))


def ran(created: float, outcome: Outcome = Outcome.SUCCEEDED) -> Record:
    time = format_rfc3339(created)
    return a_record(outcome=outcome, created=time, started=time)


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        (HoldRequest(until=NOW + 60), 60),
        (HoldRequest(seconds=90.0), 90),
        (HoldRequest(until=NOW + 60, seconds=90.0), 90),
        (HoldRequest(seconds=0.25), 1),
        (HoldRequest(until=NOW + 1e9), FARTHEST),
        (HoldRequest(seconds=float("inf")), FARTHEST),
        (HoldRequest(until=NOW - 60), FIRST),
        (HoldRequest(seconds=0.0), FIRST),
        (HoldRequest(), FIRST),
        (None, FIRST),
    ],
)
def test_a_time_that_is_given_counts_up_to_a_day_ahead(asked: HoldRequest | None, seconds: float) -> None:
    assert asks(Holds(), asked) == NOW + seconds


def test_without_a_time_it_doubles_up_to_an_hour_while_limits_are_met_in_a_row() -> None:
    holds, now, waits = Holds(), NOW, []
    for _ in range(6):
        end = asks(holds, created=now, ended=now)
        waits.append(end - now)
        holds.add(limited(end, created=now))
        now = end
    assert waits == [300, 600, 1200, 2400, LONGEST, LONGEST]


def test_attempts_side_by_side_count_once() -> None:
    holds = Holds(limited(NOW + 300 + n, created=NOW - n) for n in range(8))
    assert asks(holds, created=NOW - 9) == NOW + FIRST
    assert asks(holds, created=NOW + 400, ended=NOW + 400) == NOW + 400 + 2 * FIRST


def test_an_attempt_that_runs_after_a_hold_without_meeting_the_limit_ends_the_row() -> None:
    row = [limited(NOW + 300), limited(NOW + 1000, created=NOW + 300)]
    later = NOW + 2000
    for between, wait in (
        ([], 4 * FIRST),
        ([ran(NOW + 900)], 4 * FIRST),  # it was made before the hold was over
        ([replace(ran(later), started="")], 4 * FIRST),  # it never ran
        ([ran(later)], FIRST),
        ([ran(later, Outcome.UNEXPECTED_EXIT)], FIRST),
    ):
        assert asks(Holds([*row, *between]), created=later, ended=later) == later + wait


def test_a_hold_is_made_longer_and_never_shorter() -> None:
    first, second = limited(NOW + 600), limited(NOW + 60)
    for order in ((first, second), (second, first)):
        holds = Holds(order)
        assert (holds.until, holds.because) == (NOW + 600, first)


def test_an_attempt_is_to_ask_for_a_hold_once_it_has_ended_so_by_itself() -> None:
    ended = an_attempt(a_pod(container=exited(75)))
    assert is_to_ask(ended, (0,))
    assert not is_to_ask(ended, (0, 75))
    assert not is_to_ask(replace(ended, intent=Intent("timeout", NOW)), (0,))
    assert not is_to_ask(an_attempt(a_pod(container=RUNNING)), (0,))
    assert not is_to_ask(an_attempt(None), (0,))
    failed = an_attempt(a_pod(container=exited(1)))
    asked = CaptureView(live=True, captured=Captured(LogState.COMPLETE, hold=HoldRequest()))
    assert not is_to_ask(failed, (0,))
    assert not is_to_ask(replace(failed, capture=CaptureView(live=True)), (0,))
    assert is_to_ask(replace(failed, capture=asked), (0,))
    assert not is_to_ask(replace(failed, capture=asked), (0, 1))


def test_without_a_rate_limit_there_is_no_hold() -> None:
    holds = Holds([ran(NOW), ran(NOW, Outcome.EVICTED)])
    assert holds.until < 0
    assert holds.because is None
