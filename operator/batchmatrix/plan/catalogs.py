"""Catalogs put together, and a matrix made to stand by itself: every name it uses written into it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.base.ids import canonical_json
from batchmatrix.base.text import one_line
from batchmatrix.model.catalog import KINDS, Catalogs, Named
from batchmatrix.model.v1alpha1 import (
    BatchMatrix,
    Catalog,
    Entries,
    Metric,
    NamedWorkload,
    Spec,
    Template,
    Workload,
)
from batchmatrix.model.v1alpha1.parse import field_path
from batchmatrix.model.v1alpha1.rules import SPEC_BYTES_LIMIT
from batchmatrix.model.v1alpha1.rules.template import template_problems

__all__ = ["INLINE", "catalogs_of", "merge", "self_contained", "used_names"]

INLINE = "inline"

_ENTRIES_LIMIT = 64
"""Entries of one kind in a catalog, and metrics; what the API takes in one list or map."""


def merge(sources: Iterable[tuple[str, Entries]]) -> Catalogs:
    """All entries of all sources, each a name in words and its entries.

    An entry that several sources have with the same contents is no clash; it counts as the first one's. What a
    description says changes nothing that runs, so the first source's is kept. Raises InvalidSpec with every name that
    stands for different things.
    """
    found: dict[str, dict[str, Named[Any]]] = {kind: {} for kind in KINDS}
    problems: list[Problem] = []
    for source, entries in sources:
        for kind in KINDS:
            for name, value in getattr(entries, kind).items():
                known = found[kind].setdefault(name, Named(value, source))
                if known.value != value.model_copy(update={"description": known.value.description}):
                    text = f"{name!r} is in two catalogs with different contents: {known.source} and {source}"
                    where = field_path(("spec", "catalog", kind, name)) if source == INLINE else source
                    problems.append(Problem(where, one_line(f"{kind}: {text}; rename one of them")))
    if problems:
        raise InvalidSpec(problems)
    return Catalogs(**found)


def catalogs_of(matrix: BatchMatrix, others: Iterable[tuple[str, Entries]]) -> Catalogs:
    """What the names of a matrix stand for: its own catalog and `others`, unless its own is all there is.

    Raises InvalidSpec as merge does.
    """
    own = (INLINE, Entries(**{kind: getattr(matrix.spec.catalog, kind) for kind in KINDS}))
    return merge([own] if matrix.spec.catalog.only else [*others, own])


def used_names(spec: Spec) -> dict[str, set[str]]:
    """Names that the grid refers to, by kind; inline images are none."""
    names: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for _, kind, name in _references(spec):
        names[kind].add(name)
    return names


def _names(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _names(item)


def self_contained(matrix: BatchMatrix, catalogs: Catalogs) -> BatchMatrix:
    """The same matrix with every entry that it uses in its own catalog, and no other catalog read.

    Made self-contained again, whatever other catalogs say by then, it stays as it is. Raises InvalidSpec with every
    name that no catalog has.
    """
    spec = matrix.spec
    problems = list(_unknown(spec, catalogs))
    if problems:
        raise InvalidSpec(problems)
    used = used_names(spec)
    for kind, names in used.items():
        if len(names) > _ENTRIES_LIMIT:
            text = f"uses {len(names)} {kind}; at most {_ENTRIES_LIMIT} are taken: split the matrix"
            raise InvalidSpec([Problem("spec", text)])
    kept: dict[str, dict[str, Any]] = {
        kind: {name: getattr(catalogs, kind)[name].value for name in sorted(used[kind])}
        for kind in KINDS
        if kind != "workloads"
    }
    workload, metrics = spec.workload, spec.metrics
    if workload.ref is not None:
        named = catalogs.workloads[workload.ref].value
        workload, metrics = _filled(workload, named), _metrics(spec.metrics, named.metrics)
    update: dict[str, Any] = {
        "catalog": Catalog(only=True, **{kind: entries for kind, entries in kept.items() if entries}),
        "workload": workload,
        "metrics": metrics,
    }
    unset = {field for field in ("catalog_refs",) if field in spec.model_fields_set}
    whole = spec.model_copy(update={**update, **dict.fromkeys(unset, ())})
    whole.model_fields_set.difference_update(unset | ({"metrics"} if not metrics else set()))
    problems = list(_whole_problems(whole))
    if problems:
        raise InvalidSpec(problems)
    return matrix.model_copy(update={"spec": whole})


def _whole_problems(spec: Spec) -> Iterator[Problem]:
    """What only shows once entries of catalogs are written in: the resolved file must be taken as it is."""
    if spec.workload.ref is None:  # it was there, or never was
        yield from template_problems(spec.workload, ("spec", "workload"))
    if len(spec.metrics) > _ENTRIES_LIMIT:
        text = (
            f"are {len(spec.metrics)} with those of the named workload; at most {_ENTRIES_LIMIT} are taken: remove some"
        )
        yield Problem("spec.metrics", text)
    size = len(canonical_json(spec.model_dump(mode="json", by_alias=True, exclude_unset=True)))
    if size > SPEC_BYTES_LIMIT:
        text = (
            f"has {size} bytes as JSON with the entries of catalogs that it uses; at most {SPEC_BYTES_LIMIT} are taken"
        )
        yield Problem("spec", f"{text}: put scripts into the image or a ConfigMap")


def _unknown(spec: Spec, catalogs: Catalogs) -> Iterator[Problem]:
    """Names that no catalog has, each at every place where it is used."""
    for path, kind, name in _references(spec):
        known: Mapping[str, Any] = getattr(catalogs, kind)
        if name not in known:
            others = f" or use one of: {', '.join(sorted(known))}" if known else ", as there is nothing in it"
            text = f"{name!r} is not in the catalog of {kind}; add it to spec.catalog.{kind}{others}"
            yield Problem(field_path(path), one_line(text))


def _references(spec: Spec) -> Iterator[tuple[tuple[int | str, ...], str, str]]:
    """Place, kind and name of everything that a catalog has to tell."""
    fields = {"mitigation": "mitigations", "environment": "environments", "hardware": "hardware"}
    for index, axis in enumerate(spec.axes):
        for position, value in enumerate(axis.values):
            for name in _names(value) if axis.name in fields else ():
                yield ("spec", "axes", index, "values", position), fields[axis.name], name
    for index, include in enumerate(spec.include):
        for axis_name, wanted in include.match.items():
            for name in _names(wanted) if axis_name in fields else ():
                yield ("spec", "include", index, "match", axis_name), fields[axis_name], name
    for index, cell in enumerate(spec.cells):
        for name in cell.mitigations:
            yield ("spec", "cells", index, "mitigations"), "mitigations", name
        for name in _names(cell.environment):
            yield ("spec", "cells", index, "environment"), "environments", name
        for name in _names(cell.hardware):
            yield ("spec", "cells", index, "hardware"), "hardware", name
    if spec.workload.ref is not None:
        yield ("spec", "workload", "ref"), "workloads", spec.workload.ref


def _filled(own: Workload, named: NamedWorkload) -> Workload:
    """The named workload, with what the matrix sets itself in its place.

    A field that holds its default counts as not set, because the API server writes defaults into what it stores.
    """
    fields = {}
    for name, field in Template.model_fields.items():
        value = getattr(own, name)
        chosen = value if value != field.default else getattr(named, name)
        if chosen != field.default:
            fields[name] = chosen
    if own.image is not None or own.images_by_node is not None:  # one of the two replaces both
        for name in ("image", "images_by_node"):
            fields.pop(name, None)
            if getattr(own, name) is not None:
                fields[name] = getattr(own, name)
    return Workload.model_construct(_fields_set=set(fields), **{**_defaults(), **fields})


def _defaults() -> dict[str, Any]:
    return {name: field.default for name, field in Workload.model_fields.items()}


def _metrics(own: tuple[Metric, ...], named: tuple[Metric, ...]) -> tuple[Metric, ...]:
    """The workload's metrics, those of the same name replaced, then the others of the matrix."""
    by_name = {metric.name: metric for metric in own}
    names = {metric.name for metric in named}
    return (
        *(by_name.get(metric.name, metric) for metric in named),
        *(metric for metric in own if metric.name not in names),
    )
