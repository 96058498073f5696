"""What must hold once every name stands for something: looked at per kind of cell, before anything runs."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence, Set

from batchmatrix.base.errors import Problem
from batchmatrix.base.quantities import parse_quantity
from batchmatrix.base.text import one_line
from batchmatrix.model.v1alpha1 import LAUNCH_VARIABLES, CellSettings, Environment, Match, Spec
from batchmatrix.model.v1alpha1.parse import field_path
from batchmatrix.model.v1alpha1.rules import references
from batchmatrix.plan.combination import Combination
from batchmatrix.plan.match import Rule, label_of, match_text, stack_hint
from batchmatrix.plan.resolve import STEPS_VARIABLE, Unplaced

__all__ = ["check_baseline", "check_cells"]

_LIMIT = 50
_NAMES_LIMIT = 20


def check_cells(spec: Spec, cells: Sequence[Unplaced]) -> list[Problem]:
    """Problems of the cells of a spec that stands by itself; each is said once, however many cells have it."""
    problems: dict[str, Problem] = {}
    for cell in _kinds(cells):
        for problem in _of_cell(spec, cell):
            problems.setdefault(str(problem), problem)
        if len(problems) >= _LIMIT:
            break
    return list(problems.values())[:_LIMIT]


def _kinds(cells: Sequence[Unplaced]) -> Iterator[Unplaced]:
    """One cell of each kind: values of parameters change nothing that is looked at here."""
    seen = set()
    for cell in cells:
        one = cell.combination
        settings = one.settings
        key = (
            one.environment,
            one.hardware,
            one.mitigations,
            tuple(one.parameters),
            cell.steps is None,
            settings.image,
            tuple(settings.extra_env),
            tuple(settings.requests.items()),
            tuple(settings.limits.items()),
        )
        if key not in seen:
            seen.add(key)
            yield cell


def _of_cell(spec: Spec, cell: Unplaced) -> Iterator[Problem]:
    yield from _image(spec, cell)
    yield from _mitigations(spec, cell.combination)
    yield from _variables(spec, cell.combination)
    yield from _references(spec, cell)
    yield from _resources(spec, cell)


def _setter(spec: Spec, one: Combination, path: tuple[str, ...], key: str) -> str:
    """The place of what the cell has of its own at `path` under `key`: the last rule that sets it there."""
    places: list[tuple[tuple[int | str, ...], CellSettings, bool]] = [
        *((("spec", "cells", i), cell, one.origin == f"spec.cells[{i}]") for i, cell in enumerate(spec.cells)),
        *(
            (("spec", "include", i, "set"), rule.set, one.origin == f"spec.include[{i}]" or _added(rule.match, one))
            for i, rule in enumerate(spec.include)
        ),
        *(
            (("spec", "overrides", i, "set"), rule.set, Rule(rule.match).fits(one.values))
            for i, rule in enumerate(spec.overrides)
        ),
    ]
    for place, settings, holds in reversed(places):
        written = settings.model_dump(by_alias=True, exclude_unset=True)
        for step in path:
            written = written.get(step, {})
        if holds and key in written:
            return field_path((*place, *path, key))
    return "spec.axes"


def _added(match: Match, one: Combination) -> bool:
    return one.origin == "axes" and Rule(match, alternatives=False).fits(one.values)


def check_baseline(spec: Spec, cells: Sequence[Combination], names: Sequence[str]) -> list[Problem]:
    """A baseline that no cell is: nothing could be compared with it."""
    baseline = spec.baseline
    if baseline is None:
        return []
    if baseline.cell is not None and baseline.cell not in names:
        near = difflib.get_close_matches(baseline.cell, names, n=1) if len(names) <= _NAMES_LIMIT else []
        remedy = f"did you mean {near[0]}?" if near else f"write one of: {', '.join(names[:_NAMES_LIMIT])}"
        return [Problem("spec.baseline.cell", one_line(f"{baseline.cell!r}: no cell has this name; {remedy}"))]
    rule = Rule(baseline.match or {})
    if baseline.match is not None and not any(rule.fits(one.values) for one in cells):
        hint = stack_hint(baseline.match, {one.values.get("mitigation", "") for one in cells})
        text = f"{match_text(baseline.match)} fits no cell; write values that a cell has{hint}"
        return [Problem("spec.baseline.match", one_line(text))]
    return []


def _environment(spec: Spec, one: Combination) -> Environment | None:
    if one.environment is None or one.inline_image is not None:
        return None
    return spec.catalog.environments[one.environment]


def _image(spec: Spec, cell: Unplaced) -> Iterator[Problem]:
    if cell.image is not None or cell.rules:
        return
    one = cell.combination
    if one.environment is None:
        remedy = "add image or imagesByNode, or an axis environment"
        yield Problem("spec.workload", f"has no image; {remedy}")
    else:
        remedy = "add image or imagesByNode to one of the two"
        where = field_path(("spec", "catalog", "environments", one.environment))
        yield Problem(where, f"has no image, and spec.workload has none either; {remedy}")


def _mitigations(spec: Spec, one: Combination) -> Iterator[Problem]:
    """Two of one stack that set a variable to different values: one of them would do nothing."""
    seen: dict[str, tuple[str, str]] = {}
    for name in one.mitigations:
        for key, value in spec.catalog.mitigations[name].env.items():
            first, other = seen.setdefault(key, (name, value))
            if other != value and key not in one.settings.extra_env:
                text = (
                    f"mitigations {first} and {name} are used together and set {key} to {one_line(other, limit=40)!r} "
                    f"and {one_line(value, limit=40)!r}; do not stack them, or say which with extraEnv"
                )
                yield Problem(_stack_path(spec, one), one_line(text))


def _stack_path(spec: Spec, one: Combination) -> str:
    if one.origin != "axes":
        return f"{one.origin}.mitigations" if one.origin.startswith("spec.cells") else f"{one.origin}.match.mitigation"
    for index, axis in enumerate(spec.axes):
        for position, value in enumerate(axis.values if axis.name == "mitigation" else ()):
            if label_of(value) == one.values["mitigation"]:
                return f"spec.axes[{index}].values[{position}]"
    return "spec.axes"


def _variables(spec: Spec, one: Combination) -> Iterator[Problem]:
    """A variable that two places set: which one holds would depend on an order that nobody wrote."""
    user = {variable.name: index for index, variable in enumerate(spec.workload.env)}
    parameters = one.parameters.keys()
    extra = one.settings.extra_env
    for key in sorted(parameters & user.keys()):
        where = f"spec.workload.env[{user[key]}].name"
        yield Problem(where, f"{key!r} is set by the parameter of this name already; rename one of them")
    for key in sorted(parameters & extra.keys()):
        where = _setter(spec, one, ("extraEnv",), key)
        yield Problem(where, f"{key!r} is a parameter of the cell already; rename or remove one of them")
    environment = _environment(spec, one)
    if environment is not None:
        path = ("spec", "catalog", "environments", str(one.environment), "env")
        yield from _clashes(environment.env, parameters, user, extra, path)
    for name in one.mitigations:
        path = ("spec", "catalog", "mitigations", name, "env")
        yield from _clashes(spec.catalog.mitigations[name].env, parameters, user, extra, path)


def _clashes(
    env: Mapping[str, str],
    parameters: Set[str],
    user: Mapping[str, int],
    extra: Mapping[str, str],
    path: tuple[str, ...],
) -> Iterator[Problem]:
    for key in sorted(env):
        where = field_path((*path, key))
        if key in parameters:
            yield Problem(where, f"{key!r} is a parameter of a cell too; rename or remove one of them")
        elif key in user and key not in extra:
            yield Problem(where, f"{key!r} is set by workload.env too; remove one of them")


def _references(spec: Spec, cell: Unplaced) -> Iterator[Problem]:
    if spec.workload.env_from:
        return  # keys of a ConfigMap or Secret are not known here
    user = {variable.name: index for index, variable in enumerate(spec.workload.env)}
    known = set(LAUNCH_VARIABLES)
    for key, value in cell.work.env:
        if key in user and key not in cell.combination.settings.extra_env:  # all others are literals
            for name in dict.fromkeys(references(value)):
                if name not in known:
                    text = _too_early(name, key) if name in user else _unset(spec, cell, name)
                    yield Problem(f"spec.workload.env[{user[key]}].value", text)
        known.add(key)
    for field, texts in (("command", spec.workload.command), ("args", spec.workload.args)):
        for index, text in enumerate(texts):
            for name in dict.fromkeys(references(text)):
                if name not in known:
                    yield Problem(f"spec.workload.{field}[{index}]", _unset(spec, cell, name))


def _too_early(name: str, key: str) -> str:
    """Of a reference from the variable `key` to one that has no value yet."""
    literally = f"$$({name}) for a literal $({name})"
    if name == key:
        return f"$({name}) is {key} itself, which has no value yet; rename one, or write {literally}"
    return f"$({name}) is set after {key}; write it before {key}, or {literally}"


def _unset(spec: Spec, cell: Unplaced, name: str) -> str:
    if name == STEPS_VARIABLE:
        return f"$({name}) is set only where there are steps; set spec.steps"
    elsewhere = {key for one in spec.catalog.environments.values() for key in one.env}
    elsewhere |= {key for one in spec.catalog.mitigations.values() for key in one.env}
    elsewhere |= {key for include in spec.include for key in {**include.set.parameters, **include.set.extra_env}}
    elsewhere |= {key for one in spec.cells for key in {**one.parameters, **one.extra_env}}
    said = "is set by nothing"
    if name in elsewhere:
        values = ", ".join(f"{axis}={value}" for axis, value in cell.values.items())
        lacking = f"where {values}" if cell.combination.name is None else f"in {cell.combination.name}"
        said = f"is not set by every cell (not {lacking})"
    return one_line(f"$({name}) {said}; define {name}, or write $$({name}) for a literal $({name})")


def _resources(spec: Spec, cell: Unplaced) -> Iterator[Problem]:
    one = cell.combination
    device = None if one.hardware is None else spec.catalog.hardware[one.hardware].resource
    resources, settings = spec.workload.resources, one.settings
    if device is not None:
        where = field_path(("spec", "catalog", "hardware", str(one.hardware), "resource", "name"))
        if device.name in resources.limits or device.name in resources.requests:
            yield Problem(where, f"{device.name!r} is in spec.workload.resources too; remove it there")
        elif device.name in settings.limits or device.name in settings.requests:
            kind = "limits" if device.name in settings.limits else "requests"
            place = _setter(spec, one, ("resources", kind), device.name)
            yield Problem(place, f"is a resource that the hardware sets already ({where}); remove one of them")
    if not settings.requests and not settings.limits:
        return
    limits = cell.work.resources.get("limits", {})
    for name, request in cell.work.resources.get("requests", {}).items():
        limit = limits.get(name)
        if limit is not None and parse_quantity(request) > parse_quantity(limit):
            text = f"the request {request} is more than the limit {limit} once the cell's own are put in"
            kind = "requests" if name in settings.requests else "limits"
            place = _setter(spec, one, ("resources", kind), name)
            yield Problem(place, f"{text}; raise the limit or lower the request")
