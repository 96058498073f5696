"""Fields that the API has and this version does not act on: refused where the result would be another than asked for.

What only adds to a report (baseline, compare, confound) is taken; what would change the verdict (checks, gates) is
taken too, and the verdict is inconclusive as long as they are not looked at (see summarise.verdict).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from batchmatrix.base.errors import Problem
from batchmatrix.model.v1alpha1._types import field_path
from batchmatrix.model.v1alpha1.policy import Metric
from batchmatrix.model.v1alpha1.spec import BatchMatrix
from batchmatrix.model.v1alpha1.workload import Template

__all__ = ["LATER", "later", "template_later"]

LATER = "queue, reuse.scope: namespace, compare.aaControl: true, and metrics with from: token"
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
    yield from template_later(spec.workload, ("spec", "workload"))
    yield from _metrics_later(spec.metrics, ("spec", "metrics"))


def template_later(workload: Template, path: tuple[int | str, ...]) -> Iterator[Problem]:
    """The same for the metrics of a workload that has some."""
    yield from _metrics_later(getattr(workload, "metrics", ()), (*path, "metrics"))


def _metrics_later(metrics: Sequence[Metric], path: tuple[int | str, ...]) -> Iterator[Problem]:
    for index, metric in enumerate(metrics):
        if metric.source == "token":
            yield Problem(field_path((*path, index, "from")), "'token' " + _TEXT.replace("remove it", "write another"))
