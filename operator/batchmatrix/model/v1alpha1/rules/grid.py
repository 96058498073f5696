"""What must hold in the grid by itself, before any catalog is looked at."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from batchmatrix.base.errors import Problem
from batchmatrix.base.text import one_line, scalar_text
from batchmatrix.model.v1alpha1._types import NAME, Entry, InlineImage, MatchValue, field_path, show
from batchmatrix.model.v1alpha1.grid import RESERVED_AXES, CellSettings
from batchmatrix.model.v1alpha1.rules.template import resources_problems
from batchmatrix.model.v1alpha1.rules.texts import RESERVED, reserved
from batchmatrix.model.v1alpha1.spec import BatchMatrix

__all__ = ["axis_names", "axis_values", "cell_settings", "explicit_cells", "grid_form", "labels", "matches", "whens"]

Path = tuple[int | str, ...]


def grid_form(matrix: BatchMatrix) -> Iterator[Problem]:
    """Axes or cells, never both."""
    spec = matrix.spec
    if not spec.axes and not spec.cells:
        yield Problem("spec", "has neither axes nor cells; write one of the two")
    if spec.axes and spec.cells:
        yield Problem("spec.cells", "are for a matrix without axes; remove one of the two")
    if spec.cells:
        for field in ("exclude", "include", "overrides"):
            if getattr(spec, field):
                yield Problem(f"spec.{field}", "is for axes; write what it says into spec.cells")


def axis_names(matrix: BatchMatrix) -> Iterator[Problem]:
    """Names of axes are variables, each its own."""
    seen: set[str] = set()
    for index, axis in enumerate(matrix.spec.axes):
        path = f"spec.axes[{index}].name"
        if axis.name.startswith(RESERVED):
            yield Problem(path, reserved(show(axis.name)))
        if axis.name in seen:
            yield Problem(path, f"{show(axis.name)} is the name of an earlier axis; rename one of them")
        seen.add(axis.name)


def axis_values(matrix: BatchMatrix) -> Iterator[Problem]:
    """Values are of the kind that their axis takes, and differ where the workload or a reader sees them."""
    for index, axis in enumerate(matrix.spec.axes):
        seen: dict[str, Entry] = {}
        for position, value in enumerate(axis.values):
            path = f"spec.axes[{index}].values[{position}]"
            wrong = _kind(axis.name, value)
            if wrong:
                yield Problem(path, wrong)
                continue
            text = _label(value)
            if text in seen:
                said = "reach the workload as the same text" if axis.name not in RESERVED_AXES else "are the same"
                yield Problem(path, f"{_shown(value)} and {_shown(seen[text])} {said}; remove one")
            seen.setdefault(text, value)


def _label(value: Entry) -> str:
    if isinstance(value, InlineImage):
        return value.name
    return "+".join(value) if isinstance(value, tuple) else scalar_text(value)


def _shown(value: Entry) -> str:
    if isinstance(value, InlineImage):
        return f"{{image: {one_line(value.image, limit=60)}}}"
    return f"[{one_line(', '.join(value), limit=60)}]" if isinstance(value, tuple) else show(value)


def _kind(axis: str, value: Entry) -> str:
    """What is wrong with a value of this axis; empty where nothing is."""
    if isinstance(value, tuple):
        if axis != "mitigation":
            return f"{_shown(value)} is a list; only values of the axis mitigation can be lists: write one value"
        twice = next((name for name in value if value.count(name) > 1), None)
        return f"{_shown(value)} holds {show(twice)} twice; remove one" if twice else ""
    if isinstance(value, InlineImage):
        text = f"{_shown(value)} is an object; only values of the axis environment can be objects: write one value"
        return "" if axis == "environment" else text
    if axis in RESERVED_AXES and not (isinstance(value, str) and len(value) <= 63 and re.fullmatch(NAME, value)):
        return f"{show(value)} is no name; write a name of a catalog"
    return ""


def matches(matrix: BatchMatrix) -> Iterator[Problem]:
    """What changes the grid names axes, with values of the right kind."""
    spec = matrix.spec
    axes = {axis.name for axis in spec.axes}
    for index, exclude in enumerate(() if spec.cells else spec.exclude):  # else grid_form has said it
        yield from _match(exclude, ("spec", "exclude", index), axes)
    for index, include in enumerate(() if spec.cells else spec.include):
        path: Path = ("spec", "include", index)
        yield from _match(include.match, (*path, "match"), axes, alternatives=False)
        for name in include.set.parameters:
            where = field_path((*path, "set", "parameters", name))
            if name in axes or name in RESERVED_AXES:
                yield Problem(where, f"{show(name)} is an axis; put it under match")
            elif name.startswith(RESERVED):
                yield Problem(where, reserved(show(name)))
    for index, override in enumerate(() if spec.cells else spec.overrides):
        yield from _match(override.match, ("spec", "overrides", index, "match"), axes)


def whens(matrix: BatchMatrix) -> Iterator[Problem]:
    """What judges cells names axes, parameters or labels, with values of the right kind."""
    spec = matrix.spec
    axes = {axis.name for axis in spec.axes}
    cells = {*RESERVED_AXES, *(name for cell in spec.cells for name in cell.parameters)} if spec.cells else set()
    known = axes | cells | {name for include in spec.include for name in include.set.parameters}
    for field in ("checks", "gates"):
        for index, rule in enumerate(getattr(spec, field)):
            when: Path = ("spec", field, index, "when")
            yield from _match(rule.when, when, known | set(spec.labels), what="axis or label")
    if spec.baseline is not None and spec.baseline.match is not None:
        yield from _match(spec.baseline.match, ("spec", "baseline", "match"), known)


def _match(
    match: Mapping[str, MatchValue],
    path: Path,
    known: set[str],
    *,
    alternatives: bool = True,
    what: str = "axis",
) -> Iterator[Problem]:
    for name, value in match.items():
        where = field_path((*path, name))
        if name not in known:
            remedy = f"has this name; write one of: {', '.join(sorted(known))}" if known else "is there; remove it"
            yield Problem(where, one_line(f"no {what} {remedy}"))
            continue
        if not isinstance(value, tuple):
            wrongs = [_kind(name, value)]
        elif alternatives:
            wrongs = [_kind(name, item) for item in value]
        elif name != "mitigation":
            wrongs = ["is a list; an include adds one cell, so write one value"]
        elif not all(isinstance(item, str) for item in value):
            wrongs = ["is a list of more than names; an include adds one cell, so write one stack"]
        else:
            wrongs = [_kind(name, tuple(str(item) for item in value))]
        for wrong in dict.fromkeys(filter(None, wrongs)):
            yield Problem(where, wrong)


def labels(matrix: BatchMatrix) -> Iterator[Problem]:
    """A label and an axis or parameter of one name could not be told apart by `when`."""
    spec = matrix.spec
    names = {axis.name for axis in spec.axes}
    names |= {name for include in spec.include for name in include.set.parameters}
    names |= {name for cell in spec.cells for name in cell.parameters}
    names |= set(RESERVED_AXES) if spec.cells else set()
    for name in spec.labels:
        if name in names:
            text = f"{show(name)} is the name of an axis or a parameter; rename one of them"
            yield Problem(field_path(("spec", "labels", name)), text)


def explicit_cells(matrix: BatchMatrix) -> Iterator[Problem]:
    """Names that are told apart on every file system, and parameters that can be variables."""
    seen: dict[str, str] = {}
    for index, cell in enumerate(matrix.spec.cells):
        path: Path = ("spec", "cells", index)
        folded = cell.name.lower()
        if folded in seen:
            same = "is the name of an earlier cell" if seen[folded] == cell.name else f"differs from {seen[folded]!r} "
            same += "" if seen[folded] == cell.name else "by case alone"
            yield Problem(field_path((*path, "name")), f"{show(cell.name)} {same}; rename one of them")
        seen.setdefault(folded, cell.name)
        for name in cell.parameters:
            where = field_path((*path, "parameters", name))
            if name in RESERVED_AXES:
                yield Problem(where, f"{show(name)} is no parameter; write it as a field of the cell")
            elif name.startswith(RESERVED):
                yield Problem(where, reserved(show(name)))
        twice = next((name for name in cell.mitigations if cell.mitigations.count(name) > 1), None)
        if twice:
            yield Problem(field_path((*path, "mitigations")), f"holds {show(twice)} twice; remove one")
        if isinstance(cell.environment, str) and not re.fullmatch(NAME, cell.environment):
            text = f"{show(cell.environment)} is no name; write a name of a catalog, or {{image: ...}}"
            yield Problem(field_path((*path, "environment")), text)


def cell_settings(matrix: BatchMatrix) -> Iterator[Problem]:
    """What single cells have of their own is right by itself."""
    spec = matrix.spec
    all_settings: list[tuple[CellSettings, Path]] = [
        *((one.set, ("spec", "include", index, "set")) for index, one in enumerate(spec.include)),
        *((one.set, ("spec", "overrides", index, "set")) for index, one in enumerate(spec.overrides)),
        *((cell, ("spec", "cells", index)) for index, cell in enumerate(spec.cells)),
    ]
    for settings, path in all_settings:
        for name in settings.extra_env:
            if name.startswith(RESERVED):
                yield Problem(field_path((*path, "extraEnv", name)), reserved(show(name)))
        yield from resources_problems(settings.resources, (*path, "resources"))
