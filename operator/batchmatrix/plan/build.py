"""The plan of one generation: every cell with everything that is needed to run it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.model.cell import Cell, MatrixRef, Plan, Work
from batchmatrix.model.observed import NodeState
from batchmatrix.model.v1alpha1 import BatchMatrix, Spec
from batchmatrix.plan.expand import expand
from batchmatrix.plan.identity import cell_hash
from batchmatrix.plan.naming import cell_names
from batchmatrix.plan.placement import Place, place
from batchmatrix.plan.resolve import Resolver, Unplaced

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
) -> Plan:
    """Make the plan. Pure: the same arguments give the same plan.

    `nodes` is None where nodes may not be read. What `previous` resolved is taken over by every cell whose own
    inputs in the spec are unchanged, unless it had a problem. `now` is RFC 3339. Raises InvalidSpec where the
    spec asks for more than this operator allows.
    """
    spec = matrix.spec
    _check_account(spec, service_accounts)
    values = list(expand(spec.axes, max_cells=max_cells))
    _check_trials(spec, cells=len(values), max_trials=max_trials)
    resolver = Resolver(spec)
    unplaced = [resolver(combination) for combination in values]
    works = _Works(spec, nodes=nodes, previous=previous)
    copies: Counter[str] = Counter()
    cells = []
    for name, cell in zip(cell_names(values), unplaced, strict=True):
        work, problem = works(cell)
        first = cell_hash(work=work, parameters=cell.parameters, hardware=cell.hardware, seed=spec.seed, copy=0)
        copy = copies[first]
        copies[first] += 1
        if copy:
            own = cell_hash(work=work, parameters=cell.parameters, hardware=cell.hardware, seed=spec.seed, copy=copy)
        else:
            own = first
        cells.append(
            Cell(
                name=name,
                hash=own,
                copy=copy,
                values=cell.values,
                parameters=cell.parameters,
                environment=cell.environment,
                hardware=cell.hardware,
                trials=spec.trials,
                seed=spec.seed,
                work=work,
                problem=problem,
                inputs=cell.inputs,
            )
        )
    return Plan(ref, generation, tuple(cells), spec.order, order_seed, now)


def _check_account(spec: Spec, service_accounts: frozenset[str]) -> None:
    account = spec.workload.service_account_name
    if account is not None and account not in service_accounts:
        allowed = ", ".join(sorted(service_accounts)) or "none"
        text = f"{account!r} is not allowed by this operator (allowed: {allowed}); remove it or ask its administrator"
        raise InvalidSpec([Problem("spec.workload.serviceAccountName", text)])


def _check_trials(spec: Spec, *, cells: int, max_trials: int) -> None:
    if cells * spec.trials > max_trials:
        total = f"{cells} cells x {spec.trials} trials make {cells * spec.trials}"
        text = f"{total}; this operator takes at most {max_trials}: lower trials or remove values"
        raise InvalidSpec([Problem("spec.trials", text)])


class _Works:
    """The work of each cell with its image, from an earlier plan or from the nodes."""

    def __init__(self, spec: Spec, *, nodes: Sequence[NodeState] | None, previous: Plan | None) -> None:
        self._nodes = nodes
        self._wait = spec.placement.no_matching_node == "wait"
        cells = previous.cells if previous is not None else ()
        self._earlier = {cell.inputs: cell.work for cell in cells if cell.problem is None and cell.inputs}
        self._places: dict[tuple[str | None, str | None], Place] = {}

    def __call__(self, cell: Unplaced) -> tuple[Work, str | None]:
        earlier = self._earlier.get(cell.inputs)
        if earlier is not None:
            return replace(cell.work, image=earlier.image, node_selector=earlier.node_selector), None
        key = (cell.environment, cell.hardware)  # within one spec nothing else of a cell matters to nodes
        if key not in self._places:
            self._places[key] = place(cell, nodes=self._nodes, wait=self._wait)
        found = self._places[key]
        return replace(cell.work, image=found.image, node_selector=found.node_selector), found.problem
