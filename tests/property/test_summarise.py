"""Laws of the summary."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from batchmatrix.model.evidence import Blame, Outcome
from batchmatrix.summarise.summary import summarise
from tests.support.records import a_cell, a_plan, a_result

CELLS = tuple(a_cell(name, trials=trials) for name, trials in (("a", 1), ("b", 3), ("c", 2)))
PLACES = [(cell, trial) for cell in CELLS for trial in range(cell.trials)]
ends = st.lists(st.none() | st.sampled_from(Outcome), min_size=len(PLACES), max_size=len(PLACES))
good = st.just([Outcome.SUCCEEDED] * len(PLACES))


@settings(deadline=None)
@given(good | ends, st.booleans())
def test_counts_add_up_and_a_pass_needs_every_single_success(outcomes: list[Outcome | None], complete: bool) -> None:
    results = [a_result(cell, trial, end) for (cell, trial), end in zip(PLACES, outcomes, strict=True)]
    made = summarise(a_plan(*CELLS), results, units={}, complete=complete, started="", finished="")
    assert sum(cell.done for cell in made.cells) == sum(end is not None for end in outcomes)
    for cell in made.cells:
        assert cell.succeeded + cell.failed == cell.done <= cell.trials
        assert sum(cell.outcomes.values()) == sum(cell.logs.values()) == cell.done
    ended = Counter(end for end in outcomes if end is not None)
    blamed = any(result.record is not None and result.record.blame is Blame.WORKLOAD for result in results)
    if not complete:
        assert made.verdict == ""
    elif set(outcomes) == {Outcome.SUCCEEDED}:
        assert made.verdict == "pass"
    else:
        assert made.verdict == ("fail" if blamed else "inconclusive")
    assert ended.total() == len([result for result in made.trials if result.record is not None])
