"""Fields that the API has and this version does not act on: refused where the result would be another than asked for.

A matrix that asks for a guarantee and silently has none would be a false success.
"""

from __future__ import annotations

from collections.abc import Iterator

from batchmatrix.base.errors import Problem
from batchmatrix.model.v1alpha1.spec import BatchMatrix

__all__ = ["LATER", "later"]

LATER = "queue, reuse.scope: namespace, and compare.aaControl: true"
"""Fields that are refused for now."""

_TEXT = "is not supported by this version yet; remove it"


def later(matrix: BatchMatrix) -> Iterator[Problem]:
    """Every field of a matrix that would be ignored."""
    spec = matrix.spec
    asked = {
        "queue": spec.queue is not None,
        "reuse.scope": spec.reuse.scope != "matrix",
        "compare.aaControl": spec.compare.aa_control,
    }
    for field, set_ in asked.items():
        if set_:
            yield Problem(f"spec.{field}", _TEXT)
