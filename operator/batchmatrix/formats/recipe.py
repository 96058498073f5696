"""Triage recipes, schema v1: which cells a triage tries, read strictly from YAML or JSON.

A recipe names a workload and lists cells, each with mitigations that are used together and an environment. The form
is the one of `aorta triage run` (ROCm/aorta); docs/reference/recipes.md has its rules and says which are ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator

from batchmatrix.base.documents import Document, read_documents
from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.formats.recipe_rules import baseline_of, between_cells
from batchmatrix.model.v1alpha1 import InlineImage
from batchmatrix.model.v1alpha1._types import NAME, STACK_LIMIT, Name, Variables, refuse, show
from batchmatrix.model.v1alpha1.grid import Steps, Trials
from batchmatrix.model.v1alpha1.parse import validated

__all__ = [
    "INLINE_FORM",
    "RESERVED_NAMES",
    "SCHEMA_VERSION",
    "Recipe",
    "RecipeCell",
    "RecipeConfound",
    "parse_recipe",
    "read_recipe",
]

SCHEMA_VERSION = 1

RESERVED_NAMES = ("matrix.md", "matrix.json")
"""Names that a cell must not have, because results lie beside the cells' folders under them."""

INLINE_FORM = "{docker: IMAGE}"
"""How an image is written in place of an environment's name."""

_IMAGE = re.compile(r"[A-Za-z0-9][-A-Za-z0-9._/:@]{0,511}")


def _version(value: object) -> int:
    if type(value) is not int or value != SCHEMA_VERSION:  # True is no version, though it equals 1
        refuse(f"{show(value)} is not known; this version reads schema_version: {SCHEMA_VERSION}")
    return value


def _cell_name(name: str) -> str:
    if name in RESERVED_NAMES:
        refuse(f"{show(name)} is reserved; rename the cell")
    return name


def _mitigations(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        refuse(f"{show(value)} is not a list; write names of mitigations, such as [none]")
    if not value:
        refuse("is an empty list; write [none] for a cell without mitigation")
    if len(value) > STACK_LIMIT:
        refuse(f"stacks {len(value)} mitigations; write at most {STACK_LIMIT}")
    for name in value:
        if not isinstance(name, str) or len(name) > 63 or not re.fullmatch(NAME, name):
            refuse(f"{show(name)} is no name of a mitigation; write letters, digits, '-', '_' and '.'")
        if value.count(name) > 1:
            refuse(f"holds {show(name)} twice; remove one")
    return tuple(value)


def _environment(value: object) -> str | InlineImage:
    if isinstance(value, str):
        if len(value) > 63 or not re.fullmatch(NAME, value):
            refuse(f"{show(value)} is no name of an environment; write one, or {INLINE_FORM}")
        return value
    if not isinstance(value, Mapping):
        refuse(f"{show(value)} is no environment; write its name, or {INLINE_FORM}")
    unknown = sorted(str(key) for key in value if key != "docker")
    if unknown:
        refuse(f"has the unknown key {show(unknown[0])}; write {INLINE_FORM} and nothing else")
    image = value.get("docker")
    if not isinstance(image, str) or not _IMAGE.fullmatch(image):
        refuse(f"docker: {show(image)} is no image; write a reference such as registry.example/team/image:tag")
    return InlineImage(image)


class _Part(BaseModel):
    """No unknown key, no conversion between types; a key of a recipe is written as it is here."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, alias_generator=lambda name: name)


class RecipeConfound(_Part):
    """When a cell may only seem to help because it is slower."""

    threshold: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] = 1.15
    """Ratio of step times to the baseline above which a cell is flagged."""
    baseline_cell: str | None = None
    """Name of the cell that others are compared with."""


class RecipeCell(_Part):
    """One row of the matrix."""

    name: Annotated[Name, AfterValidator(_cell_name)]
    """Its own among all cells."""
    mitigations: Annotated[tuple[str, ...], PlainValidator(_mitigations)]
    """Names of mitigations that are used together; [none] changes nothing."""
    environment: Annotated[str | InlineImage, PlainValidator(_environment)]
    """Name of an environment, or an image in its place."""
    extra_env: Variables | None = None
    """Variables that win over those of the mitigations."""
    trials: Trials | None = None
    """In place of the recipe's."""
    steps: Steps | None = None
    """In place of the recipe's."""


class Recipe(_Part):
    """A triage, checked but for what only catalogs can tell."""

    schema_version: Annotated[int, PlainValidator(_version)]
    ticket: Name | None = None
    """Groups the runs of one investigation."""
    workload: Name
    """Name of a workload in a catalog."""
    trials: Trials
    """Repetitions of each cell."""
    steps: Steps | None
    """Steps of each trial; null where that is left to the workload."""
    confound: RecipeConfound | None = None
    cells: Annotated[tuple[RecipeCell, ...], Field(strict=False, min_length=1, max_length=256)]

    @property
    def baseline(self) -> str:
        """The cell named as such, else the first named baseline-*, else the first with [none], else the only one."""
        named = self.confound.baseline_cell if self.confound is not None else None
        found = named or baseline_of([(cell.name, cell.mitigations) for cell in self.cells])
        assert found is not None, "parse_recipe refuses recipes without a baseline"
        return found


def parse_recipe(data: Mapping[str, Any]) -> Recipe:
    """The recipe that `data` stands for. Raises InvalidSpec with every problem, paths as they are in a recipe."""
    if "schema_version" in data:
        _known_version(data)
    problems: list[Problem] = []
    recipe: Recipe | None = None
    try:
        recipe = validated(Recipe, data)
    except InvalidSpec as error:
        problems += error.problems
    problems += between_cells(data)
    if problems or recipe is None:
        raise InvalidSpec(problems)
    return recipe


class _Versioned(_Part):
    model_config = ConfigDict(extra="ignore")

    schema_version: Annotated[int, PlainValidator(_version)]


def _known_version(data: Mapping[str, Any]) -> None:
    """Of a version that is not known nothing else can be said."""
    validated(_Versioned, data)


def read_recipe(text: str, *, source: str) -> tuple[Recipe, Document]:
    """The recipe of a file that holds nothing else, and its document, which knows where everything stands.

    Raises InvalidSpec with every problem, each as `source:line:column: path`.
    """
    documents, problems = read_documents(text, source=source)
    if problems:
        raise InvalidSpec(problems)
    if len(documents) > 1:
        raise InvalidSpec([Problem(source, f"holds {len(documents)} documents; write each recipe into its own file")])
    return documents[0].parse(parse_recipe), documents[0]
