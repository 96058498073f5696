"""Whatever is launched, recorded, run again and cancelled, in any order: the board follows from the ledger alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import event, given
from hypothesis import strategies as st

from batchmatrix.engine.board import Board, TrialKey
from batchmatrix.engine.operations import Operations
from batchmatrix.model.evidence import Blame, Outcome
from batchmatrix.model.launch import AttemptId, RetryRule
from batchmatrix.model.operation import OperationEntry
from batchmatrix.model.record import Record
from tests.support.engine import a_cell, a_plan, a_record

CELLS = (a_cell("a", trials=2), a_cell("b", trials=2))
KEYS: list[TrialKey] = [(cell.hash, trial) for trial in (0, 1) for cell in CELLS]
ORDER = [(0, 0), (1, 0), (0, 1), (1, 1)]
RULES = {Outcome.NODE_LOST: RetryRule(limit=1)}
BLAME = {Outcome.UNEXPECTED_EXIT: Blame.WORKLOAD, Outcome.NODE_LOST: Blame.INFRASTRUCTURE}

EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("launch"), st.integers(0, 3)),
        st.tuples(
            st.just("end"),
            st.integers(0, 3),
            st.sampled_from([Outcome.SUCCEEDED, Outcome.UNEXPECTED_EXIT, Outcome.NODE_LOST]),
        ),
        st.tuples(st.just("rerun"), st.sets(st.sampled_from(range(4)), min_size=1)),
        st.just(("cancel",)),
    ),
    max_size=40,
)


@dataclass
class Trial:
    """What a reader of the history knows of one trial, worked out in another way than the board does."""

    launched: int = 0
    running: int | None = None
    marks: list[tuple[str, int]] = field(default_factory=list)
    """Operations on it in their order, with the number of attempts that had been launched then."""

    @property
    def cancelled(self) -> bool:
        return bool(self.marks) and self.marks[-1][0] == "cancel"

    def reruns(self, attempt: int) -> int:
        return sum(kind == "rerun" and launched <= attempt for kind, launched in self.marks)

    @property
    def awaits_rerun(self) -> bool:
        reruns = [launched for kind, launched in self.marks if kind == "rerun"]
        return bool(reruns) and reruns[-1] == self.launched


def a_board(records: Sequence[Record], operations: Operations) -> Board:
    return Board(a_plan(*CELLS), order=ORDER, rules=RULES, records=records, operations=operations)


@given(EVENTS)
def test_the_board_follows_from_the_ledger_alone_and_nothing_runs_that_nobody_asked_for(
    events: list[tuple[object, ...]],
) -> None:
    operations = Operations()
    board = a_board((), operations)
    trials = [Trial() for _ in KEYS]
    ledger: list[OperationEntry] = []
    records: list[Record] = []

    def operate(action: str, selected: dict[str, dict[int, int]]) -> None:
        time = "2026-01-01T00:00:00Z"
        entry = OperationEntry(action, f"t{len(ledger)}", "", 1, time, "", "w", trials=selected)
        ledger.append(entry)
        operations.add(entry)
        board.operate(entry)

    for what, *rest in events:
        candidates = {(each.cell.hash, each.trial): each.attempt for each in board.candidates()}
        if what == "launch":
            number = int(str(rest[0]))
            trial, key = trials[number], KEYS[number]
            if trial.running is None and key in candidates:
                assert candidates[key] == trial.launched, "no number is used twice or left out"
                trial.running = trial.launched
                trial.launched += 1
                board.start(key, trial.running)
        elif what == "end":
            number = int(str(rest[0]))
            trial, key = trials[number], KEYS[number]
            if trial.running is not None:
                attempt = AttemptId(*key, trial.running)
                assert isinstance(rest[1], Outcome)
                outcome = Outcome.CANCELLED if operations.cancels(attempt) else rest[1]
                record = a_record(
                    attempt, outcome, blame=BLAME.get(outcome, Blame.NOBODY), rerun=operations.number(attempt)
                )
                assert record.rerun == trial.reruns(trial.running)
                records.append(record)
                board.add(record)
                trial.running = None
        elif what == "rerun":
            assert isinstance(rest[0], set)
            selected: dict[str, dict[int, int]] = {}
            for number in rest[0]:
                cell_hash, index = KEYS[number]
                selected.setdefault(cell_hash, {})[index] = board.next_attempt(KEYS[number])
                trials[number].marks.append(("rerun", trials[number].launched))
            operate("rerun", selected)
        else:
            for trial in trials:
                trial.marks.append(("cancel", trial.launched))
            operate("cancel", {})
        check(board, trials)
        again = a_board(records, Operations(ledger))
        for trial, key in zip(trials, KEYS, strict=True):
            if trial.running is not None:
                again.start(key, trial.running)
        assert again.results == board.results
        assert again.outcomes == +board.outcomes
        assert list(again.candidates()) == list(board.candidates())
        assert (again.cancelled, again.ended, again.left) == (board.cancelled, board.ended, board.left)


def check(board: Board, trials: list[Trial]) -> None:
    due = {(each.cell.hash, each.trial) for each in board.candidates()}
    for key, trial in zip(KEYS, trials, strict=True):
        if trial.cancelled:
            event("cancelled")
            assert key not in due
        if trial.awaits_rerun and trial.launched:
            event("awaits its rerun")
            assert key not in board.results
        if trial.running is not None:
            assert key not in board.results
        elif not trial.cancelled:
            assert (key in due) != (key in board.results), "whatever is not done may start"
    assert board.ended == all(key in board.results or trial.cancelled for key, trial in zip(KEYS, trials, strict=True))
