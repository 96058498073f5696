"""Trials that a side lacks flatter it: no word rests on what they may have made, and the others stand."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from batchmatrix.model.evidence import Outcome
from batchmatrix.model.judging import Word
from batchmatrix.summarise.comparison.reasons import Reason
from batchmatrix.summarise.comparison.sample import Values
from batchmatrix.summarise.comparison.survivors import Flattered, flattered
from tests.support.comparisons import judged, row
from tests.support.judging_cells import a_comparison

BAD, LOST = Outcome.TIMEOUT, Outcome.NODE_LOST
RUNS = 100
LEVEL = 0.05


def side(numbers: int, failed: int = 0, planned: int = 10) -> Values:
    return Values((1.0,) * numbers, (), planned, failed)


@pytest.mark.parametrize(
    ("cell", "base", "shown", "wanted"),
    [
        (side(10), side(10), (), Flattered()),
        (side(8, 2), side(8, 2), (), Flattered()),
        (side(7, 3), side(10), (), Flattered((Reason.SURVIVORS_ONLY,), ())),
        (side(7, 2), side(10), (), Flattered((Reason.TRIALS_MISSING,), ())),
        (side(10), side(7, 3), (), Flattered((), (Reason.SURVIVORS_ONLY,))),
        (side(7), side(7, 3), (), Flattered((Reason.TRIALS_MISSING,), (Reason.SURVIVORS_ONLY,))),
        (side(10), side(10), ("confounded-node", "fails-more"), Flattered((Reason.FAILS_MORE,), ())),
        (side(10), side(10), ("fails-less",), Flattered((), (Reason.FAILS_LESS,))),
    ],
)
def test_who_looks_better_than_it_is(cell: Values, base: Values, shown: tuple[str, ...], wanted: Flattered) -> None:
    assert flattered(cell, base, a_comparison("c", 0.0, 0.0, reasons=shown)) == wanted


def test_a_reason_of_both_sides_is_said_once() -> None:
    assert flattered(side(1), side(1), None).reasons == (Reason.TRIALS_MISSING,)


def words(lost_by: Sequence[str], *, factor: float = 1.0, cause: Outcome = BAD) -> Counter[Word]:
    """Of runs in which times scatter by 10 % and a side of `lost_by` lost each trial above the middle."""
    drawn = random.Random(20_26)
    found: Counter[Word] = Counter()
    for _ in range(RUNS):
        cells: dict[str, list[Any]] = {}
        for name, middle in (("none", 100.0), ("c", 100.0 * factor)):
            times = [middle * math.exp(drawn.gauss(0, 0.1)) for _ in range(10)]
            cells[name] = [cause if name in lost_by and time > middle else time for time in times]
        found[row(judged(cells, level=LEVEL), "c").word] += 1
    return found


@pytest.mark.parametrize("cause", [BAD, LOST])
def test_an_equal_cell_is_not_slower_than_a_baseline_without_its_slow_trials(cause: Outcome) -> None:
    found = words(["none"], cause=cause)
    assert found[Word.SLOWER] + found[Word.FASTER] <= LEVEL * RUNS
    assert found[Word.EQUIVALENT] == 0


def test_an_equal_cell_without_its_slow_trials_is_not_faster() -> None:
    found = words(["c"])
    assert found[Word.SLOWER] + found[Word.FASTER] <= LEVEL * RUNS
    assert found[Word.EQUIVALENT] == 0


@pytest.mark.parametrize("factor", [1.0, 0.7, 1.4])
def test_where_both_lack_trials_neither_is_shown(factor: float) -> None:
    found = words(["none", "c"], factor=factor)
    assert found[Word.SLOWER] + found[Word.FASTER] <= LEVEL * RUNS


def test_what_is_shown_although_the_missing_trials_speak_against_it_stands() -> None:
    assert words(["none"], factor=0.7)[Word.FASTER] > 0.8 * RUNS
    assert words(["c"], factor=1.5)[Word.SLOWER] > 0.8 * RUNS
