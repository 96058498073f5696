"""What must hold for checks, gates and comparisons."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from batchmatrix.base.errors import Problem
from batchmatrix.base.text import one_line
from batchmatrix.model.v1alpha1._types import show
from batchmatrix.model.v1alpha1.spec import BatchMatrix

__all__ = ["judging", "metric_names", "own_metric_names"]


def judging(matrix: BatchMatrix) -> Iterator[Problem]:
    """Bounds that are there and the right way round."""
    spec = matrix.spec
    for index, check in enumerate(spec.checks):
        path = f"spec.checks[{index}]"
        if check.min is None and check.max is None:
            yield Problem(path, "has neither min nor max; write one of them")
        elif check.min is not None and check.max is not None and check.min > check.max:
            yield Problem(f"{path}.min", f"{check.min} is more than max, {check.max}, so nothing could pass; lower it")
    seen: set[str] = set()
    for index, gate in enumerate(spec.gates):
        path = f"spec.gates[{index}]"
        if gate.min is None and gate.max is None:
            yield Problem(path, "has neither min nor max; write one of them")
        elif gate.min is not None and gate.max is not None and _crossed(gate.min, gate.max):
            yield Problem(f"{path}.min", f"{gate.min} is more than max, {gate.max}, so nothing could pass; lower it")
        if gate.name in seen:
            yield Problem(f"{path}.name", f"{show(gate.name)} is the name of an earlier gate; rename one of them")
        seen.add(gate.name)
    if spec.baseline is not None and (spec.baseline.match is None) == (spec.baseline.cell is None):
        yield Problem("spec.baseline", "needs exactly one of match and cell; write one of them")
    if spec.reuse.scope == "matrix" and (spec.reuse.max_age is not None or spec.reuse.key is not None):
        yield Problem("spec.reuse", "maxAge and key are for scope: namespace; remove them")


def own_metric_names(matrix: BatchMatrix) -> Iterator[Problem]:
    """Names of metrics that the matrix has not; where a named workload may bring some, the plan looks at them."""
    if matrix.spec.workload.ref is None:
        yield from metric_names(matrix, {metric.name for metric in matrix.spec.metrics})


def _crossed(least: str, most: str) -> bool:
    """Whether two limits of the same kind leave nothing between them; a value and a change are not compared."""
    if least.endswith("%") != most.endswith("%"):
        return False
    return Decimal(least.removesuffix("%")) > Decimal(most.removesuffix("%"))


def metric_names(matrix: BatchMatrix, known: set[str]) -> Iterator[Problem]:
    """Names of metrics that are not `known`."""
    spec = matrix.spec
    named = [
        *((f"spec.checks[{i}].metric", check.metric) for i, check in enumerate(spec.checks)),
        *((f"spec.gates[{i}].metric", gate.metric) for i, gate in enumerate(spec.gates)),
        *((f"spec.compare.metrics[{i}]", name) for i, name in enumerate(spec.compare.metrics)),
        *([("spec.confound.metric", spec.confound.metric)] if spec.confound.metric is not None else []),
    ]
    others = f" or use one of: {', '.join(sorted(known))}" if known else ", as there is nothing in it"
    for path, name in named:
        if name not in known:
            yield Problem(path, one_line(f"{show(name)} is not in spec.metrics; add it there{others}"))
