"""Builders of BatchMatrix and MatrixCatalog objects and of plans."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from batchmatrix.model.cell import MatrixRef, Plan
from batchmatrix.model.observed import NodeState
from batchmatrix.model.v1alpha1 import BatchMatrix, parse_matrix
from batchmatrix.plan.build import build_plan
from batchmatrix.plan.builtin import BUILT_IN
from batchmatrix.plan.catalogs import catalogs_of, self_contained

__all__ = ["REF", "a_matrix", "a_node", "a_plan", "catalog_object", "matrix_object"]

Json = dict[str, Any]

REF = MatrixRef("triage", "demo", "5f0c1d9e-0000-4000-8000-000000000001")


def matrix_object(name: str = "demo", **spec: Any) -> Json:
    """A matrix as plain data: one axis of two values and an image, changed by the fields in `spec`."""
    base: Json = {
        "axes": [{"name": "size", "values": [8, 32]}],
        "workload": {"image": "registry.example/app:1", "command": ["run", "--size", "$(size)"]},
    }
    return {
        "apiVersion": "batchmatrix.dev/v1alpha1",
        "kind": "BatchMatrix",
        "metadata": {"name": name},
        "spec": copy.deepcopy({**base, **spec}),
    }


def catalog_object(name: str = "team", **spec: Any) -> Json:
    """A MatrixCatalog as plain data: one mitigation, and the kinds of entries in `spec`."""
    base: Json = {"mitigations": {"fast": {"env": {"FAST": "1"}}}}
    return {
        "apiVersion": "batchmatrix.dev/v1alpha1",
        "kind": "MatrixCatalog",
        "metadata": {"name": name},
        "spec": copy.deepcopy({**base, **spec}),
    }


def a_matrix(name: str = "demo", **spec: Any) -> BatchMatrix:
    """The same, parsed; where the axes are others, give a workload too."""
    return parse_matrix(matrix_object(name, **spec))


def a_node(
    name: str = "node-1",
    *,
    labels: Mapping[str, str] | None = None,
    allocatable: Mapping[str, str] | None = None,
    taints: Sequence[Json] = (),
) -> NodeState:
    """A ready node with four cores."""
    room = {"cpu": "4", "memory": "16Gi", **(allocatable or {})}
    return NodeState(name=name, labels=dict(labels or {}), allocatable=room, taints=tuple(taints))


def a_plan(
    matrix: BatchMatrix,
    *,
    nodes: Sequence[NodeState] | None = None,
    previous: Plan | None = None,
    generation: int = 1,
    order_seed: str = "0",
    max_cells: int = 10_000,
    service_accounts: Sequence[str] = (),
) -> Plan:
    """The plan of a matrix, by default where nodes may not be read, with the built-in catalog."""
    return build_plan(
        self_contained(matrix, catalogs_of(matrix, [("built-in", BUILT_IN)])),
        REF,
        generation=generation,
        nodes=nodes,
        previous=previous,
        order_seed=order_seed,
        now="2026-01-02T03:04:05Z",
        max_cells=max_cells,
        service_accounts=frozenset(service_accounts),
    )
