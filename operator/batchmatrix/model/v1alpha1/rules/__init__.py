"""What must hold between fields. Each rule yields every problem it finds; a rule looks at one thing only.

The API server holds most of them too, as CEL (see the models); `PYDANTIC_ONLY` names those that it cannot. What
needs the contents of catalogs is looked at when the plan is made (batchmatrix.plan.check).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.base.ids import canonical_json
from batchmatrix.base.quantities import parse_duration
from batchmatrix.model.v1alpha1._types import field_path, show
from batchmatrix.model.v1alpha1.catalog import Entries
from batchmatrix.model.v1alpha1.rules import grid
from batchmatrix.model.v1alpha1.rules.entries import entries_problems
from batchmatrix.model.v1alpha1.rules.judging import judging, own_metric_names
from batchmatrix.model.v1alpha1.rules.later import LATER, later
from batchmatrix.model.v1alpha1.rules.metrics import metric_problems, pattern_problems
from batchmatrix.model.v1alpha1.rules.template import template_problems
from batchmatrix.model.v1alpha1.rules.texts import LAUNCH_VARIABLES, literal, references
from batchmatrix.model.v1alpha1.spec import NAME_LIMIT, BatchMatrix

__all__ = [
    "LAUNCH_VARIABLES",
    "PYDANTIC_ONLY",
    "RULES",
    "SPEC_BYTES_LIMIT",
    "check",
    "check_entries",
    "check_name",
    "literal",
    "references",
]

SPEC_BYTES_LIMIT = 131_072
"""Bytes of the spec as JSON; every cell's Job carries a part of it."""

PYDANTIC_ONLY = {
    "text": "No text holds a NUL or half of a surrogate pair",
    "axis-value": "A value of an axis is a finite number that fits 64 bits, a boolean or a text, never null; a list "
    "of names for mitigation, {image: ...} for environment",
    "axis-values-unique": "No two values of an axis reach the workload as the same text",
    "match": "Keys of match, exclude, when and baseline.match name axes (when: labels too), with values of their kind",
    "include-cell": "An include that fits no cell of the product names every axis, and no two make the same cell",
    "some-cell": "Rules of exclude leave at least one cell",
    "baseline": "The baseline is a cell that there is",
    "exclude-with-cells": "Rules of exclude are for axes, not for cells that are written out",
    "labels": "No label has the name of an axis or of a parameter",
    "cell-name": "Names of cells differ by more than case",
    "catalog-name": "Names of mitigations, environments, hardware and workloads are in exactly one catalog",
    "image": "Every cell has an image: its own, its environment's or the workload's",
    "mitigation-clash": "Mitigations that are used together set no variable to different values",
    "variable-clash": "No variable is set by a parameter and by anything else, or by a mitigation and workload.env",
    "reserved-variable": "No variable of extraEnv and no parameter begins with BATCHMATRIX_",
    "map-keys": "Keys of nodeLabels, resources and environment variables have the form that Kubernetes asks for",
    "gate-limits": "No gate has a min that is more than its max",
    "metric-name": "Checks, gates, compare and confound name metrics that there are",
    "metric-pattern": "A pattern is an RE2 expression with one group, or with one called value",
    "reference": "Every $(X) in command, args and workload.env names a variable that every cell sets, in workload.env "
    "before it, unless envFrom is used",
    "requests-limits": "No request is more than its limit, and devices are asked for in limits, whole",
    "resource-clash": "The resource of a hardware entry is not in workload.resources too",
    "named-workload": "A workload of a catalog and what is written in its place go together",
    "spec-size": f"The spec has at most {SPEC_BYTES_LIMIT} bytes as JSON, with all entries of catalogs that it uses",
    "not-yet": f"These are not supported yet: {LATER}",
}
"""Rules that the API server does not hold, by id: they show as condition Stalled after the object was stored."""


def check_name(text: str, *, field: str = "metadata.name") -> str:
    """`text`, if a matrix can have this name. Raises InvalidSpec with one problem at `field`."""
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", text):
        remedy = "write lower-case letters, digits and '-', a letter or digit at both ends"
        raise InvalidSpec([Problem(field, f"{show(text)} is not a DNS label; {remedy}")])
    if len(text) > NAME_LIMIT:
        raise InvalidSpec([Problem(field, f"{show(text)} has {len(text)} characters; write at most {NAME_LIMIT}")])
    return text


def _name(matrix: BatchMatrix) -> Iterator[Problem]:
    try:
        check_name(matrix.metadata.name)
    except InvalidSpec as error:
        yield from error.problems


