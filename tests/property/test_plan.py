"""Laws of the plan that hold for every spec."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from batchmatrix.base.errors import InvalidSpec
from batchmatrix.base.plain import resolve_plain
from batchmatrix.base.text import scalar_text
from batchmatrix.formats.matrix_file import load_matrix
from batchmatrix.plan.expand import label_of
from batchmatrix.plan.order import launch_order
from batchmatrix.plan.pin import dump_plan, load_plan
from tests.support.specs import a_matrix, a_plan

law = settings(deadline=None)  # a busy machine is no broken law
LABEL = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")

scalars = (
    st.text(st.characters(exclude_characters="\x00", codec="utf-8"), max_size=20)
    | st.integers(-(2**63), 2**63 - 1)
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15)
)
names = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: name not in ("mitigation", "environment", "hardware")
)


@st.composite
def grids(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Axes of parameters, some dozen cells at most."""

    def read(value: Any) -> str:
        (got,) = a_matrix(axes=[{"name": "x", "values": [value]}], workload={"image": "a:1"}).spec.axes[0].values
        return str(got).lower() if isinstance(got, bool) else str(got)

    return [
        {"name": name, "values": draw(st.lists(scalars, min_size=1, max_size=4, unique_by=read))}
        for name in draw(st.lists(names, min_size=1, max_size=3, unique=True))
    ]


def spec(axes: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    return {"axes": axes, "workload": {"image": "a:1"}, **changes}


@law
@given(axes=grids())
def test_every_combination_is_there_once_the_last_axis_fastest(axes: list[dict[str, Any]]) -> None:
    matrix = a_matrix(**spec(axes))
    cells = a_plan(matrix).cells
    assert len(cells) == math.prod(len(axis["values"]) for axis in axes)
    values = [tuple(cell.values.items()) for cell in cells]
    # 0 and False are equal in Python and two values of an axis
    labels = {axis.name: [scalar_text(label_of(value)) for value in axis.values] for axis in matrix.spec.axes}
    ranks = [tuple(labels[name].index(scalar_text(value)) for name, value in cell.values.items()) for cell in cells]
    assert ranks == sorted(set(ranks))
    assert len({repr(value) for value in values}) == len(cells)


@law
@given(axes=grids())
def test_names_are_unique_labels_and_hashes_are_unique(axes: list[dict[str, Any]]) -> None:
    cells = a_plan(a_matrix(**spec(axes))).cells
    assert len({cell.name for cell in cells}) == len(cells) == len({cell.hash for cell in cells})
    assert all(LABEL.fullmatch(cell.name) for cell in cells)
    assert all(re.fullmatch(r"[0-9a-f]{64}", cell.hash) for cell in cells)


@law
@given(axes=grids(), trials=st.integers(1, 4), seed=st.text(max_size=5))
def test_rounds_are_permutations_one_after_the_other(axes: list[dict[str, Any]], trials: int, seed: str) -> None:
    plan = a_plan(a_matrix(**spec(axes, trials=trials)), order_seed=seed)
    order = launch_order(plan)
    assert [trial for _, trial in order] == sorted(trial for _, trial in order)
    assert Counter(order) == Counter((index, trial) for index in range(len(plan.cells)) for trial in range(trials))
    assert order == launch_order(plan)


@law
@given(axes=grids(), trials=st.integers(1, 4))
def test_cell_after_cell_is_a_permutation_too(axes: list[dict[str, Any]], trials: int) -> None:
    plan = a_plan(a_matrix(**spec(axes, trials=trials, order="cells")))
    assert launch_order(plan) == [(i, trial) for i in range(len(plan.cells)) for trial in range(trials)]


@law
@given(axes=grids(), trials=st.integers(1, 3))
def test_more_trials_leave_the_rounds_before_as_they_were(axes: list[dict[str, Any]], trials: int) -> None:
    few = launch_order(a_plan(a_matrix(**spec(axes, trials=trials))))
    more = launch_order(a_plan(a_matrix(**spec(axes, trials=trials + 1))))
    assert more[: len(few)] == few


@law
@given(axes=grids())
def test_a_plan_comes_back_from_its_bytes(axes: list[dict[str, Any]]) -> None:
    plan = a_plan(a_matrix(**spec(axes)))
    data = dump_plan(plan)
    assert load_plan(data) == plan
    assert dump_plan(load_plan(data)) == data


@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=60) | st.text("[]{}:,-&*!<>|\"'# \n\tab01", max_size=60))
def test_any_text_is_a_file_or_refused_in_our_words(text: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        load_matrix(text, source="m.yaml")
    assert all(str(problem).startswith("m.yaml") for problem in caught.value.problems)


@law
@given(number=st.integers(-(2**63), 2**63 - 1))
def test_whole_numbers_are_read_as_they_are_written(number: int) -> None:
    assert resolve_plain(str(number)) == number


@law
@given(number=st.floats(allow_nan=False, allow_infinity=False))
def test_fractions_are_read_as_they_are_written(number: float) -> None:
    assert resolve_plain(repr(number)) == number
