from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from batchmatrix.model.cell import Cell
from batchmatrix.plan.differences import differences
from tests.support.specs import a_matrix, a_plan

CATALOG = {
    "hardware": {
        "h": {"nodeLabels": {"gpu": "a"}, "resource": {"name": "x.y/gpu"}, "tolerations": [{"operator": "Exists"}]},
        "i": {"nodeLabels": {"gpu": "a"}, "resource": {"name": "x.y/gpu"}, "tolerations": [{"operator": "Exists"}]},
    },
    "mitigations": {"ring": {"env": {"NCCL_ALGO": "Ring"}}},
}


def cell_of(change: dict[str, Any] | None = None, workload: dict[str, Any] | None = None, **spec: Any) -> Cell:
    own = {"name": "c", "hardware": "h", "parameters": {"size": 8}, "mitigations": ["ring"], "steps": 10}
    base = {"image": "a:1", "command": ["run", "$(size)"], "env": [{"name": "MODE", "value": "x"}]}
    fields = {"axes": [], "cells": [{**own, **(change or {})}], "catalog": CATALOG, "seed": 1, **spec}
    return a_plan(a_matrix(**fields, workload={**base, **(workload or {})})).cells[0]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (cell_of({"parameters": {"size": 16}}), ["parameter size 8 -> 16"]),
        (cell_of({"parameters": {"size": 8, "lr": 0.5}}), ["parameter lr added (0.5)"]),
        (cell_of({"steps": 20}), ["steps 10 -> 20"]),
        (cell_of(seed=2), ["seed 1 -> 2"]),
        (cell_of({"hardware": "i"}), ["hardware h -> i"]),
        (cell_of({"image": "a:2"}), ["image a:1 -> a:2"]),
        (cell_of(workload={"command": ["run", "--big"]}), ["command[1] $(size) -> --big"]),
        (cell_of(workload={"command": ["run", "a b", "c"]}), ["command run '$(size)' -> run 'a b' c"]),
        (cell_of(workload={"args": ["x"]}), ["args added (x)"]),
        (cell_of(workload={"workingDir": "/w"}), ["workingDir added (/w)"]),
        (cell_of(workload={"env": [{"name": "MODE", "value": "y"}]}), ["env MODE x -> y"]),
        (cell_of(workload={"env": [{"name": "MODE", "value": ""}]}), ['env MODE x -> ""']),
        (cell_of({"mitigations": []}), ["env NCCL_ALGO removed (was Ring)"]),
        (cell_of({"resources": {"limits": {"memory": "1Gi"}}}), ["limits memory added (1Gi)"]),
        (cell_of(workload={"runAsUser": 5, "supplementalGroups": [7]}),
         ["runAsUser added (5)", "supplementalGroups added ([7])"]),
        (cell_of(workload={"volumes": [{"name": "v", "emptyDir": {}}]}),
         ['volumes added ([{"emptyDir":{},"name":"v"}])']),
        (cell_of(workload={"envFrom": [{"secretRef": {"name": "s"}}]}),
         ['envFrom added ([{"secretRef":{"name":"s"}}])']),
    ],
)  # fmt: skip
def test_every_input_that_is_another_is_named(changed: Cell, said: list[str]) -> None:
    found = differences(cell_of(), changed)
    assert [str(change) for change in found] == said
    assert all(change.runs for change in found)


def test_where_nothing_is_another_nothing_is_said() -> None:
    assert differences(cell_of(), replace(cell_of(), name="other")) == ()


def test_what_is_no_part_of_what_runs_is_told_apart() -> None:
    changed = cell_of({"timeout": "2h", "allowedExitCodes": [0, 3], "expect": {"outcome": "any"}, "trials": 2})
    found = differences(cell_of(), changed)
    assert [str(change) for change in found] == [
        "trials 1 -> 2", "timeout 1h -> 2h", "allowedExitCodes 0 -> 0, 3", "expect success -> any",
    ]  # fmt: skip
    assert not any(change.runs for change in found)


def test_another_order_of_the_same_variables_is_a_change() -> None:
    two = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    found = differences(cell_of(workload={"env": two}), cell_of(workload={"env": two[::-1]}))
    assert [change.field for change in found] == ["order of env"]


def test_a_copy_is_told_by_its_number() -> None:
    one, two = a_plan(
        a_matrix(axes=[], cells=[{"name": "a"}, {"name": "b"}], workload={"image": "a:1", "command": ["run"]})
    ).cells
    assert [str(change) for change in differences(one, two)] == ["copy 0 -> 1"]
