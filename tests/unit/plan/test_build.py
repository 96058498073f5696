from __future__ import annotations

import copy
from typing import Any

import pytest

from batchmatrix.base.errors import BatchMatrixError, InvalidSpec
from batchmatrix.model.cell import Plan
from batchmatrix.model.v1alpha1 import parse_matrix
from batchmatrix.plan.order import launch_order
from batchmatrix.plan.pin import dump_plan, load_plan
from batchmatrix.plan.tuning import tuning
from tests.support.full_specs import CELLS_SPEC, FULL_SPEC
from tests.support.golden import Golden
from tests.support.specs import REF, a_matrix, a_node, a_plan, matrix_object

KIND = "gpu.example/kind"
RULES = [{"nodeLabels": {KIND: "a"}, "image": "app:a"}, {"nodeLabels": {KIND: "b"}, "image": "app:b"}]
NODE_A, NODE_B = a_node("a", labels={KIND: "a"}), a_node("b", labels={KIND: "b"})


def full(**changes: Any) -> Plan:
    spec = {**copy.deepcopy(FULL_SPEC), **changes}
    return a_plan(a_matrix(**spec), service_accounts=["runner"])


def test_the_plan_of_the_full_example_is_what_it_was(golden: Golden) -> None:
    """The hashes in it are the names of records in stores: a change here loses them all."""
    spec = copy.deepcopy(FULL_SPEC)
    for axis in spec["axes"][4:]:
        axis["values"] = axis["values"][:1]
    golden("plan/full.json", dump_plan(a_plan(a_matrix(**spec), service_accounts=["runner"])))


def test_the_plan_of_the_example_with_cells_is_what_it_was(golden: Golden) -> None:
    matrix = parse_matrix({**matrix_object(), "spec": copy.deepcopy(CELLS_SPEC)})
    golden("plan/cells.json", dump_plan(a_plan(matrix)))


def test_variables_come_in_order() -> None:
    cell = next(cell for cell in full().cells if len(cell.mitigations) == 2)
    assert cell.work.env == (
        ("BATCHMATRIX_STEPS", "200"),
        ("batch_size", "8"),
        ("lr", "0.1"),
        ("amp", "true"),
        ("profile", "a b"),
        ("ZONE", "1"),  # ALPHA of the environment is replaced by the mitigation's
        ("NVIDIA_TF32_OVERRIDE", "0"),
        ("ALPHA", "7"),
        ("FAST", "1"),
        ("MODE", "slow"),
        ("EMPTY", ""),
    )


def test_what_a_cell_has_of_its_own_replaces_what_the_spec_says() -> None:
    cell = next(cell for cell in full().cells if cell.parameters["batch_size"] == 32)
    assert (cell.trials, cell.steps, cell.timeout, cell.allowed_exit_codes, cell.expect) == (
        2, 400, 3600.0, (0, 1), "fail",
    )  # fmt: skip
    assert cell.work.image == "registry.example/app:big"
    assert cell.work.resources == {
        "requests": {"cpu": "2", "memory": "1Gi"},
        "limits": {"memory": "4Gi", "gpu.example/a": "1"},
    }
    assert [pair for pair in cell.work.env if pair[0] in ("ZONE", "EXTRA", "BATCHMATRIX_STEPS")] == [
        ("BATCHMATRIX_STEPS", "400"),
        ("EXTRA", "1"),
        ("ZONE", "9"),
    ]


def test_a_cell_has_its_values_parameters_and_names() -> None:
    cell = full().cells[-2]
    assert cell.values == {
        "environment": "by-node", "hardware": "big", "mitigation": "tf32-off+fast", "batch_size": 8, "lr": 1e-05,
        "amp": False, "profile": "c",
    }  # fmt: skip
    assert list(cell.values) == ["environment", "hardware", "mitigation", "batch_size", "lr", "amp", "profile"]
    assert list(cell.parameters) == ["batch_size", "lr", "amp", "profile"]
    assert (cell.environment, cell.hardware, cell.trials, cell.seed) == ("by-node", "big", 3, 42)
    assert cell.mitigations == ("tf32-off", "fast")
    assert cell.name == "by-node-big-tf32-off-fast-bs8-lr1em05-amp-false-c"


