from __future__ import annotations

import re

import pytest

from batchmatrix.model.cell import Scalar
from batchmatrix.plan.combination import Combination
from batchmatrix.plan.naming import cell_names

LABEL = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


def names_of(*cells: dict[str, Scalar]) -> list[str]:
    return cell_names([Combination(values, {}, (), None, None, None) for values in cells])


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"hardware": "h100", "dtype": "fp32", "threads": 4}, "h100-fp32-t4"),
        ({"environment": "rocm-6.4", "batch_size": 32}, "rocm-6-4-bs32"),
        ({"lr": 0.1}, "lr0p1"),
        ({"lr": 1e-05}, "lr1em05"),
        ({"offset": -3}, "om3"),
        ({"use_amp": True}, "use-amp-true"),
        ({"dtype": "16bit"}, "d16bit"),
        ({"a": "Ünï cødé"}, "n-c-d"),
    ],
)
def test_names_read_like_their_values(values: dict[str, Scalar], name: str) -> None:
    assert names_of(values) == [name]


def test_names_that_would_be_the_same_end_in_digits() -> None:
    names = names_of({"a": "x y"}, {"a": "x-y"}, {"a": "z"})
    assert names[2] == "z"
    assert all(re.fullmatch(r"x-y-[0-9a-f]{8}", name) for name in names[:2])
    assert len(set(names)) == 3


def test_digits_do_not_depend_on_the_order_of_cells() -> None:
    one, two = names_of({"a": "x y"}, {"a": "x-y"})
    assert names_of({"a": "x-y"}, {"a": "x y"}) == [two, one]


def test_a_long_name_is_cut_and_stays_unique() -> None:
    names = names_of({"a": "x" * 80}, {"a": "x" * 81})
    assert [len(name) for name in names] == [63, 63]
    assert len(set(names)) == 2


def test_a_value_without_letters_has_a_name() -> None:
    (name,) = names_of({"a": "日本"})
    assert LABEL.fullmatch(name)


def test_a_name_that_looks_like_another_with_digits_is_told_apart() -> None:
    clash = names_of({"a": "x y"}, {"a": "x-y"})[0]
    names = names_of({"a": "x y"}, {"a": "x-y"}, {"a": clash})
    assert len(set(names)) == 3
