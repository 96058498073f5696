"""What today's nodes could hold if they were empty: the line between queued and unschedulable, and how much fits."""

from __future__ import annotations

from collections.abc import Sequence

from batchmatrix.base.quantities import parse_quantity
from batchmatrix.model.cell import Work
from batchmatrix.model.observed import NodeState
from batchmatrix.plan.placement import has_labels, label_text, lacking, repelling

__all__ = ["places", "why_unfit"]


def why_unfit(work: Work, nodes: Sequence[NodeState]) -> str | None:
    """None while some ready node could hold it, busy or not; else why none can, in one line."""
    ready = [node for node in nodes if node.ready and not node.unschedulable]
    labelled = [node for node in ready if has_labels(node.labels, work.node_selector)]
    if not labelled:
        if not work.node_selector:
            return "no node is ready; add one, or wait until one is"
        return f"no ready node has the label {label_text(work.node_selector)}; label one, or correct the hardware"
    for node in labelled:
        if not repelling(node, work.tolerations) and lacking(node, work.resources) is None:
            return None
    where = f" with {label_text(work.node_selector)}" if work.node_selector else ""
    return f"no ready node{where} is big enough and tolerated; ask for less, or add a toleration to the hardware"


def places(work: Work, nodes: Sequence[NodeState]) -> int | None:
    """How many such pods ready nodes could hold at one time by their devices; None where it asks for no device."""
    wanted = {name: parse_quantity(amount) for name, amount in work.resources.get("limits", {}).items() if "/" in name}
    wanted = {name: amount for name, amount in wanted.items() if amount > 0}
    if not wanted:
        return None
    total = 0
    for node in nodes:
        if not node.ready or node.unschedulable or not has_labels(node.labels, work.node_selector):
            continue
        if repelling(node, work.tolerations):
            continue
        total += min(int(parse_quantity(node.allocatable.get(name, "0")) // amount) for name, amount in wanted.items())
    return total
