"""The board gives the same answer built at once or step by step, and counts each trial once."""

from __future__ import annotations

from dataclasses import replace

from batchmatrix.engine.board import Board
from batchmatrix.model.evidence import Captured, LogState, Outcome
from batchmatrix.model.launch import RetryRule
from batchmatrix.model.record import Record
from tests.support.engine import a_cell, a_plan, a_record, an_id

CELLS = (a_cell("a", trials=2), a_cell("b", trials=2))
RULES = {Outcome.UNEXPECTED_EXIT: RetryRule(limit=1), Outcome.OOM_KILLED: RetryRule(limit=1, memory_factor="1.5")}


def a_board(*records: Record) -> Board:
    return Board(a_plan(*CELLS), order=[(0, 0), (1, 0), (0, 1), (1, 1)], rules=RULES, records=records)


def names(board: Board) -> list[tuple[str, int, int]]:
    return [(each.cell.name, each.trial, each.attempt) for each in board.candidates()]


def test_candidates_follow_the_order_and_leave_out_what_has_started() -> None:
    board = a_board()
    assert names(board) == [("a", 0, 0), ("b", 0, 0), ("a", 1, 0), ("b", 1, 0)]
    board.start((CELLS[1].hash, 0), 0)
    assert names(board) == [("a", 0, 0), ("a", 1, 0), ("b", 1, 0)]
    board.start((CELLS[0].hash, 0), 0)
    assert names(board) == [("a", 1, 0), ("b", 1, 0)]
    assert board.waiting == 2


def test_a_trial_is_done_with_its_last_attempt_and_counted_once() -> None:
    first = a_record(an_id(CELLS[0]), Outcome.UNEXPECTED_EXIT)
    second = a_record(an_id(CELLS[0], attempt=1))
    board = a_board()
    board.add(first)
    assert (board.done, board.retried, names(board)[0]) == (0, 0, ("a", 0, 1))
    board.add(second)
    assert (board.done, board.succeeded, board.retried) == (1, 1, 1)
    assert board.outcomes[Outcome.UNEXPECTED_EXIT] == 0
    rebuilt = a_board(second, first)
    assert rebuilt.results == board.results
    assert rebuilt.outcomes == +board.outcomes
    assert names(rebuilt) == names(board)


def test_logs_are_counted_over_all_attempts_that_the_plan_holds() -> None:
    lost, cut = Captured(LogState.LOST), Captured(LogState.TRUNCATED)
    board = a_board(
        a_record(an_id(CELLS[0]), Outcome.UNEXPECTED_EXIT, log=lost),
        a_record(an_id(CELLS[0], attempt=1), log=cut),
        a_record(an_id(a_cell("c")), log=lost),
    )
    assert +board.log_states == {LogState.LOST: 1, LogState.TRUNCATED: 1}


def test_a_retry_carries_what_it_changes() -> None:
    board = a_board(a_record(an_id(CELLS[0]), Outcome.OOM_KILLED))
    retry = next(board.candidates())
    assert (retry.attempt, retry.mutation.memory_factor) == (1, "1.5")


def test_records_of_other_plans_are_left_alone() -> None:
    board = a_board(a_record(an_id(a_cell("c"))), a_record(an_id(CELLS[0], trial=7)))
    board.start((a_cell("c").hash, 0), 0)
    assert (board.done, board.waiting, len(names(board))) == (0, 4, 4)


def test_what_fits_no_node_comes_first_however_far_back_it_stands() -> None:
    cells = (a_cell("a", trials=3), a_cell("far", trials=2, problem="no node has it"))
    board = Board(a_plan(*cells), order=[(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)], rules={}, records=())
    assert [name for name, _, _ in names(board)] == ["far", "far", "a", "a", "a"]


def test_a_trial_that_an_earlier_plan_cancelled_runs_where_a_later_one_wants_it_again() -> None:
    board = a_board(a_record(an_id(CELLS[0]), Outcome.CANCELLED))
    assert names(board)[0] == ("a", 0, 1)
    assert (board.done, board.retried) == (0, 0)


def test_complete_only_when_every_trial_has_a_result() -> None:
    board = a_board(*(a_record(an_id(cell, trial=trial)) for cell in CELLS for trial in (0, 1)))
    assert board.complete
    assert names(board) == []
    assert not a_board(a_record(an_id(CELLS[0]))).complete


def test_a_record_that_is_read_anew_takes_the_place_of_what_it_was() -> None:
    first = a_record(an_id(CELLS[0]), Outcome.UNEXPECTED_EXIT)
    turned = replace(first, outcome=Outcome.SUCCEEDED, turned=True)
    board = a_board(first)
    assert names(board)[0] == ("a", 0, 1)
    board.read_anew(turned)
    assert (board.done, board.succeeded, names(board)[0]) == (1, 1, ("b", 0, 0))
    board.read_anew(replace(first, outcome=Outcome.INCOMPLETE, turned=True))
    assert (board.done, board.succeeded, board.outcomes[Outcome.INCOMPLETE]) == (1, 0, 1)
    assert a_board(turned).results == {(CELLS[0].hash, 0): turned}


def test_a_trial_whose_next_attempt_is_under_way_has_no_result_whatever_is_read() -> None:
    board = a_board(a_record(an_id(CELLS[0]), Outcome.UNEXPECTED_EXIT))
    board.start((CELLS[0].hash, 0), 1)
    board.read_anew(a_record(an_id(CELLS[0])))
    assert (board.done, names(board)[0]) == (0, ("b", 0, 0))
    board.add(a_record(an_id(CELLS[0], attempt=1), Outcome.OOM_KILLED))
    assert names(board)[0] == ("a", 0, 2)