def test_a_cell_that_an_include_makes_comes_last_with_what_it_adds() -> None:
    cell = full().cells[-1]
    assert cell.parameters == {"batch_size": 128, "lr": 0.1, "amp": True, "profile": "c", "depth": 4}
    assert ("depth", "4") in cell.work.env
    assert cell.environment is not None
    assert cell.environment.startswith("_inline_")
    assert (cell.work.image, cell.trials) == ("registry.example/nightly@sha256:" + "0" * 64, 1)


def test_work_is_plain_kubernetes_json() -> None:
    work = full().cells[0].work
    assert work.image == "registry.example/app:1"
    assert work.resources == {
        "requests": {"cpu": "1", "memory": "1Gi"},
        "limits": {"memory": "2Gi", "gpu.example/a": "1"},
    }
    assert work.volumes == (
        {"name": "config", "configMap": {"name": "settings"}},
        {"name": "keys", "secret": {"secretName": "token", "optional": True}},
        {"name": "data", "persistentVolumeClaim": {"claimName": "data", "readOnly": True}},
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "8Gi"}},
        {"name": "scratch", "emptyDir": {}},
    )
    assert work.volume_mounts == (
        {"name": "config", "mountPath": "/config", "subPath": "a/b", "readOnly": True},
        {"name": "shm", "mountPath": "/dev/shm"},
    )
    assert work.env_from == (
        {"configMapRef": {"name": "settings", "optional": True}, "prefix": "S_"},
        {"secretRef": {"name": "token"}},
    )
    assert work.security == {
        "runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 2000, "supplementalGroups": [44, 109],
    }  # fmt: skip
    assert work.tolerations == ({"key": "gpu.example/a", "operator": "Exists", "effect": "NoSchedule"},)
    assert (work.working_dir, work.service_account, work.runtime_class) == ("/work", "runner", "gpu")
    assert work.node_selector == {KIND: "a"}


def test_cells_that_run_the_same_are_copies() -> None:
    environments = {name: {"image": "app:1"} for name in ("a", "b", "c")}
    axes = [{"name": "environment", "values": ["a", "b", "c"]}]
    cells = a_plan(a_matrix(axes=axes, workload={}, catalog={"environments": environments})).cells
    assert [cell.copy for cell in cells] == [0, 1, 2]
    assert len({cell.hash for cell in cells}) == 3


def test_too_many_cells_are_refused() -> None:
    with pytest.raises(InvalidSpec, match="2 values make 2 cells"):
        a_plan(a_matrix(), max_cells=1)


def test_too_many_trials_are_refused_before_they_are_listed() -> None:
    with pytest.raises(InvalidSpec, match=r"spec\.trials: 2 cells x 99999 trials make 199998"):
        a_plan(a_matrix(trials=99_999))


@pytest.mark.parametrize(
    ("spec", "path", "most"),
    [
        ({"overrides": [{"match": {}, "set": {"trials": 9}}, {"match": {"size": 32}, "set": {"trials": 99_999}}]},
         "spec.overrides[1].set.trials", 99_999),
        ({"overrides": [{"match": {"size": [8, 32]}, "set": {"trials": 60_000}}, {"match": {"size": 9}, "set": {}}]},
         "spec.overrides[0].set.trials", 120_000),
        ({"include": [{"match": {"size": 9}, "set": {"trials": 99_999}}]}, "spec.include[0].set.trials", 99_999),
        ({"include": [{"match": {"size": 8}, "set": {"trials": 99_999}}]}, "spec.include[0].set.trials", 99_999),
        ({"axes": [], "cells": [{"name": "a"}, {"name": "b", "trials": 99_999}],
          "workload": {"image": "a:1"}}, "spec.cells[1].trials", 99_999),
        ({"trials": 60_000, "overrides": [{"match": {"size": 32}, "set": {"trials": 50_000}}]}, "spec.trials", 60_000),
    ],
)  # fmt: skip
def test_too_many_trials_are_said_at_the_place_that_asks_for_most(spec: dict[str, Any], path: str, most: int) -> None:
    with pytest.raises(InvalidSpec) as caught:
        a_plan(a_matrix(**{"trials": 2, **spec}))
    (problem,) = caught.value.problems
    assert problem.path == path
    assert problem.message.startswith(f"makes {most} of 1")


def test_a_service_account_outside_the_list_is_refused() -> None:
    matrix = a_matrix(workload={"image": "a:1", "serviceAccountName": "admin"})
    with pytest.raises(InvalidSpec) as caught:
        a_plan(matrix, service_accounts=["runner"])
    assert str(caught.value) == (
        "spec.workload.serviceAccountName: 'admin' is not allowed by this operator (allowed: runner); "
        "remove it or ask its administrator"
    )


