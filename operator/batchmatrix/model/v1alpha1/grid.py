"""The grid: axes, what is added to and taken from their product, and what single cells have of their own."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from batchmatrix.model.v1alpha1._types import (
    STACK_LIMIT,
    ApiModel,
    AxisEntry,
    AxisValue,
    Duration,
    EnvironmentRef,
    Image,
    Match,
    Name,
    Variable,
    Variables,
    cel,
)
from batchmatrix.model.v1alpha1.workload import POSITIVE, ExitCodes, Resources

__all__ = [
    "RESERVED_AXES",
    "TRIALS_LIMIT",
    "Axis",
    "CellSettings",
    "Exclude",
    "Expect",
    "ExplicitCell",
    "Include",
    "IncludeSettings",
    "Override",
    "Steps",
    "Trials",
]

RESERVED_AXES = ("mitigation", "environment", "hardware")
"""Axes whose values are names in a catalog; every other axis is a parameter."""

TRIALS_LIMIT = 99_999
"""Of one cell."""

Trials = Annotated[int, Field(ge=1, le=TRIALS_LIMIT)]
Steps = Annotated[int, Field(ge=1, le=2**31 - 1)]
Parameters = Annotated[dict[Variable, AxisValue], Field(max_length=8)]

_NO_RESERVED = (
    "!self.name.startsWith('BATCHMATRIX_')",
    "name must not begin with BATCHMATRIX_, which is reserved",
)


class Axis(ApiModel):
    """One dimension of the grid."""

    model_config = ConfigDict(json_schema_extra=cel(_NO_RESERVED))

    name: Variable = Field(
        description="mitigation, environment, hardware, or a parameter, which trials get as a variable of this name, "
        "taken literally."
    )
    values: Annotated[tuple[AxisEntry, ...], Field(strict=False, min_length=1, max_length=64)] = Field(
        description="Texts, numbers or booleans; names of a catalog for mitigation (a list: used together), "
        "environment ({image: ...} too) and hardware."
    )


class Expect(ApiModel):
    """What a cell has to show to be as it should be."""

    outcome: Literal["success", "fail", "any"] = Field(
        default="success",
        description="success: every trial succeeds; fail: every trial fails by its own doing; any: both are fine.",
    )


class CellSettings(ApiModel):
    """What single cells have in place of the spec's own."""

    trials: Trials | None = Field(default=None, description="Repetitions.")
    steps: Steps | None = Field(default=None, description="Steps of each trial, as BATCHMATRIX_STEPS.")
    extra_env: Variables = Field(
        default={},
        description="Variables, taken literally ($ too); they replace those of mitigations, environment and "
        "workload.env.",
    )
    resources: Resources = Field(
        default=Resources(), description="Quantities that replace those of workload.resources, one by one."
    )
    image: Image | None = Field(default=None, description="Image in place of the environment's and the workload's.")
    timeout: Duration | None = Field(
        default=None, description="In place of workload.timeout.", json_schema_extra=cel(POSITIVE)
    )
    allowed_exit_codes: ExitCodes | None = Field(default=None, description="In place of workload.allowedExitCodes.")
    expect: Expect | None = Field(default=None, description="In place of spec.expect.")


class IncludeSettings(CellSettings):
    """What an include gives to the cells it fits, or to the one it makes."""

    parameters: Parameters = Field(
        default={}, description="Further parameters, which no axis has; a later include may change them."
    )


class Include(ApiModel):
    """Adds to every cell of the product that agrees with `match`; where there is none, adds a cell."""

    match: Match = Field(
        default={}, description="Axis to value (a list: mitigations used together). A new cell names every axis."
    )
    set: IncludeSettings = Field(default=IncludeSettings(), description="What these cells have of their own.")


Exclude = Annotated[Match, Field(min_length=1)]


class Override(ApiModel):
    """Changes cells of the product."""

    match: Match = Field(
        default={}, description="Axis to value, or to a list of alternatives ([[a, b]] is one stack); {} is every cell."
    )
    set: CellSettings = Field(description="What these cells have of their own.")


class ExplicitCell(CellSettings):
    """A cell that is written out instead of following from axes."""

    name: Name = Field(description="Name in reports.")
    mitigations: Annotated[tuple[Name, ...], Field(strict=False, max_length=STACK_LIMIT)] = Field(
        default=(), description="Names of mitigations that are used together; none if empty."
    )
    environment: EnvironmentRef | None = Field(
        default=None, description="Name of an environment, or {image: ...}; the workload's own image if not given."
    )
    hardware: Name | None = Field(default=None, description="Name of a hardware entry; any node if not given.")
    parameters: Parameters = Field(default={}, description="Parameter to value.")
