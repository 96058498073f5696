"""The plan of one generation: every cell with everything that is needed to run it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.model.cell import Cell, MatrixRef, Plan, Work
from batchmatrix.model.observed import NodeState
from batchmatrix.model.v1alpha1 import BatchMatrix, Spec
from batchmatrix.model.v1alpha1.rules.judging import metric_names
from batchmatrix.plan.check import check_baseline, check_cells
from batchmatrix.plan.copies import Numbered, copy_numbers
from batchmatrix.plan.expand import Expansion, expand
from batchmatrix.plan.identity import cell_hash
from batchmatrix.plan.limits import check_trials
from batchmatrix.plan.naming import cell_names
from batchmatrix.plan.placement import Place, place
from batchmatrix.plan.preflight import check_preflight
from batchmatrix.plan.resolve import Resolver, Unplaced
from batchmatrix.plan.retired import retired_cells

__all__ = ["build_plan"]


def build_plan(
    matrix: BatchMatrix,
    ref: MatrixRef,
    *,
    generation: int,
    nodes: Sequence[NodeState] | None,
    previous: Plan | None,
    order_seed: str,
    now: str,
    max_cells: int,
    service_accounts: frozenset[str],
    max_trials: int = 100_000,
    expansion: Expansion | None = None,
) -> Plan:
    """Make the plan of a matrix that stands by itself (plan.catalogs). Pure: same arguments, same plan.

    `nodes` is None where nodes may not be read. What `previous` or a generation before it resolved is taken over by
    every cell whose own inputs in the spec are the same, unless it had a problem. `now` is RFC 3339. Raises
    InvalidSpec where the spec asks for more than this operator allows. `expansion` is that of the spec, where the
    caller has made it already.
    """
    spec = matrix.spec
    _check_account(spec, service_accounts)
    if expansion is None:
        expansion = expand(spec, max_cells=max_cells)
    check_trials(spec, expansion.combinations, max_trials=max_trials)
    resolver = Resolver(spec)
    unplaced = [resolver(combination) for combination in expansion.combinations]
    names = cell_names(expansion.combinations)
    problems = [
        *metric_names(matrix, {metric.name for metric in spec.metrics}),
        *check_cells(spec, unplaced),
        *check_preflight(spec),
        *check_baseline(spec, expansion.combinations, names),
    ]
    if problems:
        raise InvalidSpec(problems)
    works = _Works(spec, nodes=nodes, previous=previous)
    placed = [works(cell) for cell in unplaced]
    numbered = [
        Numbered(
            cell_hash(work=work, parameters=cell.parameters, hardware=cell.hardware, seed=spec.seed, copy=0),
            name,
            cell.values,
        )
        for name, cell, (work, _) in zip(names, unplaced, placed, strict=True)
    ]
    copies = copy_numbers(numbered, previous)
    cells = []
    for one, copy, cell, (work, problem) in zip(numbered, copies, unplaced, placed, strict=True):
        own = one.first
        if copy:
            own = cell_hash(work=work, parameters=cell.parameters, hardware=cell.hardware, seed=spec.seed, copy=copy)
        cells.append(
            Cell(
                name=one.name,
                hash=own,
                copy=copy,
                values=cell.values,
                parameters=cell.parameters,
                environment=cell.environment,
                hardware=cell.hardware,
                trials=cell.trials,
                seed=spec.seed,
                work=work,
                problem=problem,
                mitigations=cell.combination.mitigations,
                steps=cell.steps,
                timeout=cell.timeout,
                allowed_exit_codes=cell.allowed_exit_codes,
                expect=cell.expect,
                inputs=cell.inputs,
            )
        )
    return Plan(ref, generation, tuple(cells), spec.order, order_seed, now, retired_cells(previous, cells))


def _check_account(spec: Spec, service_accounts: frozenset[str]) -> None:
    account = spec.workload.service_account_name
    if account is not None and account not in service_accounts:
        allowed = ", ".join(sorted(service_accounts)) or "none"
        text = f"{account!r} is not allowed by this operator (allowed: {allowed}); remove it or ask its administrator"
        raise InvalidSpec([Problem("spec.workload.serviceAccountName", text)])


class _Works:
    """The work of each cell with its image, from an earlier plan or from the nodes."""

    def __init__(self, spec: Spec, *, nodes: Sequence[NodeState] | None, previous: Plan | None) -> None:
        self._nodes = nodes
        self._wait = spec.waits_for_nodes
        self._earlier = _resolved(previous) if previous is not None else {}
        self._places: dict[tuple[Any, ...], Place] = {}

    def __call__(self, cell: Unplaced) -> tuple[Work, str | None]:
        earlier = self._earlier.get(cell.inputs)
        if earlier is not None:
            image, node_selector = earlier
            return replace(cell.work, image=image, node_selector=node_selector), None
        settings = cell.combination.settings
        # within one spec nothing else of a cell matters to nodes
        key = (cell.environment, cell.hardware, cell.image, *settings.requests.items(), *settings.limits.items())
        if key not in self._places:
            self._places[key] = place(cell, nodes=self._nodes, wait=self._wait)
        found = self._places[key]
        return replace(cell.work, image=found.image, node_selector=found.node_selector), found.problem


def _resolved(plan: Plan) -> dict[str, tuple[str, dict[str, str]]]:
    """Image and node selector by the inputs of the cell that they were found for; the newest where there are two."""
    found = {cell.inputs: (cell.image, cell.node_selector) for cell in reversed(plan.retired)}
    for cell in plan.cells:
        if cell.problem is None:
            found[cell.inputs] = (cell.work.image, cell.work.node_selector)
    found.pop("", None)
    return found
