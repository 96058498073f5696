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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.base.text import one_line, scalar_text
from batchmatrix.model.cell import Scalar
from batchmatrix.model.v1alpha1 import Entry, ExplicitCell, InlineImage, MatchValue, Spec
from batchmatrix.plan.combination import NO_SETTINGS, Combination, Settings
from batchmatrix.plan.match import Rule, key_of, label_of

__all__ = ["Excluded", "Expansion", "expand"]


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
    _product(_Grid(spec), expansion)
    if len(expansion.combinations) > max_cells:
        text = f"makes {len(expansion.combinations)} cells; this operator takes at most {max_cells}: remove some"
        raise InvalidSpec([Problem("spec.include", text)])
    return expansion


# -- product ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Value:
    """A value of an axis, with a bit for each rule that lets it pass: a rule fits where every value has its bit."""

    entry: Entry
    label: Scalar
    exclude: int
    include: int
    override: int


class _Grid:
    """All rules of a spec, and what the combinations that the same rules fit have in common."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.exclude = [Rule(match) for match in spec.exclude]
        self.include = [Rule(include.match, alternatives=False) for include in spec.include]
        self.override = [Rule(override.match) for override in spec.overrides]
        self._settings: dict[tuple[int, int], Settings] = {}
        self._added: dict[int, dict[str, Scalar]] = {}

    def value(self, axis: str, entry: Entry) -> _Value:
        """A value with its bits."""
        key = key_of(entry)

        def bits(rules: Sequence[Rule]) -> int:
            return sum(1 << index for index, rule in enumerate(rules) if rule.takes(axis, key))

        return _Value(entry, label_of(entry), bits(self.exclude), bits(self.include), bits(self.override))

    def settings(self, include: int, override: int) -> Settings:
        """What includes and overrides give together, a later one in the place of an earlier one."""
        key = include, override
        if key not in self._settings:
            found = NO_SETTINGS
            for index in _ones(include):
                found = found.with_(self.spec.include[index].set)
            for index in _ones(override):
                found = found.with_(self.spec.overrides[index].set)
            self._settings[key] = found
        return self._settings[key]

    def added(self, include: int) -> dict[str, Scalar]:
        """Parameters that includes add, in the order of their names: the API server sorts the keys of maps."""
        if include not in self._added:
            found: dict[str, Scalar] = {}
            for index in _ones(include):
                found.update(self.spec.include[index].set.parameters)
            self._added[include] = dict(sorted(found.items()))
        return self._added[include]


def _ones(bits: int) -> Iterator[int]:
    """Indices of the bits that are set, lowest first."""
    while bits:
        low = bits & -bits
        yield low.bit_length() - 1
        bits ^= low


def _product(grid: _Grid, expansion: Expansion) -> None:
    """Every combination of the axes, less what is excluded, with what includes and overrides give to it."""
    axes = grid.spec.axes
    names = [axis.name for axis in axes]
    table = [[grid.value(axis.name, entry) for entry in axis.values] for axis in axes]
    every = [(1 << len(rules)) - 1 for rules in (grid.exclude, grid.include, grid.override)]
    excluding = including = overriding = 0
    for picks in itertools.product(*table):
        exclude, include, override = every
        for pick in picks:
            exclude &= pick.exclude
            include &= pick.include
            override &= pick.override
        values = {name: pick.label for name, pick in zip(names, picks, strict=True)}
        if exclude:
            first = exclude & -exclude
            expansion.excluded.append(Excluded(values, first.bit_length() - 1))
            excluding |= first
            continue
        including |= include
        overriding |= override
        settings, added = grid.settings(include, override), grid.added(include)
        entries = [pick.entry for pick in picks]
        expansion.combinations.append(_combination(entries, values, settings=settings, added=added))
    if not expansion.combinations and not grid.spec.include:
        raise InvalidSpec([Problem("spec.exclude", "leaves no cell at all; remove a rule")])
    overriding |= _includes(grid, expansion, including)
    # a rule that fits only what an earlier one has taken is no mistake of the same kind, but it does nothing either
    expansion.unused += [f"spec.exclude[{i}]" for i in range(len(grid.exclude)) if not excluding >> i & 1]
    expansion.unused += [f"spec.overrides[{i}]" for i in range(len(grid.override)) if not overriding >> i & 1]


def _combination(
    entries: Sequence[Entry],
    values: dict[str, Scalar],
    *,
    settings: Settings,
    added: Mapping[str, Scalar],
    origin: str = "axes",
) -> Combination:
    parameters: dict[str, Scalar] = {}
    mitigations: tuple[str, ...] = ()
    environment = inline = hardware = None
    for (axis, label), entry in zip(values.items(), entries, strict=True):
        match axis:
            case "mitigation":
                mitigations = entry if isinstance(entry, tuple) else (str(entry),)
            case "environment":
                environment = str(label)
                inline = entry.image if isinstance(entry, InlineImage) else None
            case "hardware":
                hardware = str(entry)
            case _:
                parameters[axis] = label
    if added:
        values, parameters = {**values, **added}, {**parameters, **added}
    return Combination(values, parameters, mitigations, environment, inline, hardware, settings, origin=origin)


# -- cells that includes make -------------------------------------------------------------------------------------


def _includes(grid: _Grid, expansion: Expansion, fitting: int) -> int:
    """A cell for each include that fits none of the product; bits of the overrides that fit one of them."""
    spec = grid.spec
    problems: list[Problem] = []
    there: set[tuple[tuple[str, str], ...]] = set()
    used = 0
    for index, include in enumerate(spec.include):
        if fitting >> index & 1:
            continue
        path = f"spec.include[{index}]"
        missing = [axis.name for axis in spec.axes if axis.name not in include.match]
        if missing:
            text = f"fits no cell of the axes, and a cell of its own needs every axis; add {', '.join(missing)}"
            problems.append(Problem(f"{path}.match", one_line(text)))
            continue
        entries = [_entry(include.match[axis.name]) for axis in spec.axes]
        values = {axis.name: label_of(entry) for axis, entry in zip(spec.axes, entries, strict=True)}
        override = sum(1 << i for i, rule in enumerate(grid.override) if rule.fits(values))
        used |= override
        settings, added = grid.settings(1 << index, override), grid.added(1 << index)
        made = _combination(entries, values, settings=settings, added=added, origin=path)
        identity = tuple(sorted((name, scalar_text(value)) for name, value in made.values.items()))
        if identity in there:
            problems.append(Problem(f"{path}.match", "makes a cell that an earlier include makes; join the two"))
        there.add(identity)
        expansion.combinations.append(made)
    if problems:
        raise InvalidSpec(problems)
    return used


def _entry(wanted: MatchValue) -> Entry:
    """What an include's match says of one axis, as a value of it: a list is a stack."""
    return tuple(str(item) for item in wanted) if isinstance(wanted, tuple) else wanted


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
    parameters = dict(sorted(cell.parameters.items()))  # the API server sorts the keys of maps
    return Combination(
        values={**values, **parameters},
        parameters=parameters,
        mitigations=cell.mitigations,
        environment=environment,
        inline_image=inline,
        hardware=cell.hardware,
        settings=NO_SETTINGS.with_(cell),
        name=cell.name,
        origin=f"spec.cells[{index}]",
    )
