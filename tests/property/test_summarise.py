"""Laws of the summary."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from batchmatrix.model.evidence import Blame, Outcome
from batchmatrix.summarise.summary import summarise
from tests.support.records import a_cell, a_plan, a_result

CELLS = tuple(
    a_cell(name, trials=trials, expect=expect)
    for name, trials, expect in (("a", 1, "success"), ("b", 3, "fail"), ("c", 2, "any"), ("d", 2, "success"))
)
PLACES = [(cell, trial) for cell in CELLS for trial in range(cell.trials)]
ends = st.lists(st.none() | st.sampled_from(Outcome), min_size=len(PLACES), max_size=len(PLACES))
good = st.just([Outcome.UNEXPECTED_EXIT if cell.name == "b" else Outcome.SUCCEEDED for cell, _ in PLACES])


@settings(deadline=None)
@given(good | ends, st.booleans())
def test_counts_add_up_and_a_pass_needs_every_cell_as_expected(outcomes: list[Outcome | None], complete: bool) -> None:
    results = [a_result(cell, trial, end) for (cell, trial), end in zip(PLACES, outcomes, strict=True)]
    made = summarise(a_plan(*CELLS), results, units={}, complete=complete, started="", finished="")
    assert sum(cell.done for cell in made.cells) == sum(end is not None for end in outcomes)
    for cell in made.cells:
        assert cell.succeeded + cell.failed == cell.done <= cell.trials
        assert sum(cell.outcomes.values()) == sum(cell.logs.values()) == cell.done
    ended = Counter(end for end in outcomes if end is not None)
    blamed = [result for result in results if result.record is not None and result.record.blame is Blame.WORKLOAD]
    shown = ended[Outcome.SUCCEEDED] + len(blamed) == len(PLACES)
    wrong = any(result.cell in "ad" for result in blamed) or any(
        result.record is not None and result.record.outcome is Outcome.SUCCEEDED and result.cell == "b"
        for result in results
    )
    if not complete:
        assert made.verdict == ""
    elif wrong:
        assert made.verdict == "fail"
    else:
        assert made.verdict == ("pass" if shown else "inconclusive")
    assert ended.total() == len([result for result in made.trials if result.record is not None])
