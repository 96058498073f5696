"""The check before the first trial, as a cell."""

from __future__ import annotations

from typing import Any

import pytest

from batchmatrix.base.errors import InvalidSpec
from batchmatrix.model.cell import Cell, Plan
from batchmatrix.model.v1alpha1 import BatchMatrix
from batchmatrix.plan.preflight import preflight_cell
from tests.support.specs import a_matrix, a_node, a_plan

CHECK: dict[str, Any] = {"command": ["check", "$(TOKEN_FILE)"]}
WORKLOAD: dict[str, Any] = {
    "image": "app:1",
    "command": ["run"],
    "args": ["--fast"],
    "env": [{"name": "TOKEN_FILE", "value": "/keys/token"}],
    "resources": {"limits": {"memory": "2Gi", "nvidia.com/gpu": "8"}, "requests": {"nvidia.com/gpu": "8"}},
    "volumes": [{"name": "keys", "secret": {"secretName": "token"}}],
    "volumeMounts": [{"name": "keys", "mountPath": "/keys"}],
    "runAsUser": 1000,
    "timeout": "5m",
    "allowedExitCodes": [0, 3],
}


def preflight(**spec: Any) -> Cell | None:
    matrix, plan = planned(**{"preflight": CHECK, "workload": WORKLOAD, **spec})
    return preflight_cell(matrix.spec, plan)


def planned(**spec: Any) -> tuple[BatchMatrix, Plan]:
    matrix = a_matrix(**spec)
    return matrix, a_plan(matrix)


def test_it_runs_what_the_workload_would_but_for_command_and_devices() -> None:
    cell = preflight(steps=7)
    assert cell is not None
    work = cell.work
    assert (cell.name, cell.hash, cell.timeout, cell.allowed_exit_codes) == ("preflight", "preflight", 300.0, (0,))
    assert (work.image, work.command, work.args) == ("app:1", ("check", "$(TOKEN_FILE)"), ())
    assert work.env == (("BATCHMATRIX_STEPS", "7"), ("TOKEN_FILE", "/keys/token"))
    assert work.resources == {"limits": {"memory": "2Gi"}}
    assert work.volume_mounts == ({"name": "keys", "mountPath": "/keys"},)
    assert work.security == {"runAsUser": 1000}
    assert (work.node_selector, work.tolerations, work.runtime_class) == ({}, (), None)


def test_its_image_is_its_own_or_the_workloads_or_the_first_cells() -> None:
    own = preflight(preflight={**CHECK, "image": "check:2"})
    assert own is not None
    assert own.work.image == "check:2"
    environment = {"axes": [{"name": "environment", "values": [{"image": "env:3"}]}]}
    imageless = {key: value for key, value in WORKLOAD.items() if key != "image"}
    first = preflight(workload=imageless, **environment)
    assert first is not None
    assert first.work.image == "env:3"


def test_without_one_or_without_a_cell_that_can_start_there_is_none() -> None:
    matrix, plan = planned(workload=WORKLOAD)
    assert preflight_cell(matrix.spec, plan) is None
    hardware = {"h100": {"nodeLabels": {"gpu": "h100"}}}
    axes = [{"name": "hardware", "values": ["h100"]}]
    matrix = a_matrix(preflight=CHECK, workload=WORKLOAD, axes=axes, catalog={"hardware": hardware})
    unplaced = a_plan(matrix, nodes=[a_node()])
    assert unplaced.cells[0].problem
    assert preflight_cell(matrix.spec, unplaced) is None


@pytest.mark.parametrize("name", ["size", "BATCHMATRIX_SEED", "BATCHMATRIX_STEPS", "NOTHING"])
def test_what_only_trials_have_is_refused_in_its_command(name: str) -> None:
    with pytest.raises(InvalidSpec, match=rf"spec.preflight.command\[1\]: \$\({name}\) is not set for a preflight"):
        preflight(preflight={"command": ["check", f"--x=$({name})"]}, axes=[{"name": "size", "values": [8]}])


def test_keys_of_a_config_map_are_not_known_and_dollars_can_be_literal() -> None:
    source = [{"configMapRef": {"name": "settings"}}]
    assert preflight(preflight={"command": ["check", "$(ANY)"]}, workload={**WORKLOAD, "envFrom": source})
    assert preflight(preflight={"command": ["check", "$$(ANY) $(BATCHMATRIX_ATTEMPT)"]})


def test_it_tolerates_what_any_of_the_cells_does() -> None:
    gpu, spot = ({"key": key, "operator": "Exists"} for key in ("gpu", "spot"))
    hardware = {
        "a": {"nodeLabels": {"gpu": "a"}, "tolerations": [gpu]},
        "b": {"nodeLabels": {"gpu": "b"}, "tolerations": [spot, gpu]},
    }
    cell = preflight(axes=[{"name": "hardware", "values": ["a", "b"]}], catalog={"hardware": hardware})
    assert cell is not None
    assert (cell.work.tolerations, cell.work.node_selector) == ((gpu, spot), {})
