"""BatchMatrix itself: axes and everything that says how their cells run."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from batchmatrix.model.cell import GROUP, VERSION
from batchmatrix.model.v1alpha1._types import ApiModel, AxisValue, Variable, cel, list_map
from batchmatrix.model.v1alpha1.catalog import Catalog
from batchmatrix.model.v1alpha1.policy import Logs, Metric, Pending, Placement, Retention, Retry, StoreRef
from batchmatrix.model.v1alpha1.status import Status
from batchmatrix.model.v1alpha1.workload import Workload

__all__ = ["NAME_LIMIT", "RESERVED_AXES", "Axis", "BatchMatrix", "ObjectMeta", "Spec"]

RESERVED_AXES = ("environment", "hardware")
"""Axes whose values are names in the catalog; every other axis is a parameter."""

NAME_LIMIT = 35
"""Characters of metadata.name: pods are called `<name>-<10 digits>-t<trial>-a<attempt>-<5>`, host names end at 63."""


class Axis(ApiModel):
    """One dimension of the grid."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            ("self.name != 'mitigation'", "the axis mitigation is reserved and not supported yet; use another name"),
            ("!self.name.startsWith('BATCHMATRIX_')", "name must not begin with BATCHMATRIX_, which is reserved"),
        )
    )

    name: Variable = Field(
        description="environment, hardware, or a parameter, which each trial gets as a variable of this name."
    )
    values: Annotated[tuple[AxisValue, ...], Field(strict=False, min_length=1, max_length=64)] = Field(
        description="Texts, numbers or booleans; names in the catalog for environment and hardware."
    )


class Spec(ApiModel):
    """What is to be run."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                (
                    "self.axes.exists(a, a.name == 'environment') != "
                    "(has(self.workload.image) || has(self.workload.imagesByNode))"
                ),
                "needs workload.image or workload.imagesByNode, or else an axis environment, and never both",
            ),
            (
                "!has(self.workload.env) || self.workload.env.all(e, !self.axes.exists(a, a.name == e.name))",
                "workload.env sets a variable that an axis sets already",
            ),
        )
    )

    axes: Annotated[tuple[Axis, ...], Field(strict=False, min_length=1, max_length=8)] = Field(
        description="Ordered product, last axis fastest.",
        json_schema_extra=cel(
            ("self.all(a, self.exists_one(b, b.name == a.name))", "two axes have the same name; rename one")
        ),
    )
    catalog: Catalog = Field(default=Catalog(), description="What the values of environment and hardware stand for.")
    workload: Workload = Field(description="What each trial runs.")
    trials: Annotated[int, Field(ge=1, le=99_999)] = Field(default=1, description="Repetitions of each cell.")
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = Field(
        default=0, description="Trial k runs with BATCHMATRIX_SEED = seed + k."
    )
    order: Literal["rounds", "cells"] = Field(
        default="rounds", description="rounds: trial 0 of every cell, then trial 1, ...; cells: cell after cell."
    )
    parallelism: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=100, description="Most trials started and not finished."
    )
    retry: Retry = Field(default=Retry(), description="Retries by outcome.")
    pending: Pending = Field(default=Pending(), description="How long trials may wait for their start.")
    placement: Placement = Field(default=Placement(), description="What happens to cells that fit no node.")
    logs: Logs = Field(default=Logs(), description="How logs are read.")
    metrics: Annotated[tuple[Metric, ...], Field(strict=False, max_length=64)] = Field(
        default=(), description="Numbers that are read from the logs.", json_schema_extra=list_map("name")
    )
    store: StoreRef = Field(default=StoreRef(), description="Where results go.")
    retention: Retention = Field(default=Retention(), description="Which finished Jobs stay in the cluster.")

    @property
    def parameters(self) -> tuple[Axis, ...]:
        """The axes that are parameters, in order."""
        return tuple(axis for axis in self.axes if axis.name not in RESERVED_AXES)

    def axis(self, name: str) -> Axis | None:
        """The axis of this name, if there is one."""
        return next((axis for axis in self.axes if axis.name == name), None)


class ObjectMeta(BaseModel):
    """The part of an object's metadata that is used; the rest is the API server's."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, alias_generator=to_camel)

    name: str
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    annotations: dict[str, str] = {}
    deletion_timestamp: str | None = None


class BatchMatrix(ApiModel):
    """Runs one workload under a grid of conditions."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                (
                    f"self.metadata.name.size() <= {NAME_LIMIT} && "
                    "self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')"
                ),
                f"metadata.name must be a DNS label of at most {NAME_LIMIT} characters",
            )
        )
    )

    api_version: Literal["batchmatrix.dev/v1alpha1"] = Field(description=f"{GROUP}/{VERSION}.")
    kind: Literal["BatchMatrix"] = Field(description="BatchMatrix.")
    metadata: ObjectMeta = Field(description="Name, namespace, labels and annotations.")
    spec: Spec = Field(description="What is to be run.")
    status: Status = Field(default=Status(), description="How it is doing; written by the operator.")

    def to_dict(self) -> dict[str, Any]:
        """The object as it stands in a file: wire names, nothing that was not set."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)
