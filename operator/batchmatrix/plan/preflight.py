"""The check that runs before the first trial of a generation, as a cell that no plan holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from batchmatrix.base.errors import Problem
from batchmatrix.base.ids import canonical_json
from batchmatrix.base.quantities import parse_duration
from batchmatrix.base.text import one_line
from batchmatrix.model.cell import PREFLIGHT, Cell, Plan
from batchmatrix.model.v1alpha1 import Spec
from batchmatrix.model.v1alpha1.rules import references
from batchmatrix.plan.resolve import DEFAULT_TIMEOUT, STEPS_VARIABLE, plain_work

__all__ = ["check_preflight", "preflight_cell"]

_ITS_OWN = ("BATCHMATRIX_CELL", "BATCHMATRIX_ATTEMPT")
"""Variables that are set at launch."""

_DEVICES = "/"
"""Extended resources have it in their names, and others have not."""


def preflight_cell(spec: Spec, plan: Plan) -> Cell | None:
    """The preflight of this plan; None where the spec asks for none, or no cell of the plan can start.

    It is like the workload but for its command, on any node and without devices. It tolerates what any of the cells
    does, as there may be no other nodes. The image is its own, else the workload's, else that of the first cell.
    """
    if spec.preflight is None:
        return None
    first = next((cell for cell in plan.cells if cell.problem is None), None)
    if first is None:
        return None
    work = plain_work(spec.workload)
    steps = () if spec.steps is None else ((STEPS_VARIABLE, str(spec.steps)),)
    resources = {
        kind: {name: amount for name, amount in quantities.items() if _DEVICES not in name}
        for kind, quantities in work.resources.items()
    }
    return Cell(
        name=PREFLIGHT,
        hash=PREFLIGHT,
        copy=0,
        values={},
        parameters={},
        environment=None,
        hardware=None,
        trials=1,
        seed=0,
        work=replace(
            work,
            image=spec.preflight.image or spec.workload.image or first.work.image,
            command=spec.preflight.command,
            args=(),
            env=(*steps, *work.env),
            tolerations=_tolerations(plan),
            resources={kind: quantities for kind, quantities in resources.items() if quantities},
        ),
        timeout=parse_duration(spec.workload.timeout or DEFAULT_TIMEOUT),
        expect="any",
    )


def _tolerations(plan: Plan) -> tuple[dict[str, Any], ...]:
    """Those of all cells, each once."""
    found = {canonical_json(each): each for cell in plan.cells for each in cell.work.tolerations}
    return tuple(found[text] for text in sorted(found))


def check_preflight(spec: Spec) -> Iterator[Problem]:
    """References of its command to what only trials have; keys of a ConfigMap or Secret are not known here."""
    if spec.preflight is None or spec.workload.env_from:
        return
    known = {*_ITS_OWN, *(variable.name for variable in spec.workload.env)}
    if spec.steps is not None:
        known.add(STEPS_VARIABLE)
    for index, text in enumerate(spec.preflight.command):
        for name in dict.fromkeys(references(text)):
            if name not in known:
                said = f"$({name}) is not set for a preflight, which belongs to no cell; set {name} in workload.env, "
                yield Problem(
                    f"spec.preflight.command[{index}]", one_line(f"{said}or write $$({name}) for a literal $({name})")
                )
