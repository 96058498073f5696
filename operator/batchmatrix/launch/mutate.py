"""What a retry changes against the attempt before it."""

from __future__ import annotations

from decimal import Decimal

from batchmatrix.base.quantities import scale_quantity
from batchmatrix.model.launch import Mutation, RetryRule

__all__ = ["AVOID_LIMIT", "retry_mutation", "scaled_resources"]

AVOID_LIMIT = 16
"""Nodes that are kept to be avoided; the oldest is forgotten first."""


def retry_mutation(previous: Mutation, rule: RetryRule, *, node: str) -> Mutation:
    """The mutation of the next attempt after one with `previous` ended on `node` (empty if it had none).

    `rule` is the one for the outcome of that attempt. Factors multiply up and avoided nodes add up from attempt to
    attempt, whichever rule asked for them.
    """
    avoid = previous.avoid_nodes
    if rule.avoid_node and node:
        avoid = (*(name for name in avoid if name != node), node)[-AVOID_LIMIT:]
    factor = Decimal(previous.memory_factor) * Decimal(rule.memory_factor)
    return Mutation(avoid_nodes=avoid, memory_factor=f"{factor.normalize():f}")


def scaled_resources(resources: dict[str, dict[str, str]], mutation: Mutation) -> dict[str, dict[str, str]]:
    """Requests and limits with `memory` multiplied by the mutation's factor; everything else as it was."""
    factor = Decimal(mutation.memory_factor)
    if factor == 1:
        return resources
    return {
        kind: {name: scale_quantity(amount, factor) if name == "memory" else amount for name, amount in amounts.items()}
        for kind, amounts in resources.items()
    }
