"""Whatever is edited: a cell that stays, or comes back, is the same cell and finds its records."""

from __future__ import annotations

from collections.abc import Sequence

import hypothesis.strategies as st
from hypothesis import given, settings

from batchmatrix.model.cell import Plan
from batchmatrix.plan.pin import dump_plan, load_plan
from tests.support.specs import a_matrix, a_plan

law = settings(deadline=None, max_examples=60)

runs = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["", "1", "2"]), min_size=1)
"""Cell name to what it runs: few choices, so many run the very same."""
grids = runs.flatmap(lambda cells: st.permutations(sorted(cells.items())))


def plan_of(cells: Sequence[tuple[str, str]], previous: Plan | None) -> Plan:
    made = [{"name": name, "extraEnv": {"X": value} if value else {}} for name, value in cells]
    matrix = a_matrix(axes=[], cells=made, workload={"image": "app:1", "command": ["run"]})
    plan = a_plan(matrix, previous=previous)
    assert load_plan(dump_plan(plan)) == plan
    return plan


@law
@given(st.lists(grids, min_size=2, max_size=5))
def test_no_cell_that_stays_changes_its_hash_and_no_two_share_one(edits: list[list[tuple[str, str]]]) -> None:
    plan, before = None, dict[tuple[str, str], str]()
    for cells in edits:
        plan = plan_of(cells, plan)
        now = dict(zip(cells, (cell.hash for cell in plan.cells), strict=True))
        assert len(set(now.values())) == len(cells)
        assert all(now[cell] == before[cell] for cell in now.keys() & before.keys())
        assert {(cell.name, cell.hash) for cell in plan.cells}.isdisjoint((r.name, r.hash) for r in plan.retired)
        before = now


@law
@given(grids, st.data())
def test_what_was_taken_out_for_a_while_comes_back_as_it_was(cells: list[tuple[str, str]], data: st.DataObject) -> None:
    first = plan_of(cells, None)
    plan = first
    for _ in range(data.draw(st.integers(1, 3))):
        plan = plan_of(data.draw(st.lists(st.sampled_from(cells), min_size=1, unique=True)), plan)
    again = plan_of(data.draw(st.permutations(cells)), plan)
    assert {cell.name: cell.hash for cell in again.cells} == {cell.name: cell.hash for cell in first.cells}
    assert again.retired == ()
