"""What is started, tidied and left alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from batchmatrix.engine.actions import Capture, Delete, Finish, Release, Start
from batchmatrix.engine.attempt import Attempt
from batchmatrix.engine.board import Board
from batchmatrix.engine.decide import NO_SLOT, SLACK, SLOTS_LOOK, Decision, Recorded, View, decide
from batchmatrix.model.evidence import Intent, Outcome
from batchmatrix.model.launch import RetryRule
from batchmatrix.model.record import Record
from tests.support.engine import (
    NOW,
    RUNNING,
    WAITING,
    a_cell,
    a_job,
    a_plan,
    a_pod,
    a_policy,
    a_record,
    an_attempt,
    an_id,
    exited,
)

HOLD = 45.0
RECORDED = "1970-01-12T13:46:40Z"  # NOW


def a_board(*cells: Any, records: tuple[Record, ...] = (), **rules: RetryRule) -> Board:
    plan = a_plan(*cells)
    order = [(index, trial) for index, cell in enumerate(cells) for trial in range(cell.trials)]
    return Board(plan, order=order, rules={Outcome(name): rule for name, rule in rules.items()}, records=records)


def decided(
    board: Board | None = None,
    *,
    open: tuple[Attempt, ...] = (),  # noqa: A002
    recorded: tuple[Recorded, ...] = (),
    now: float = NOW,
    gone: bool = False,
    **policy: Any,
) -> Decision:
    view = View(board=board, policy=a_policy(**policy), open=open, recorded=recorded, hold=HOLD, gone=gone)
    return decide(view, now, follow_slots=10)


def starts(decision: Decision) -> list[tuple[str, int, int]]:
    return [(each.cell.name, each.trial, each.attempt) for each in decision.actions if isinstance(each, Start)]


def test_no_more_starts_than_parallelism_and_pending_counts() -> None:
    cell = a_cell(trials=10)
    board = a_board(cell)
    assert starts(decided(board, parallelism=3)) == [("fp32", 0, 0), ("fp32", 1, 0), ("fp32", 2, 0)]
    waiting = tuple(an_attempt(None, job=a_job(an_id(cell, trial=trial))) for trial in range(2))
    for attempt in waiting:
        board.start((cell.hash, attempt.id.trial), 0)
    assert starts(decided(board, open=waiting, parallelism=3)) == [("fp32", 2, 0)]


def test_what_will_start_by_itself_is_counted_and_nothing_else() -> None:
    pod = a_pod(container=WAITING)
    intent = Intent("cancel", NOW, "")
    for attempt, count in (
        (an_attempt(None), 1),
        (an_attempt(pod), 1),
        (an_attempt(replace(pod, node="", unschedulable="0/1: Insufficient gpu")), 1),
        (an_attempt(pod, wanted=False), 0),
        (an_attempt(pod, intent=intent), 0),
        (an_attempt(replace(pod, deleting_since=NOW - 1)), 0),
        (an_attempt(replace(pod, scheduled=NOW - 1e5)), 0),  # its image was waited for long enough
        (an_attempt(a_pod(container=RUNNING)), 0),
        (an_attempt(a_pod(container=exited())), 0),
    ):
        assert decided(open=(attempt,)).sent == count, attempt


def test_what_is_ending_frees_its_place_but_does_not_pile_up_without_bound() -> None:
    cell = a_cell(trials=50)
    board = a_board(cell)
    ending = []
    for trial in range(2 * SLACK):
        job = a_job(an_id(cell, trial=trial))
        ending.append(an_attempt(a_pod(job, container=exited()), job=job))
        board.start((cell.hash, trial), 0)
    assert len(starts(decided(board, open=tuple(ending[:2]), parallelism=2))) == 2
    assert starts(decided(board, open=tuple(ending), parallelism=2)) == []


def test_a_retry_comes_before_new_trials_and_has_the_next_number() -> None:
    cell = a_cell(trials=3)
    failed = a_record(an_id(cell, trial=0), Outcome.UNEXPECTED_EXIT)
    board = a_board(cell, records=(failed,), UnexpectedExit=RetryRule(limit=1))
    assert starts(decided(board, parallelism=2)) == [("fp32", 0, 1), ("fp32", 1, 0)]
    assert (board.done, board.waiting) == (0, 3)


def test_a_retry_under_way_is_not_started_again() -> None:
    cell = a_cell(trials=1)
    failed = a_record(an_id(cell), Outcome.UNEXPECTED_EXIT)
    board = a_board(cell, records=(failed,), UnexpectedExit=RetryRule(limit=1))
    board.start((cell.hash, 0), 1)
    assert starts(decided(board)) == []


def test_a_retry_waits_until_the_job_before_it_is_over() -> None:
    cell = a_cell(trials=1)
    board = a_board(cell, records=(a_record(an_id(cell), Outcome.PREEMPTED),), Preempted=RetryRule(limit=10))
    suspended = an_attempt(None, job=a_job(an_id(cell), suspended=True))
    assert starts(decided(board, open=(suspended,))) == []
    assert starts(decided(board)) == [("fp32", 0, 1)]


def test_nothing_follows_a_cancelled_attempt_while_its_job_could_still_make_a_pod() -> None:
    cell = a_cell(trials=1)
    record = replace(a_record(an_id(cell), Outcome.CANCELLED), recorded=RECORDED)
    board, job = a_board(cell, records=(record,)), a_job(an_id(cell), suspended=True)
    assert starts(decided(board, recorded=(Recorded(record, job, None),))) == []
    assert starts(decided(board, recorded=(Recorded(record, replace(job, suspended=False), None),))) == []
    assert starts(decided(board, recorded=(Recorded(record, replace(job, phase="failed"), None),))) == [("fp32", 0, 1)]


def test_what_follows_a_lost_node_does_not_wait_for_the_job_that_was_given_up() -> None:
    cell = a_cell(trials=1)
    record = replace(a_record(an_id(cell), Outcome.NODE_LOST), recorded=RECORDED)
    board = a_board(cell, records=(record,), NodeLost=RetryRule(limit=1))
    assert starts(decided(board, recorded=(Recorded(record, a_job(an_id(cell)), None),))) == [("fp32", 0, 1)]


def test_no_more_logs_are_followed_than_there_are_slots() -> None:
    cell = a_cell(trials=3)
    pods = [a_pod(a_job(an_id(cell, trial=trial)), container=RUNNING) for trial in range(3)]
    running = tuple(an_attempt(pod, job=a_job(pod.id)) for pod in pods)
    view = View(board=None, policy=a_policy(log_mode="follow"), open=running, recorded=(), hold=HOLD)
    assert decide(view, NOW, follow_slots=2).actions == [Capture(pod, follow=True) for pod in pods[:2]]


def following(board: Board, *, slots: int, pending: int = 0, log_mode: str = "follow") -> Decision:
    """A decision with so many attempts under way whose containers have not started."""
    cell = next(iter(board.cells.values()))
    jobs = [a_job(an_id(cell, trial=trial)) for trial in range(pending)]
    waiting = [an_attempt(a_pod(job, container=WAITING), job=job) for job in jobs]
    for attempt in waiting:
        board.start((cell.hash, attempt.id.trial), 0)
    policy = a_policy(parallelism=9, log_mode=log_mode)
    return decide(View(board=board, policy=policy, open=waiting, recorded=(), hold=HOLD), NOW, follow_slots=slots)


def test_what_must_be_followed_does_not_start_without_a_place() -> None:
    decision = following(a_board(a_cell(trials=9)), slots=5, pending=2)
    assert [trial for _, trial, _ in starts(decision)] == [2, 3, 4]
    assert decision.unfollowed == 5
    assert (decision.waiting_for, decision.wake) == (NO_SLOT, NOW + SLOTS_LOOK)


def test_what_can_be_read_at_its_end_starts_without_a_place() -> None:
    decision = following(a_board(a_cell(trials=9)), slots=0, pending=2, log_mode="auto")
    assert len(starts(decision)) == 7
    assert (decision.unfollowed, decision.waiting_for) == (0, "")


def test_with_places_for_all_nobody_waits_for_one() -> None:
    decision = following(a_board(a_cell(trials=3)), slots=3)
    assert len(starts(decision)) == 3
    assert (decision.unfollowed, decision.waiting_for, decision.wake) == (3, "", None)


def test_no_more_start_than_the_devices_can_hold_and_other_hardware_is_not_held_up() -> None:
    scarce = replace(a_cell("scarce", trials=9, node_selector={"gpu": "h100"}), hardware="h100")
    plenty = replace(a_cell("plenty", trials=3, node_selector={"gpu": "none"}), hardware="cpu")
    board = a_board(scarce, plenty)
    running = tuple(an_attempt(a_pod(a_job(an_id(scarce, trial=trial)))) for trial in range(1))
    for attempt in running:
        board.start((scarce.hash, attempt.id.trial), 0)
    view = View(
        board=board,
        policy=a_policy(parallelism=100),
        open=[replace(attempt, id=an_id(scarce)) for attempt in running],
        recorded=(),
        hold=HOLD,
        places=lambda cell: 4 if cell.hardware == "h100" else None,
    )
    started = starts(decide(view, NOW, follow_slots=0))
    assert [trial for name, trial, _ in started if name == "scarce"] == [1, 2, 3]
    assert [trial for name, trial, _ in started if name == "plenty"] == [0, 1, 2]


def test_a_cell_that_fits_no_node_is_recorded_without_a_job() -> None:
    board = a_board(a_cell("far", trials=2, problem="no node has label gpu=x"), a_cell("near"))
    decision = decided(board, parallelism=1)
    finishes = [each for each in decision.actions if isinstance(each, Finish)]
    assert [each.id.trial for each in finishes] == [0, 1]
    assert all(each.evidence.intent is not None for each in finishes)
    assert starts(decision) == [("near", 0, 0)]


def test_nothing_new_starts_or_is_recorded_while_suspended_and_what_runs_goes_on() -> None:
    cell = a_cell(trials=3)
    lost = a_record(an_id(cell), Outcome.NODE_LOST)
    board = a_board(
        a_cell("far", problem="no node has label gpu=x"), cell, records=(lost,), NodeLost=RetryRule(limit=1)
    )
    job = a_job(an_id(cell, trial=1))
    running = an_attempt(a_pod(job, container=exited()), job=job)
    board.start((cell.hash, 1), 0)
    assert decided(board, open=(running,), suspended=True).actions == [Capture(a_pod(job, container=exited()), False)]
    assert decided(board, suspended=True).wake is None
    resumed = decided(board, open=(running,), suspended=False)
    assert starts(resumed) == [("fp32", 0, 1), ("fp32", 2, 0)]
    assert len([each for each in resumed.actions if isinstance(each, Finish)]) == 1


def test_a_recorded_pod_is_released_at_once_and_its_job_goes_after_the_hold() -> None:
    record = replace(a_record(), recorded=RECORDED)
    job = a_job(phase="complete", finished=NOW - 1)
    pod = a_pod(job, container=exited())
    early = decided(recorded=(Recorded(record, job, pod),))
    assert early.actions == [Release(pod)]
    assert early.wake == NOW + HOLD
    late = decided(recorded=(Recorded(record, job, None),), now=NOW + HOLD)
    assert late.actions == [Delete(job)]


def test_failed_jobs_stay_for_their_time() -> None:
    record = replace(a_record(outcome=Outcome.UNEXPECTED_EXIT), recorded=RECORDED)
    job = a_job(phase="failed", finished=NOW)
    kept = decided(recorded=(Recorded(record, job, None),), now=NOW + HOLD, jobs_ttl=3600.0)
    assert (kept.actions, kept.wake) == ([], NOW + 3600)
    assert decided(recorded=(Recorded(record, job, None),), now=NOW + 3600).actions == [Delete(job)]
    assert decided(recorded=(Recorded(record, job, None),), now=NOW + HOLD, keep_jobs="none").actions == [Delete(job)]


def test_a_succeeded_job_stays_only_if_all_are_kept() -> None:
    record = replace(a_record(), recorded=RECORDED)
    job = a_job(phase="complete", finished=NOW)
    assert decided(recorded=(Recorded(record, job, None),), now=NOW + HOLD, keep_jobs="all").actions == []
    assert decided(recorded=(Recorded(record, job, None),), now=NOW + HOLD, keep_jobs="failed").actions == [Delete(job)]


def test_a_job_that_was_given_up_does_not_stay() -> None:
    record = replace(a_record(outcome=Outcome.NODE_LOST), recorded=RECORDED)
    assert decided(recorded=(Recorded(record, a_job(), None),), now=NOW + HOLD, keep_jobs="all").actions == [
        Delete(a_job())
    ]


def test_nothing_starts_for_a_matrix_that_is_gone_and_its_jobs_are_left_to_the_garbage_collector() -> None:
    record = replace(a_record(), recorded=RECORDED)
    pod = a_pod(container=exited())
    decision = decided(a_board(a_cell(trials=5)), recorded=(Recorded(record, a_job(), pod),), gone=True, now=NOW + 1e6)
    assert decision.actions == [Release(pod)]