def _env_of_axes(matrix: BatchMatrix) -> Iterator[Problem]:
    axes = {axis.name for axis in matrix.spec.axes}
    for index, variable in enumerate(matrix.spec.workload.env):
        if variable.name in axes:
            path = f"spec.workload.env[{index}].name"
            yield Problem(path, f"{show(variable.name)} is set by the axis of this name already; rename one of them")


def _times(matrix: BatchMatrix) -> Iterator[Problem]:
    spec = matrix.spec
    times: dict[tuple[int | str, ...], str | None] = {
        ("spec", "deadline"): spec.deadline,
        **{("spec", "include", i, "set", "timeout"): one.set.timeout for i, one in enumerate(spec.include)},
        **{("spec", "overrides", i, "set", "timeout"): one.set.timeout for i, one in enumerate(spec.overrides)},
        **{("spec", "cells", i, "timeout"): cell.timeout for i, cell in enumerate(spec.cells)},
    }
    for path, time in times.items():
        if time is not None and parse_duration(time) <= 0:
            yield Problem(field_path(path), f"{show(time)} is no time; write more than 0s")


def _catalog_refs(matrix: BatchMatrix) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, ref in enumerate(matrix.spec.catalog_refs):
        if ref.name in seen:
            yield Problem(f"spec.catalogRefs[{index}].name", f"{show(ref.name)} is there twice; remove one")
        seen.add(ref.name)


def _size(matrix: BatchMatrix) -> Iterator[Problem]:
    size = len(canonical_json(matrix.spec.model_dump(mode="json", by_alias=True, exclude_unset=True)))
    if size > SPEC_BYTES_LIMIT:
        text = (
            f"has {size} bytes as JSON; at most {SPEC_BYTES_LIMIT} are taken: put scripts into the image or a ConfigMap"
        )
        yield Problem("spec", text)


RULES: dict[str, Callable[[BatchMatrix], Iterator[Problem]]] = {
    "name": _name,
    "grid-form": grid.grid_form,
    "axis-names": grid.axis_names,
    "axis-values": grid.axis_values,
    "match": grid.matches,
    "when": grid.whens,
    "labels": grid.labels,
    "cells": grid.explicit_cells,
    "cell-settings": grid.cell_settings,
    "env-of-axes": _env_of_axes,
    "workload": lambda matrix: template_problems(matrix.spec.workload, ("spec", "workload")),
    "catalog": lambda matrix: entries_problems(matrix.spec.catalog, ("spec", "catalog")),
    "catalog-refs": _catalog_refs,
    "metric-fields": lambda matrix: metric_problems(matrix.spec.metrics, ("spec", "metrics")),
    "metric-pattern": lambda matrix: pattern_problems(matrix.spec.metrics, ("spec", "metrics")),
    "judging": judging,
    "metric-names": own_metric_names,
    "times": _times,
    "spec-size": _size,
    "not-yet": later,
}
"""Every rule between fields by its id."""


_RESTS_ON: Mapping[str, str] = {
    "name": r"metadata(\.name)?",
    "grid-form": r"spec\.(axes|cells)(\[\d+\])?",
    "match": r"spec\.axes(\[\d+\])?",
    "when": r"spec\.(axes|cells|include)(\[\d+\])?|spec\.labels.*",
    "workload": r"spec\.workload(\.volumes.*|\.resources.*)?",
    "catalog": r"spec\.catalog(\.workloads.*)?",
    "judging": r"spec\.(baseline|reuse).*",
    "metric-names": r"spec\.metrics.*|spec\.workload(\.ref)?",
}
"""Places that have to be there for a rule to be right, as an expression; without any other it finds less, never more.

Of a list whole items are taken out.
"""


def check(matrix: BatchMatrix, *, without: Sequence[str] = ()) -> list[Problem]:
    """All problems of a matrix whose fields are right one by one.

    `without` are paths of fields and items that were taken out because they are wrong by themselves: rules that rest
    on one of them are not asked.
    """
    asked = [
        rule
        for name, rule in RULES.items()
        if name not in _RESTS_ON or not any(re.fullmatch(_RESTS_ON[name], path) for path in without)
    ]
    return [problem for rule in asked for problem in rule(matrix)]


def check_entries(entries: Entries, path: tuple[int | str, ...]) -> list[Problem]:
    """All problems of a catalog whose fields are right one by one."""
    return list(entries_problems(entries, path))
