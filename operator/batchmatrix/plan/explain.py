"""What a plan would run, and why: each cell held against the plan before it and the results that are there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from batchmatrix.base.text import counted, one_line
from batchmatrix.model.cell import Cell, Plan
from batchmatrix.plan.differences import Change, differences

__all__ = ["NOTHING", "Explanation", "Outlook", "Recorded", "Removed", "State", "explain"]

State = Literal["new", "changed", "more", "done", "unchanged", "unknown", "blocked"]
"""new: not planned before and nothing recorded. changed: an earlier cell, with other inputs. more: this very cell was
planned before, some of its trials are not recorded. done: every trial is recorded. unchanged: planned before, what is
recorded is not known. unknown: neither is known. blocked: no node fits, or no image is sure; not launched."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """Trials that have a result."""

    trials: Mapping[tuple[str, int], str] = field(default_factory=dict)
    """Outcome by cell hash and trial."""
    whole: bool = True
    """Whether a trial that is not in it has no result; False where not everything could be read."""


NOTHING = Recorded()
"""No trial has a result."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What will become of one cell."""

    cell: Cell
    state: State
    recorded: int
    """Trials of the plan that are known to have a result."""
    to_run: int | None
    """Trials that would be started; None where that is not known."""
    was: str = ""
    """Name of the earlier cell, where it was another or where inputs changed."""
    changes: tuple[Change, ...] = ()
    """Inputs that differ from those of the earlier cell; one that is no part of what runs starts nothing again."""

    @property
    def at_most(self) -> int:
        """Trials that would be started at most."""
        return self.cell.trials if self.to_run is None else self.to_run

    @property
    def acts(self) -> bool:
        """Whether anything may come of it; for a cell that fits no node that is its outcome Unschedulable."""
        if self.state == "blocked":
            return self.recorded < self.cell.trials
        return self.to_run is None or self.to_run > 0

    @property
    def why(self) -> str:
        """The reason in one line."""
        trials = self.cell.trials
        match self.state:
            case "new":
                return "new"
            case "changed":
                return one_line("changed: " + "; ".join(str(change) for change in self.changes if change.runs))
            case "done":
                return f"done: {counted(trials, 'trial')} recorded"
            case "more":
                return f"{self.recorded} of {counted(trials, 'trial')} recorded, {self.to_run} to run"
            case "unchanged":
                return "unchanged; what is recorded is not known"
            case "unknown":
                return "what was planned and recorded is not known"
            case "blocked":
                return one_line(f"not placed: {self.cell.problem}")


@dataclass(frozen=True, slots=True)
class Removed:
    """A cell of the earlier plan that is gone. Its records stay in the ledger."""

    name: str
    hash: str
    recorded: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """The whole plan, cell by cell in its order, and what left it."""

    cells: tuple[Outlook, ...]
    removed: tuple[Removed, ...] = ()


def explain(plan: Plan, *, previous: Plan | None, recorded: Recorded) -> Explanation:
    """Say for each cell of `plan` whether it would run and why.

    A cell is the same as an earlier one while what runs is the same, whatever its name: then its results hold. A
    cell that is no earlier one is held against the earlier cell of its name, else of its values, if that one is gone.
    """
    earlier = {cell.hash: cell for cell in previous.cells} if previous is not None else {}
    kept = {cell.hash for cell in plan.cells}
    gone = {cell.hash: cell for cell in earlier.values() if cell.hash not in kept}
    names = {cell.name: cell for cell in gone.values()}
    by_values = {_values(cell): cell for cell in gone.values()}
    outlooks = []
    for cell in plan.cells:
        old = earlier.get(cell.hash)
        if old is None:
            likely = (names.get(cell.name), by_values.get(_values(cell)))
            old = next((one for one in likely if one is not None and one.hash in gone), None)
            if old is not None:
                del gone[old.hash]
        outlooks.append(_outlook(cell, old, recorded, known=previous is not None or recorded.whole))
    results: dict[str, int] = {}
    for cell_hash, _ in recorded.trials:
        results[cell_hash] = results.get(cell_hash, 0) + 1
    removed = tuple(Removed(cell.name, cell.hash, results.get(cell.hash, 0)) for cell in gone.values())
    return Explanation(tuple(outlooks), removed)


def _outlook(cell: Cell, old: Cell | None, recorded: Recorded, *, known: bool) -> Outlook:
    done = sum((cell.hash, trial) in recorded.trials for trial in range(cell.trials))
    changes = differences(old, cell) if old is not None else ()
    was = old.name if old is not None and (changes or old.name != cell.name) else ""
    same = old is not None and old.hash == cell.hash
    state: State
    to_run: int | None = cell.trials - done
    if cell.problem is not None:
        state, to_run = "blocked", 0
    elif not to_run:
        state = "done"
    elif same and not recorded.whole:
        state, to_run = ("more" if done else "unchanged"), None
    elif done or same:
        state = "more"
    elif old is not None:
        state = "changed"
    elif known:
        state = "new"
    else:
        state, to_run = "unknown", None
    return Outlook(cell, state, done, to_run, was, changes)


def _values(cell: Cell) -> tuple[tuple[str, str, str], ...]:
    return tuple(sorted((axis, type(value).__name__, str(value)) for axis, value in cell.values.items()))
