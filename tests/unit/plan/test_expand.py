from __future__ import annotations

import pytest

from batchmatrix.base.errors import InvalidSpec
from batchmatrix.plan.expand import expand
from tests.support.specs import a_matrix

AXES = a_matrix(
    axes=[{"name": "a", "values": [1, 2]}, {"name": "b", "values": ["x", "y", "z"]}],
    workload={"image": "a:1"},
).spec.axes


def test_the_last_axis_is_fastest() -> None:
    assert [tuple(cell.values()) for cell in expand(AXES, max_cells=6)] == [
        (1, "x"),
        (1, "y"),
        (1, "z"),
        (2, "x"),
        (2, "y"),
        (2, "z"),
    ]


def test_values_stand_in_the_order_of_the_axes() -> None:
    assert [list(cell) for cell in expand(AXES, max_cells=6)] == [["a", "b"]] * 6


def test_too_many_cells_are_refused_before_one_is_made() -> None:
    with pytest.raises(InvalidSpec) as caught:
        expand(AXES, max_cells=5)
    assert str(caught.value) == (
        "spec.axes: 2 x 3 values make 6 cells; this operator takes at most 5: remove values or axes"
    )


def test_the_largest_grid_that_can_be_written_is_refused_at_once() -> None:
    axes = [{"name": f"a{i}", "values": list(range(64))} for i in range(8)]
    with pytest.raises(InvalidSpec, match="281474976710656 cells"):
        expand(a_matrix(axes=axes, workload={"image": "a:1"}).spec.axes, max_cells=100_000)