def by_node(**changes: Any) -> Any:
    return a_matrix(**{"workload": {"imagesByNode": RULES}, **changes})


def test_a_new_generation_keeps_what_was_resolved() -> None:
    first = a_plan(by_node(), nodes=[NODE_A])
    second = a_plan(by_node(trials=5), nodes=[NODE_B], previous=first, generation=2)
    assert [cell.hash for cell in second.cells] == [cell.hash for cell in first.cells]
    assert {cell.work.image for cell in second.cells} == {"app:a"}
    assert second.generation == 2


def test_a_cell_whose_inputs_changed_is_resolved_anew() -> None:
    first = a_plan(by_node(), nodes=[NODE_A])
    axes = [{"name": "size", "values": [32, 64]}]
    second = a_plan(by_node(axes=axes), nodes=[NODE_B], previous=first, generation=2)
    assert [cell.work.image for cell in second.cells] == ["app:a", "app:b"]
    assert second.cells[0].hash == first.cells[1].hash


def test_a_cell_that_had_a_problem_is_resolved_anew() -> None:
    first = a_plan(by_node(), nodes=[])
    assert all(cell.problem for cell in first.cells)
    second = a_plan(by_node(trials=2), nodes=[NODE_B], previous=first, generation=2)
    assert {(cell.work.image, cell.problem) for cell in second.cells} == {("app:b", None)}


def test_the_same_plan_gives_the_same_bytes_and_comes_back() -> None:
    plan = full()
    data = dump_plan(plan)
    assert load_plan(data) == plan
    assert dump_plan(load_plan(data)) == data
    assert [list(cell.values) for cell in load_plan(data).cells] == [list(cell.values) for cell in plan.cells]


def test_what_cells_share_is_written_once() -> None:
    axes = [{"name": "size", "values": list(range(60))}]
    plan = a_plan(a_matrix(axes=axes, workload={"image": "a:1", "command": ["x" * 10_000]}))
    assert len(dump_plan(plan)) < 40_000


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"{}", b'{"schema": 2}', b'{"schema": 2, "works": [], "cells": 5}'])
def test_a_damaged_plan_is_said(data: bytes) -> None:
    with pytest.raises(BatchMatrixError, match="damaged outside"):
        load_plan(data)


def test_a_plan_of_a_newer_operator_is_said() -> None:
    with pytest.raises(BatchMatrixError, match="upgrade the operator"):
        load_plan(b'{"schema": 3}')


def test_a_plan_of_before_the_first_release_says_what_to_do() -> None:
    with pytest.raises(BatchMatrixError, match=r"before the first release.*; delete the matrix and make it anew$"):
        load_plan(b'{"schema": 1}')


def test_cell_after_cell() -> None:
    plan = a_plan(a_matrix(trials=2, order="cells"))
    assert launch_order(plan) == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_rounds_are_in_an_order_that_no_version_may_change() -> None:
    axes = [{"name": "size", "values": [1, 2, 3, 4]}]
    plan = a_plan(a_matrix(axes=axes, trials=2), order_seed="seed")
    assert launch_order(plan) == [(2, 0), (1, 0), (0, 0), (3, 0), (3, 1), (2, 1), (0, 1), (1, 1)]


def test_tuning_is_what_does_not_make_a_cell() -> None:
    spec = a_matrix(**copy.deepcopy(FULL_SPEC)).spec
    got = tuning(spec, full().cells[0])
    assert got.active_deadline_seconds == 20 * 60 + 150
    assert (got.termination_grace_seconds, got.image_pull_policy) == (5, "IfNotPresent")
    assert (got.image_pull_secrets, got.priority_class) == (("registry",), "low")


def test_the_deadline_is_rounded_up() -> None:
    matrix = a_matrix(workload={"image": "a:1", "timeout": "1500ms"}, pending={"imagePull": "0s"})
    assert tuning(matrix.spec, a_plan(matrix).cells[0]).active_deadline_seconds == 2


def test_the_plan_belongs_to_its_matrix() -> None:
    plan = a_plan(a_matrix())
    assert (plan.matrix, plan.created, plan.trials) == (REF, "2026-01-02T03:04:05Z", 2)
