"""The grid made into combinations: product, exclude, include, overrides, or cells as they are written out.

Exclude and include follow GitHub's rules for job matrices: exclude first, each by a partial match; then each include
in order adds to every combination of the product that it agrees with on the axes it names, where a later one may
change what an earlier one added but never a value of an axis; one that agrees with none makes a combination of its
own, which later includes leave alone. (GitHub Docs, "Running variations of jobs in a workflow".) Sizes are known
before anything is made.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.base.text import one_line
from batchmatrix.model.cell import Scalar
from batchmatrix.model.v1alpha1 import Axis, Entry, ExplicitCell, InlineImage, Match, MatchValue, Spec
from batchmatrix.plan.combination import NO_SETTINGS, Combination
from batchmatrix.plan.text import scalar_text

__all__ = ["Excluded", "Expansion", "Rule", "expand", "label_of", "match_text", "size_of"]


@dataclass(frozen=True, slots=True)
class Excluded:
    """A combination of the product that is left out."""

    values: dict[str, Scalar]
    rule: int
    """Index of the first rule in spec.exclude that fits it."""


@dataclass(slots=True)
class Expansion:
    """All combinations in their order, and what became of the rules."""

    combinations: list[Combination] = field(default_factory=list)
    excluded: list[Excluded] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    """Paths of excludes and overrides that fit no combination."""


def label_of(value: Entry) -> Scalar:
    """How a value of an axis is shown and told apart: a stack as `a+b`, an inline image by its name."""
    if isinstance(value, InlineImage):
        return value.name
    return "+".join(value) if isinstance(value, tuple) else value


def size_of(spec: Spec) -> int:
    """Most cells that the grid can have, without making any."""
    return math.prod(len(axis.values) for axis in spec.axes) + len(spec.include) if spec.axes else len(spec.cells)


def expand(spec: Spec, *, max_cells: int) -> Expansion:
    """Every combination, the last axis fastest, then those that includes make, in their order.

    Raises InvalidSpec where there may be more than `max_cells`, before the first one is made, and where an include
    makes a combination that is incomplete or there already.
    """
    size = math.prod(len(axis.values) for axis in spec.axes) if spec.axes else len(spec.cells)
    if size > max_cells:
        if not spec.axes:
            text = f"are {size}; this operator takes at most {max_cells}: remove some"
            raise InvalidSpec([Problem("spec.cells", text)])
        factors = " x ".join(str(len(axis.values)) for axis in spec.axes)
        text = f"{factors} values make {size} cells; this operator takes at most {max_cells}: remove values or axes"
        raise InvalidSpec([Problem("spec.axes", text)])
    if not spec.axes:
        return Expansion([_explicit(cell, index) for index, cell in enumerate(spec.cells)])
    expansion = Expansion()
    _exclude(spec, expansion)
    _include(spec, expansion)
    _override(spec, expansion)
    if not expansion.combinations:
        raise InvalidSpec([Problem("spec.exclude", "leaves no cell at all; remove a rule")])
    if len(expansion.combinations) > max_cells:
        text = f"makes {len(expansion.combinations)} cells; this operator takes at most {max_cells}: remove some"
        raise InvalidSpec([Problem("spec.include", text)])
    return expansion


# -- matching -----------------------------------------------------------------------------------------------------


def _key(value: Entry) -> str:
    """What makes values of one axis the same; a stack of one is its name."""
    return scalar_text(label_of(value))


def _keys(name: str, value: MatchValue, *, alternatives: bool) -> frozenset[str]:
    """Keys of the values of axis `name` that `value` fits."""
    if not isinstance(value, tuple):
        return frozenset((_key(value),))
    if alternatives:
        return frozenset(_key(item) for item in value)
    return frozenset((_key(tuple(str(item) for item in value)),))


class Rule:
    """A match, ready to be held against many combinations."""

    def __init__(self, match: Mapping[str, MatchValue], *, alternatives: bool = True) -> None:
        self._wanted = [(name, _keys(name, value, alternatives=alternatives)) for name, value in sorted(match.items())]

    def fits(self, values: Mapping[str, Scalar]) -> bool:
        """Whether it agrees on every axis that it names."""
        return all(name in values and scalar_text(values[name]) in keys for name, keys in self._wanted)


def match_text(match: Mapping[str, MatchValue]) -> str:
    """A match in words: `mitigation=none, size=8 or 32`."""
    parts = []
    for name, value in match.items():
        items = value if isinstance(value, tuple) else (value,)
        parts.append(f"{name}={' or '.join(scalar_text(label_of(item)) for item in items)}")
    return ", ".join(parts)


# -- product and exclude ------------------------------------------------------------------------------------------


def _exclude(spec: Spec, expansion: Expansion) -> None:
    rules = [Rule(match) for match in spec.exclude]
    used: set[int] = set()
    for entries in itertools.product(*(axis.values for axis in spec.axes)):
        values = {axis.name: label_of(entry) for axis, entry in zip(spec.axes, entries, strict=True)}
        rule = next((index for index, one in enumerate(rules) if one.fits(values)), None)
        if rule is None:
            expansion.combinations.append(_combination(spec.axes, entries, values))
        else:
            expansion.excluded.append(Excluded(values, rule))
            used.add(rule)
    # a rule that fits only what an earlier one has taken is no mistake of the same kind, but it does nothing either
    expansion.unused += [f"spec.exclude[{index}]" for index in range(len(rules)) if index not in used]


def _combination(
    axes: Sequence[Axis], entries: Sequence[Entry], values: dict[str, Scalar], origin: str = "axes"
) -> Combination:
    parameters: dict[str, Scalar] = {}
    mitigations: tuple[str, ...] = ()
    environment = inline = hardware = None
    for axis, entry in zip(axes, entries, strict=True):
        match axis.name:
            case "mitigation":
                mitigations = entry if isinstance(entry, tuple) else (str(entry),)
            case "environment":
                environment = str(values["environment"])
                inline = entry.image if isinstance(entry, InlineImage) else None
            case "hardware":
                hardware = str(entry)
            case name:
                parameters[name] = values[name]
    return Combination(values, parameters, mitigations, environment, inline, hardware, origin=origin)


# -- include and overrides ----------------------------------------------------------------------------------------


def _include(spec: Spec, expansion: Expansion) -> None:
    product = len(expansion.combinations)
    problems: list[Problem] = []
    there = {_identity(one.values) for one in expansion.combinations}
    for index, include in enumerate(spec.include):
        rule = Rule(include.match, alternatives=False)
        fitting = [at for at in range(product) if rule.fits(expansion.combinations[at].values)]
        for at in fitting:
            one = expansion.combinations[at]
            expansion.combinations[at] = replace(
                one,
                settings=one.settings.with_(include.set),
                parameters={**one.parameters, **include.set.parameters},
                values={**one.values, **include.set.parameters},
            )
        if fitting:
            continue
        missing = [axis.name for axis in spec.axes if axis.name not in include.match]
        path = f"spec.include[{index}].match"
        if missing:
            text = f"fits no cell of the axes, and a cell of its own needs every axis; add {', '.join(missing)}"
            problems.append(Problem(path, one_line(text)))
            continue
        made = _new(spec, include.match, f"spec.include[{index}]")
        made = replace(
            made,
            settings=NO_SETTINGS.with_(include.set),
            parameters={**made.parameters, **include.set.parameters},
            values={**made.values, **include.set.parameters},
        )
        if _identity(made.values) in there:
            problems.append(Problem(path, "makes a cell that an earlier include makes; join the two"))
        there.add(_identity(made.values))
        expansion.combinations.append(made)
    if problems:
        raise InvalidSpec(problems)


def _identity(values: Mapping[str, Scalar]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, scalar_text(value)) for name, value in values.items()))


def _new(spec: Spec, match: Match, origin: str) -> Combination:
    entries: list[Entry] = []
    for axis in spec.axes:
        wanted = match[axis.name]
        entries.append(tuple(str(item) for item in wanted) if isinstance(wanted, tuple) else wanted)
    values = {axis.name: label_of(entry) for axis, entry in zip(spec.axes, entries, strict=True)}
    return _combination(spec.axes, entries, values, origin)


def _override(spec: Spec, expansion: Expansion) -> None:
    for index, override in enumerate(spec.overrides):
        rule = Rule(override.match)
        used = False
        for at, one in enumerate(expansion.combinations):
            if rule.fits(one.values):
                expansion.combinations[at] = replace(one, settings=one.settings.with_(override.set))
                used = True
        if not used:
            expansion.unused.append(f"spec.overrides[{index}]")


# -- cells --------------------------------------------------------------------------------------------------------


def _explicit(cell: ExplicitCell, index: int) -> Combination:
    values: dict[str, Scalar] = {}
    inline = environment = None
    if cell.mitigations:
        values["mitigation"] = "+".join(cell.mitigations)
    if cell.environment is not None:
        inline = cell.environment.image if isinstance(cell.environment, InlineImage) else None
        environment = str(label_of(cell.environment))
        values["environment"] = environment
    if cell.hardware is not None:
        values["hardware"] = cell.hardware
    return Combination(
        values={**values, **cell.parameters},
        parameters=dict(cell.parameters),
        mitigations=cell.mitigations,
        environment=environment,
        inline_image=inline,
        hardware=cell.hardware,
        settings=NO_SETTINGS.with_(cell),
        name=cell.name,
        origin=f"spec.cells[{index}]",
    )
