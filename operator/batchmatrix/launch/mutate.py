"""A retry's changes put into the resources of its pod."""

from __future__ import annotations

from decimal import Decimal

from batchmatrix.base.quantities import scale_quantity
from batchmatrix.model.launch import Mutation

__all__ = ["scaled_resources"]


def scaled_resources(resources: dict[str, dict[str, str]], mutation: Mutation) -> dict[str, dict[str, str]]:
    """Requests and limits with `memory` multiplied by the mutation's factor; everything else as it was."""
    factor = Decimal(mutation.memory_factor)
    if factor == 1:
        return resources
    return {
        kind: {name: scale_quantity(amount, factor) if name == "memory" else amount for name, amount in amounts.items()}
        for kind, amounts in resources.items()
    }
