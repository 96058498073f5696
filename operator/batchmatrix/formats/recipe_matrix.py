"""From a triage recipe to the matrix that tries the same cells, and back from places of the one to the other's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from batchmatrix.base.ids import slug
from batchmatrix.formats.recipe import Recipe, RecipeConfound
from batchmatrix.model.v1alpha1 import NAME_LIMIT, InlineImage

__all__ = ["matrix_name", "recipe_matrix", "recipe_path", "references"]

_RENAMED = (
    (r"spec\.workload(\.ref)?$", "workload"),
    (r"spec\.baseline.*", "confound.baseline_cell"),
    (r"spec\.confound", "confound"),
    (r"spec\.(cells\[\d+\])\.extraEnv", r"\1.extra_env"),
    (r"spec\.(ticket|trials|steps|cells)", r"\1"),
)


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
        inline = isinstance(cell.environment, InlineImage)
        one: dict[str, Any] = {
            "name": cell.name,
            "mitigations": list(cell.mitigations),
            "environment": {"image": cell.environment.image} if inline else cell.environment,
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


def recipe_path(path: str) -> str:
    """Where the recipe says what stands at `path` of its matrix; the same path where it says nothing about it."""
    for pattern, place in _RENAMED:
        found = re.match(pattern, path)
        if found:
            return found.expand(place) + path[found.end() :]
    return path


def references(recipe: Recipe) -> Iterator[tuple[str, str, str]]:
    """Path in the recipe, registry and name of everything that a catalog has to tell."""
    yield "workload", "workloads", recipe.workload
    for index, cell in enumerate(recipe.cells):
        for name in cell.mitigations:
            yield f"cells[{index}].mitigations", "mitigations", name
        if isinstance(cell.environment, str):
            yield f"cells[{index}].environment", "environments", cell.environment
