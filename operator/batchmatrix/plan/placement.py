"""Where a cell can run, and with which image: what the nodes' labels say, or what the spec's own labels imply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from batchmatrix.base.quantities import format_quantity, parse_quantity
from batchmatrix.base.text import one_line
from batchmatrix.model.observed import NodeState
from batchmatrix.model.v1alpha1 import ImageRule
from batchmatrix.plan.resolve import Unplaced

__all__ = ["Place", "has_labels", "label_text", "lacking", "place", "repelling"]

_PASSING_TAINTS = ("node.kubernetes.io/", "node.cloudprovider.kubernetes.io/")
"""Taints that come and go with a node's state (cordoned, not ready, under pressure): they say nothing of its kind."""


_MAKERS = frozenset({"nvidia.com", "amd.com", "gpu.intel.com", "habana.ai"})
"""Domains of the labels by which device plug-ins tell of a node's GPUs; a node has those of one maker."""


@dataclass(frozen=True, slots=True)
class Place:
    """Image and node selector of a cell, or why it has none."""

    image: str
    node_selector: dict[str, str]
    problem: str | None = None


def place(cell: Unplaced, *, nodes: Sequence[NodeState] | None, wait: bool) -> Place:
    """Find the image of `cell`.

    With `wait`, or where nodes may not be read (None), labels in the spec alone decide: the node may come later.
    Otherwise live nodes do, whether they are busy, cordoned or not ready just now. The labels of the image's rule
    join the node selector, so that the pod can only land where its image fits.
    """
    selector = cell.work.node_selector
    if wait or nodes is None:
        if cell.image is not None:
            return Place(cell.image, selector)
        return _by_labels(cell.rules, selector)
    fitting, problem = _fitting(cell, nodes)
    if problem is not None:
        return Place("", selector, one_line(problem))
    if cell.image is not None:
        return Place(cell.image, selector)
    return _by_nodes(cell.rules, selector, fitting)


def label_text(labels: Mapping[str, str]) -> str:
    """Labels as a person writes them, by their keys: `a=b, c=d`."""
    return ", ".join(f"{key}={value}" for key, value in sorted(labels.items()))


