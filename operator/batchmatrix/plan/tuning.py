"""What of a spec reaches the pod without being part of what runs."""

from __future__ import annotations

import math

from batchmatrix.base.quantities import parse_duration
from batchmatrix.model.cell import Cell
from batchmatrix.model.launch import Tuning
from batchmatrix.model.v1alpha1 import Spec

__all__ = ["tuning"]


def tuning(spec: Spec, cell: Cell) -> Tuning:
    """The tuning of every launch of this cell."""
    workload = spec.workload
    seconds = cell.timeout + parse_duration(spec.pending.image_pull)
    return Tuning(
        active_deadline_seconds=max(1, math.ceil(seconds)),
        termination_grace_seconds=workload.termination_grace_period_seconds,
        image_pull_policy=workload.image_pull_policy,
        image_pull_secrets=tuple(secret.name for secret in workload.image_pull_secrets),
        priority_class=workload.priority_class_name,
    )
