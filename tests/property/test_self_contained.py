"""A matrix that stands by itself means the same everywhere and for ever, whatever other catalogs say by then."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from batchmatrix.base.errors import InvalidSpec
from batchmatrix.formats.matrix_file import dump_object, load_matrix
from batchmatrix.model.v1alpha1 import BatchMatrix, Entries, parse_entries
from batchmatrix.plan.builtin import BUILT_IN
from batchmatrix.plan.catalogs import catalogs_of, self_contained, used_names
from tests.support.full_specs import FULL_CATALOG
from tests.support.specs import a_matrix, a_plan

law = settings(deadline=None)

Json = dict[str, Any]

OWN: list[Json] = [{}, {"command": ["own"]}, {"image": "own:1", "timeout": "5m"}]
NAMES = ["none", "tf32-off", "nccl-ring", "fast", "slow"]


def team(version: str) -> Entries:
    """A catalog that says something else in every version."""
    return parse_entries(
        {
            "mitigations": {"fast": {"env": {"V": version}}, "slow": {"env": {"W": version}}},
            "environments": {"plain": {"image": f"plain:{version}", "env": {"P": version}}},
            "hardware": {"big": {"nodeLabels": {"version": version}}},
            "workloads": {"app": {"image": f"app:{version}", "command": ["run", version]}},
        }
    )


def alone(matrix: BatchMatrix, version: str) -> BatchMatrix:
    return self_contained(matrix, catalogs_of(matrix, [("built-in", BUILT_IN), ("file team.yaml", team(version))]))


@st.composite
def matrices(draw: st.DrawFn) -> BatchMatrix:
    """Matrices whose names come from all over."""
    stacks = st.sampled_from(NAMES) | st.lists(st.sampled_from(NAMES), min_size=2, max_size=3, unique=True)
    values = draw(st.lists(stacks, min_size=1, max_size=3, unique_by=repr))
    environments = draw(st.lists(st.sampled_from(["local", "plain", "mine"]), min_size=1, max_size=2, unique=True))
    spec: Json = {
        "axes": [{"name": "mitigation", "values": values}, {"name": "environment", "values": environments}],
        "catalog": {"environments": {"mine": {"image": "mine:1"}}},
        "catalogRefs": [{"name": "team"}],
        "workload": {"ref": "app", **draw(st.sampled_from(OWN))},
    }
    if draw(st.booleans()):
        spec["axes"].append({"name": "hardware", "values": ["big", "cpu"]})
    if draw(st.booleans()):
        spec["include"] = [{"match": {"mitigation": "slow"}, "set": {"trials": 2}}]
        spec["axes"][0]["values"] = [*(one for one in values if one != "slow"), "slow"]
    return a_matrix(**spec)


def plan_hashes(matrix: BatchMatrix) -> list[tuple[str, str]]:
    return [(cell.name, cell.hash) for cell in a_plan(matrix, max_cells=100).cells]


@law
@given(matrix=matrices())
def test_what_stands_by_itself_stays_as_it_is_whatever_catalogs_say_later(matrix: BatchMatrix) -> None:
    once = alone(matrix, "1")
    assert alone(once, "2") == once
    assert alone(matrix, "2") != once


@law
@given(matrix=matrices())
def test_a_resolved_file_gives_the_same_cells_on_a_machine_with_other_catalogs(matrix: BatchMatrix) -> None:
    once = alone(matrix, "1")
    text = dump_object(once.to_dict())
    (again,) = load_matrix(text, source="matrix.resolved.yaml")
    assert dump_object(alone(again, "2").to_dict()) == text
    assert plan_hashes(alone(again, "2")) == plan_hashes(once)


@law
@given(matrix=matrices(), lost=st.sampled_from(["fast", "none"]))
def test_a_resolved_file_needs_no_catalog_at_all(matrix: BatchMatrix, lost: str) -> None:
    once = alone(matrix, "1")
    (again,) = load_matrix(dump_object(once.to_dict()), source="matrix.resolved.yaml")
    assert self_contained(again, catalogs_of(again, [])) == once
    if lost in used_names(matrix.spec)["mitigations"]:
        broken = again.to_dict()
        del broken["spec"]["catalog"]["mitigations"][lost]
        (one,) = load_matrix(dump_object(broken), source="m.yaml")
        with pytest.raises(InvalidSpec, match=f"'{lost}' is not in the catalog"):
            alone(one, "2")


def test_every_kind_of_entry_of_the_full_catalog_survives() -> None:
    axes = [
        {"name": "mitigation", "values": sorted(FULL_CATALOG["mitigations"])},
        {"name": "environment", "values": sorted(FULL_CATALOG["environments"])},
        {"name": "hardware", "values": sorted(FULL_CATALOG["hardware"])},
    ]
    matrix = a_matrix(axes=axes, catalog=FULL_CATALOG, workload={"ref": "app"})
    once = self_contained(matrix, catalogs_of(matrix, []))
    (again,) = load_matrix(dump_object(once.to_dict()), source="m.yaml")
    assert again == once
    assert again.spec.catalog.mitigations == matrix.spec.catalog.mitigations
    assert again.spec.catalog.environments == matrix.spec.catalog.environments
    assert again.spec.catalog.hardware == matrix.spec.catalog.hardware
    named = matrix.spec.catalog.workloads["app"]
    assert (again.spec.workload.command, again.spec.metrics) == (named.command, named.metrics)
