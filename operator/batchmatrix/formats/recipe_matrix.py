"""From a triage recipe to the matrix that tries the same cells, and back from places of the one to the other's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from batchmatrix.base.errors import Problem
from batchmatrix.base.ids import slug
from batchmatrix.formats.recipe import Recipe, RecipeConfound
from batchmatrix.model.v1alpha1 import NAME_LIMIT, InlineImage

__all__ = ["matrix_name", "recipe_matrix", "recipe_problem", "references"]

_PLACES = (
    (r"spec\.workload\.ref$", "workload"),
    (r"spec\.baseline.*", "confound.baseline_cell"),
    (r"spec\.(cells\[\d+\])\.extraEnv", r"\1.extra_env"),
    (r"spec\.(ticket|trials|steps|cells|confound)\b", r"\1"),
    (r"spec\.catalog\b", "catalog"),
    (r"metadata\.name$", "--name"),
    (r"metadata\.namespace$", "--namespace"),
)
"""What stands where in a matrix, and where the recipe, its catalogs or the command line say it."""

_WORDS = {"extraEnv": "extra_env", "spec.steps": "steps", "spec.workload": "the workload"}
"""The same for what messages speak of."""

_QUOTED = re.compile(r"""(?<!\w)('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""")
"""Values of users, which no word of ours replaces."""

_OF_WORKLOAD = "spec.workload."


def matrix_name(recipe: Recipe) -> str:
    """Ticket and workload as a DNS label that fits a matrix, such as `gpu-151-fsdp`."""
    both = recipe.workload if recipe.ticket is None else f"{recipe.ticket}-{recipe.workload}"
    return slug(both)[:NAME_LIMIT].strip("-")


def recipe_matrix(recipe: Recipe, *, name: str, namespace: str = "") -> dict[str, Any]:
    """The BatchMatrix, as plain data, with the same cells in the same order; names stay names.

    A triage looks at failures and forbids none, so every cell is expected to end in any way.
    """
    cells = []
    for cell in recipe.cells:
        one: dict[str, Any] = {
            "name": cell.name,
            "mitigations": list(cell.mitigations),
            "environment": _environment(cell.environment),
        }
        one |= {"extraEnv": dict(cell.extra_env)} if cell.extra_env else {}
        one |= {"trials": cell.trials} if cell.trials is not None else {}
        one |= {"steps": cell.steps} if cell.steps is not None else {}
        cells.append(one)
    spec: dict[str, Any] = {
        **({"ticket": recipe.ticket} if recipe.ticket is not None else {}),
        "cells": cells,
        "workload": {"ref": recipe.workload},
        "trials": recipe.trials,
        **({"steps": recipe.steps} if recipe.steps is not None else {}),
        "expect": {"outcome": "any"},
        "baseline": {"cell": recipe.baseline},
        "confound": {"threshold": (recipe.confound or RecipeConfound()).threshold},
    }
    return {
        "apiVersion": "batchmatrix.dev/v1alpha1",
        "kind": "BatchMatrix",
        "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
        "spec": spec,
    }


def _environment(value: str | InlineImage) -> str | dict[str, str]:
    return {"image": value.image} if isinstance(value, InlineImage) else value


def recipe_problem(problem: Problem) -> Problem:
    """The same problem where the author of the recipe finds it; what a catalog says begins with `catalog`."""
    message = "".join(part if number % 2 else _told(part) for number, part in enumerate(_QUOTED.split(problem.message)))
    if problem.path.startswith(_OF_WORKLOAD) and problem.path != "spec.workload.ref":
        return Problem("workload", f"{problem.path.removeprefix(_OF_WORKLOAD)}: {message}")
    for pattern, place in _PLACES:
        found = re.match(pattern, problem.path)
        if found:
            return Problem(found.expand(place) + problem.path[found.end() :], message)
    return Problem(problem.path, message)


def _told(text: str) -> str:
    for ours, theirs in _WORDS.items():
        text = text.replace(ours, theirs)
    return text


def references(recipe: Recipe) -> Iterator[tuple[str, str, str]]:
    """Path in the recipe, registry and name of everything that a catalog has to tell."""
    yield "workload", "workloads", recipe.workload
    for index, cell in enumerate(recipe.cells):
        for name in cell.mitigations:
            yield f"cells[{index}].mitigations", "mitigations", name
        if isinstance(cell.environment, str):
            yield f"cells[{index}].environment", "environments", cell.environment