def has_labels(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether a node selector of `wanted` takes a node with `labels`."""
    return wanted.items() <= labels.items()


# -- by live nodes ------------------------------------------------------------------------------------------------


def _fitting(cell: Unplaced, nodes: Sequence[NodeState]) -> tuple[list[NodeState], str | None]:
    selector = cell.work.node_selector
    labelled = [node for node in nodes if has_labels(node.labels, selector)]
    if not labelled:
        return [], _no_labels(cell, nodes)
    where = f"of the nodes with {label_text(selector)}" if selector else "of the nodes"
    tolerated = [node for node in labelled if not repelling(node, cell.work.tolerations)]
    if not tolerated:
        taint = repelling(labelled[0], cell.work.tolerations)
        remedy = "add it to the hardware's tolerations in spec.catalog.hardware"
        return [], f"none {where} can be used: taint {taint} of {labelled[0].name} is not tolerated; {remedy}"
    big = [node for node in tolerated if lacking(node, cell.work.resources) is None]
    if not big:
        resource, amount = lacking(tolerated[0], cell.work.resources) or ("", "")
        most = max(_allocatable(node, resource) or Decimal(0) for node in tolerated)
        remedy = "ask for less, or choose other hardware"
        return [], f"none {where} has {resource}: {amount} (the most is {format_quantity(most)}); {remedy}"
    return big, None


def _no_labels(cell: Unplaced, nodes: Sequence[NodeState]) -> str:
    selector = cell.work.node_selector
    if not nodes:
        return "the cluster has no node; add one, or set spec.placement.noMatchingNode: wait"
    alone = {
        key: value for key, value in selector.items() if not any(has_labels(n.labels, {key: value}) for n in nodes)
    }
    said = label_text(alone) if alone else f"all of {label_text(selector)}"
    remedy = "label a node, correct spec.catalog.hardware, or set spec.placement.noMatchingNode: wait"
    return f"no node has the label {said} (hardware {cell.hardware}); {remedy}"


def repelling(node: NodeState, tolerations: Sequence[Mapping[str, Any]]) -> str:
    """The first taint of `node` that keeps the pod away, as text; empty if there is none."""
    for taint in node.taints:
        key, value, effect = taint.get("key", ""), taint.get("value", ""), taint.get("effect", "")
        if effect == "PreferNoSchedule" or key.startswith(_PASSING_TAINTS):
            continue
        if not any(_tolerates(toleration, key, value, effect) for toleration in tolerations):
            return f"{key}={value}:{effect}" if value else f"{key}:{effect}"
    return ""


def _tolerates(toleration: Mapping[str, Any], key: str, value: str, effect: str) -> bool:
    return (
        toleration.get("key", key) == key
        and toleration.get("effect", effect) == effect
        and (toleration.get("operator") == "Exists" or toleration.get("value", "") == value)
    )


def _allocatable(node: NodeState, resource: str) -> Decimal | None:
    """None for a text that is no quantity known here: then it is the scheduler's to judge."""
    try:
        return parse_quantity(node.allocatable.get(resource, "0"))
    except ValueError:
        return None


def lacking(node: NodeState, resources: Mapping[str, Mapping[str, str]]) -> tuple[str, str] | None:
    """The first resource that `node` has too little of even when it is empty, and the amount asked for."""
    wanted = {**resources.get("limits", {}), **resources.get("requests", {})}
    for resource, amount in wanted.items():
        there = _allocatable(node, resource)
        if there is not None and there < parse_quantity(amount):
            return resource, amount
    return None


def _by_nodes(rules: Sequence[ImageRule], selector: dict[str, str], nodes: Sequence[NodeState]) -> Place:
    needs = [
        (node, next((rule for rule in rules if has_labels(node.labels, rule.node_labels)), None)) for node in nodes
    ]
    found = {rule.image: (node, rule) for node, rule in reversed(needs) if rule is not None}
    if not found:
        wanted = " or ".join(f"({label_text(rule.node_labels)})" for rule in rules)
        text = f"no image fits {nodes[0].name}: it has none of the labels {wanted} of imagesByNode; add a rule for it"
        return Place("", selector, one_line(text))
    if len(found) > 1:
        (one, first), (two, second) = list(found.values())[:2]
        text = (
            "the nodes it can run on need different images: "
            f"{first.image} for {one.name} ({label_text(first.node_labels)}) and "
            f"{second.image} for {two.name} ({label_text(second.node_labels)}); narrow the hardware's nodeLabels"
        )
        return Place("", selector, one_line(text))
    chosen = [rule for _, rule in needs if rule is not None]
    common = {
        key: value
        for key, value in chosen[0].node_labels.items()
        if all(rule.node_labels.get(key) == value for rule in chosen)
    }
    for node, rule in needs:
        if rule is None and has_labels(node.labels, common):
            text = f"no image fits {node.name}, where it could land; narrow the hardware's nodeLabels, or add a rule"
            return Place("", selector, one_line(text))
    return Place(chosen[0].image, {**selector, **common})


# -- by the labels of the spec ------------------------------------------------------------------------------------


def _by_labels(rules: Sequence[ImageRule], selector: dict[str, str]) -> Place:
    """The first rule that the selector implies, unless an earlier one might fit such a node as well."""
    possible: list[ImageRule] = []
    implied = False
    for rule in rules:
        if _can_be_of_one_node(selector, rule.node_labels):
            possible.append(rule)
            implied = has_labels(selector, rule.node_labels)
            if implied:
                break
    images = list(dict.fromkeys(rule.image for rule in possible))
    if len(images) == 1 and implied:
        return Place(images[0], selector)
    if len(possible) == 1:
        return Place(images[0], {**selector, **possible[0].node_labels})
    known = label_text(selector) or "no label at all"
    if not possible:
        text = f"no rule of imagesByNode fits nodes with {known}; add one, or correct spec.catalog.hardware"
    else:
        choice = " or ".join(f"{rule.image} ({label_text(rule.node_labels)})" for rule in possible[:2])
        text = f"{known} does not tell the image: {choice}; add the label that tells to the hardware's nodeLabels"
    return Place("", selector, one_line(text))


def _can_be_of_one_node(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether a node that `selector` takes may have `labels` too: the same keys agree, and so do the GPUs' makers."""
    makers = _makers(selector)
    return all(selector.get(key, value) == value for key, value in labels.items()) and (
        not makers or not _makers(labels) or bool(makers & _makers(labels))
    )


def _makers(labels: Mapping[str, str]) -> set[str]:
    return {domain for key in labels if (domain := key.partition("/")[0]) in _MAKERS}
