"""A triage written on the command line: two axes, and every combination of their values as a cell of a recipe."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.formats.recipe import INLINE_FORM, SCHEMA_VERSION, Recipe, parse_recipe
from batchmatrix.model.v1alpha1 import InlineImage
from batchmatrix.model.v1alpha1._types import show

__all__ = ["FLAGS", "Axes", "flag_path", "recipe_from_flags"]

FLAGS = {
    "workload": "--workload",
    "mitigation_axis": "--mitigation-axis",
    "environment_axis": "--environment-axis",
    "trials": "--trials",
    "steps": "--steps",
    "ticket": "--ticket",
    "baseline_cell": "--baseline-cell",
    "confound_threshold": "--confound-threshold",
}
"""Everything that a recipe file says and a flag can say, as a name of Python and as a person writes it."""

_REQUIRED = ("workload", "mitigation_axis", "environment_axis", "trials")
_BETWEEN, _STACKED, _IMAGE = ",", "+", "image:"
_CELL_FLAGS = {"mitigations": "--mitigation-axis", "environment": "--environment-axis"}
_PLACES = {
    "workload": "--workload",
    "trials": "--trials",
    "steps": "--steps",
    "ticket": "--ticket",
    "confound.baseline_cell": "--baseline-cell",
    "confound.threshold": "--confound-threshold",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """What the flags say; None where one is not given."""

    workload: str | None = None
    """Name of a workload."""
    mitigation_axis: str | None = None
    """Mitigations with commas between them; a plus sign stacks: `none,a,a+b`."""
    environment_axis: str | None = None
    """Environments with commas between them; `image:REF` is an image in place of a name."""
    trials: int | None = None
    steps: int | None = None
    ticket: str | None = None
    baseline_cell: str | None = None
    """Name of a cell."""
    confound_threshold: float | None = None
    """Ratio of step times."""

    @property
    def given(self) -> list[str]:
        """The flags that are there."""
        return [flag for name, flag in FLAGS.items() if getattr(self, name) is not None]


def recipe_from_flags(axes: Axes) -> Recipe:
    """The recipe with one cell `<mitigation>-<environment>` for each combination, environments fastest.

    In the name of a cell, stacked mitigations have a full stop between them. Raises InvalidSpec with every problem,
    each at the flag that has it.
    """
    missing = [FLAGS[name] for name in _REQUIRED if getattr(axes, name) is None]
    if missing:
        raise InvalidSpec([Problem(flag, "is required without a recipe file; add it") for flag in missing])
    problems: list[Problem] = []
    stacks = _axis("--mitigation-axis", str(axes.mitigation_axis), problems)
    environments = _axis("--environment-axis", str(axes.environment_axis), problems)
    cells = [_cell(stack, item) for stack, item in itertools.product(stacks, environments)]
    confound = {"threshold": axes.confound_threshold, "baseline_cell": axes.baseline_cell}
    data: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "workload": axes.workload,
        "trials": axes.trials,
        "steps": axes.steps,
        "ticket": axes.ticket,
        "confound": {name: value for name, value in confound.items() if value is not None},
        "cells": cells,
    }
    try:
        recipe = parse_recipe(data)
    except InvalidSpec as error:
        problems += _of_flags(error.problems)
    else:
        if not problems:
            return recipe
    raise InvalidSpec(list(dict.fromkeys(problems)))


def flag_path(path: str) -> str:
    """The flag that says what stands at `path` of a recipe."""
    if path.startswith("cells"):
        return _CELL_FLAGS.get(path.rpartition(".")[2], "--mitigation-axis, --environment-axis")
    return _PLACES.get(path, path)


def _axis(flag: str, text: str, problems: list[Problem]) -> list[str]:
    items = [item.strip() for item in text.split(_BETWEEN)]
    if not all(items):
        problems.append(Problem(flag, f"{show(text)} has an empty item; write names with commas between them"))
    for item in dict.fromkeys(items):
        if item and items.count(item) > 1:
            problems.append(Problem(flag, f"{show(item)} is there twice; remove one"))
    return [item for item in dict.fromkeys(items) if item]


def _cell(stack: str, item: str) -> dict[str, Any]:
    mitigations = [name.strip() for name in stack.split(_STACKED)]
    image = item.removeprefix(_IMAGE) if item.startswith(_IMAGE) else None
    name = item if image is None else InlineImage(image).name
    environment = item if image is None else {"docker": image}
    return {
        "name": f"{'.'.join(mitigations)}-{name}",
        "mitigations": mitigations,
        "environment": environment,
    }


def _of_flags(found: tuple[Problem, ...]) -> Iterator[Problem]:
    """The same problems at their flags; a name that follows from wrong parts is not said to be wrong as well."""
    wrong_parts = any(problem.path.rpartition(".")[2] in _CELL_FLAGS for problem in found)
    for problem in found:
        message = problem.message.replace(INLINE_FORM, f"{_IMAGE}IMAGE")
        if problem.path.endswith(".name"):
            if wrong_parts:
                continue
            message = f"the name of a cell, {message}"
        yield Problem(flag_path(problem.path), message)
