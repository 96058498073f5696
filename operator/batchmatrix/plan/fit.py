"""Whether any node could hold a pod right now if it were empty: the line between queued and unschedulable."""

from __future__ import annotations

from collections.abc import Sequence

from batchmatrix.model.cell import Work
from batchmatrix.model.observed import NodeState
from batchmatrix.plan.placement import has_labels, label_text, lacking, repelling

__all__ = ["why_unfit"]


def why_unfit(work: Work, nodes: Sequence[NodeState]) -> str | None:
    """None while some ready node could hold it, busy or not; else why none can, in one line."""
    ready = [node for node in nodes if node.ready and not node.unschedulable]
    labelled = [node for node in ready if has_labels(node.labels, work.node_selector)]
    if not labelled:
        return f"no ready node has the label {label_text(work.node_selector)}"
    for node in labelled:
        if not repelling(node, work.tolerations) and lacking(node, work.resources) is None:
            return None
    return f"no ready node with {label_text(work.node_selector)} is big enough and tolerated"
