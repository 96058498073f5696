"""What must hold inside a catalog, whoever uses it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from batchmatrix.base.errors import Problem
from batchmatrix.model.v1alpha1._types import field_path, show
from batchmatrix.model.v1alpha1.catalog import Entries
from batchmatrix.model.v1alpha1.rules.metrics import metric_problems, pattern_problems
from batchmatrix.model.v1alpha1.rules.template import template_problems
from batchmatrix.model.v1alpha1.rules.texts import RESERVED, reserved

__all__ = ["entries_problems"]

Path = tuple[int | str, ...]


def entries_problems(entries: Entries, path: Path) -> Iterator[Problem]:
    """Every problem of the entries of the catalog that lies at `path`."""
    for name, mitigation in entries.mitigations.items():
        yield from _reserved(mitigation.env, (*path, "mitigations", name, "env"))
    for name, environment in entries.environments.items():
        where = (*path, "environments", name)
        if environment.image is not None and environment.images_by_node is not None:
            yield Problem(field_path(where), "has both image and imagesByNode; keep one of them")
        yield from _reserved(environment.env, (*where, "env"))
    yield from _tolerations(entries, path)
    for name, workload in entries.workloads.items():
        where = (*path, "workloads", name)
        yield from template_problems(workload, where)
        yield from metric_problems(workload.metrics, (*where, "metrics"))
        yield from pattern_problems(workload.metrics, (*where, "metrics"))


def _reserved(env: Mapping[str, str], path: Path) -> Iterator[Problem]:
    for key in env:
        if key.startswith(RESERVED):
            yield Problem(field_path((*path, key)), reserved(show(key)))


def _tolerations(entries: Entries, path: Path) -> Iterator[Problem]:
    for name, hardware in entries.hardware.items():
        for index, toleration in enumerate(hardware.tolerations):
            where = field_path((*path, "hardware", name, "tolerations", index))
            if toleration.operator == "Exists" and toleration.value is not None:
                yield Problem(f"{where}.value", "operator Exists takes no value; remove it")
            if toleration.operator == "Equal" and toleration.key is None:
                yield Problem(where, "has no key; add one, or write operator: Exists for every taint")
