"""What a plan may cost at most, and what of today's nodes it can use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from batchmatrix.base.quantities import parse_quantity
from batchmatrix.model.cell import Cell, Work
from batchmatrix.model.observed import NodeState
from batchmatrix.plan.explain import Outlook
from batchmatrix.plan.fit import places
from batchmatrix.plan.placement import has_labels, lacking, repelling

__all__ = ["DeviceHours", "Room", "device_hours", "devices", "fitting", "node_demand", "rooms"]

_HOUR = 3600


@dataclass(frozen=True, slots=True)
class DeviceHours:
    """Upper bound for one kind of device on one kind of hardware."""

    hardware: str | None
    resource: str
    """Name of the extended resource, such as nvidia.com/gpu."""
    trials: int
    hours: float
    """Devices x timeout x trials that are to run, in hours; retries come on top."""


@dataclass(frozen=True, slots=True)
class Room:
    """What the nodes offer to the cells of one kind of hardware."""

    hardware: str | None
    labels: dict[str, str]
    """That every one of its cells asks of a node."""
    cells: int
    nodes: int | None
    """Nodes that could hold at least one of its cells if they were empty; None where nodes were not read."""
    at_once: int | None
    """Pods of its largest cell that ready nodes hold at one time by their devices; None where that is no limit."""


def devices(work: Work) -> dict[str, int]:
    """Extended resources by name: what is neither one of Kubernetes' own resources nor huge pages."""
    return {
        name: int(parse_quantity(amount))
        for name, amount in work.resources.get("limits", {}).items()
        if "/" in name and parse_quantity(amount) > 0
    }


def device_hours(outlooks: Sequence[Outlook]) -> tuple[DeviceHours, ...]:
    """At most so many hours of devices, by hardware and resource in the order of the cells.

    Where it is not known how many trials a cell will run, all of them count.
    """
    totals: dict[tuple[str | None, str], tuple[int, Decimal]] = {}
    for outlook in outlooks:
        for resource, count in devices(outlook.cell.work).items():
            key = (outlook.cell.hardware, resource)
            trials, seconds = totals.get(key, (0, Decimal(0)))
            more = Decimal(str(outlook.cell.timeout)) * count * outlook.at_most
            totals[key] = (trials + outlook.at_most, seconds + more)
    return tuple(
        DeviceHours(hardware, resource, trials, float(seconds / _HOUR))
        for (hardware, resource), (trials, seconds) in totals.items()
    )


def fitting(work: Work, nodes: Sequence[NodeState]) -> list[NodeState]:
    """Nodes that could hold this pod if they were empty and ready."""
    return [
        node
        for node in nodes
        if has_labels(node.labels, work.node_selector)
        and not repelling(node, work.tolerations)
        and lacking(node, work.resources) is None
    ]


def rooms(cells: Sequence[Cell], nodes: Sequence[NodeState] | None) -> tuple[Room, ...]:
    """What the nodes offer, by hardware in the order of the cells."""
    groups: dict[str | None, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(cell.hardware, []).append(cell)
    return tuple(_room(hardware, group, nodes) for hardware, group in groups.items())


def _room(hardware: str | None, group: Sequence[Cell], nodes: Sequence[NodeState] | None) -> Room:
    kinds = list({node_demand(cell.work): cell.work for cell in group}.values())
    labels = {
        key: value
        for key, value in kinds[0].node_selector.items()
        if all(work.node_selector.get(key) == value for work in kinds)
    }
    if nodes is None:
        return Room(hardware, labels, len(group), None, None)
    names = {node.name for work in kinds for node in fitting(work, nodes)}
    counts = [count for count in (places(work, nodes) for work in kinds) if count is not None]
    return Room(hardware, labels, len(group), len(names), min(counts) if counts else None)


def node_demand(work: Work) -> tuple[object, ...]:
    """All of it that nodes look at: pods with the same demand fit the same nodes."""
    return (
        tuple(sorted(work.node_selector.items())),
        repr(work.tolerations),
        tuple((kind, *sorted(amounts.items())) for kind, amounts in sorted(work.resources.items())),
    )
