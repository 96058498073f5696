"""Everything that can be said about a plan before it runs: what `batchmatrix plan` and every dry run show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from batchmatrix.model.cell import Cell, Plan
from batchmatrix.model.observed import NodeState
from batchmatrix.model.v1alpha1 import Spec
from batchmatrix.plan import advice
from batchmatrix.plan.estimate import DeviceHours, Room, device_hours, fitting, node_demand, rooms
from batchmatrix.plan.expand import Expansion
from batchmatrix.plan.explain import Outlook, Recorded, Removed, State, explain
from batchmatrix.plan.match import match_text
from batchmatrix.plan.reach import Finding, reach

__all__ = ["ExcludedBy", "PlanReport", "report"]


@dataclass(frozen=True, slots=True)
class ExcludedBy:
    """What one rule leaves out."""

    rule: int
    """Index in spec.exclude."""
    match: str
    """The rule as a person reads it: `environment=rocm-6.4, batch_size=8|32`."""
    count: int
    """Combinations that it is the first rule to fit."""


@dataclass(frozen=True, slots=True)
class PlanReport:
    """A plan and what there is to say about it."""

    plan: Plan
    parallelism: int
    cells: tuple[Outlook, ...]
    """In the order of the plan."""
    nodes: tuple[int | None, ...]
    """For each cell how many nodes could hold it if they were empty; None where nodes were not read."""
    removed: tuple[Removed, ...]
    excluded: tuple[ExcludedBy, ...]
    rooms: tuple[Room, ...]
    device_hours: tuple[DeviceHours, ...]
    warnings: tuple[Finding, ...]
    notes: tuple[str, ...]
    """What was not looked at, and where things come from."""

    @property
    def acts(self) -> bool:
        """Whether applying it may start or decide anything."""
        return any(outlook.acts for outlook in self.cells)

    @property
    def images(self) -> dict[str, int]:
        """Image to number of cells, in the order of the cells."""
        return dict(Counter(outlook.cell.work.image for outlook in self.cells if outlook.cell.work.image))

    @property
    def states(self) -> Counter[State]:
        """Number of cells by state."""
        return Counter(outlook.state for outlook in self.cells)

    @property
    def to_run(self) -> int:
        """Trials that would be started for certain."""
        return sum(outlook.to_run or 0 for outlook in self.cells)

    @property
    def unknown(self) -> int:
        """Trials of which it is not known whether they would be started."""
        return sum(outlook.cell.trials - outlook.recorded for outlook in self.cells if outlook.to_run is None)


def report(
    plan: Plan,
    spec: Spec,
    expansion: Expansion,
    *,
    nodes: Sequence[NodeState] | None,
    previous: Plan | None,
    recorded: Recorded,
    warnings: Sequence[Finding] = (),
    notes: Sequence[str] = (),
) -> PlanReport:
    """Put together what the parts of this package say about `plan`, made of `spec` by way of `expansion`.

    `warnings` and `notes` come first; nodes are looked at as they are, whatever placement did with them.
    """
    explanation = explain(plan, previous=previous, recorded=recorded)
    return PlanReport(
        plan=plan,
        parallelism=spec.parallelism,
        cells=explanation.cells,
        nodes=_node_counts(plan.cells, nodes),
        removed=explanation.removed,
        excluded=tuple(_excluded(spec, expansion)),
        rooms=rooms(plan.cells, nodes),
        device_hours=device_hours(explanation.cells),
        warnings=(
            *_blocked(explanation.cells, nodes_known=nodes is not None),
            *warnings,
            *_advice(spec, expansion),
            *reach(plan.cells, spec),
        ),
        notes=tuple(notes),
    )


def _node_counts(cells: Sequence[Cell], nodes: Sequence[NodeState] | None) -> tuple[int | None, ...]:
    if nodes is None:
        return (None,) * len(cells)
    known: dict[tuple[object, ...], int] = {}
    counts: list[int] = []
    for cell in cells:
        kind = node_demand(cell.work)
        if kind not in known:
            known[kind] = len(fitting(cell.work, nodes))
        counts.append(0 if cell.problem is not None else known[kind])
    return tuple(counts)


def _excluded(spec: Spec, expansion: Expansion) -> Iterator[ExcludedBy]:
    for rule, count in sorted(Counter(one.rule for one in expansion.excluded).items()):
        yield ExcludedBy(rule, match_text(spec.exclude[rule], between="|"), count)


def _blocked(cells: Sequence[Outlook], *, nodes_known: bool) -> Iterator[Finding]:
    blocked = sum(outlook.state == "blocked" for outlook in cells)
    if not blocked:
        return
    some = f"{blocked} of {len(cells)} cells"
    if nodes_known:
        yield Finding("unschedulable", f"{some} fit no node: they will end as Unschedulable, without a Job")
    else:
        text = f"{some} need nodes to be looked at before their image is sure; give nodes, or a cluster to ask"
        yield Finding("placement-unknown", text)


def _advice(spec: Spec, expansion: Expansion) -> Iterator[Finding]:
    for problem in advice.warnings(spec, expansion):
        yield Finding("does-nothing", str(problem))
