"""BatchMatrix itself: the grid and everything that says how its cells run."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from batchmatrix.model.cell import GROUP, VERSION
from batchmatrix.model.v1alpha1._types import (
    ApiModel,
    Duration,
    Labels,
    Name,
    cel,
    list_map,
)
from batchmatrix.model.v1alpha1.catalog import Catalog, CatalogRef
from batchmatrix.model.v1alpha1.grid import (
    RESERVED_AXES,
    Axis,
    Exclude,
    Expect,
    ExplicitCell,
    Include,
    Override,
    Steps,
    Trials,
)
from batchmatrix.model.v1alpha1.judging import Baseline, Check, Compare, Confound, Gate
from batchmatrix.model.v1alpha1.meta import ObjectMeta
from batchmatrix.model.v1alpha1.policy import (
    Logs,
    Metric,
    Pending,
    Placement,
    Preflight,
    Queue,
    Retention,
    Retry,
    Reuse,
    StoreRef,
)
from batchmatrix.model.v1alpha1.status import Status
from batchmatrix.model.v1alpha1.workload import POSITIVE, Workload

__all__ = ["NAME_LIMIT", "BatchMatrix", "Spec"]

NAME_LIMIT = 35
"""Characters of metadata.name: pods are called `<name>-<10 digits>-t<trial>-a<attempt>-<5>`, host names end at 63."""

_AXES = "(has(self.axes) && self.axes.size() > 0)"
_CELLS = "(has(self.cells) && self.cells.size() > 0)"


class Spec(ApiModel):
    """What is to be run."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (f"{_AXES} != {_CELLS}", "needs exactly one of axes and cells"),
            (
                (
                    f"!{_CELLS} || ((!has(self.include) || self.include.size() == 0) && "
                    "(!has(self.overrides) || self.overrides.size() == 0))"
                ),
                "include and overrides are for axes; write what they say into the cells",
            ),
            (
                (
                    "!has(self.workload.env) || !has(self.axes) || "
                    "self.workload.env.all(e, !self.axes.exists(a, a.name == e.name))"
                ),
                "workload.env sets a variable that an axis sets already",
            ),
        )
    )

    ticket: Name | None = Field(default=None, description="Groups the runs of one investigation, such as GPU-151.")
    labels: Labels = Field(default={}, description="Constants that `when` can match, besides axes.")
    axes: Annotated[tuple[Axis, ...], Field(strict=False, max_length=8)] = Field(
        default=(),
        description="Ordered product, last axis fastest.",
        json_schema_extra=cel(
            ("self.all(a, self.exists_one(b, b.name == a.name))", "two axes have the same name; rename one")
        ),
    )
    exclude: Annotated[tuple[Exclude, ...], Field(strict=False, max_length=256)] = Field(
        default=(), description="Axis to value or alternatives ([[a, b]] is one stack): such cells are left out."
    )
    include: Annotated[tuple[Include, ...], Field(strict=False, max_length=256)] = Field(
        default=(), description="Adds to cells of the product, or adds cells to it; after exclude."
    )
    overrides: Annotated[tuple[Override, ...], Field(strict=False, max_length=256)] = Field(
        default=(), description="Changes cells, included ones too; a later one wins."
    )
    cells: Annotated[tuple[ExplicitCell, ...], Field(strict=False, max_length=256)] = Field(
        default=(), description="Every cell written out, in place of axes.", json_schema_extra=list_map("name")
    )
    catalog: Catalog = Field(default=Catalog(), description="What the names in axes and cells stand for.")
    catalog_refs: Annotated[tuple[CatalogRef, ...], Field(strict=False, max_length=16)] = Field(
        default=(), description="MatrixCatalogs to look names up in.", json_schema_extra=list_map("name")
    )
    workload: Workload = Field(description="What each trial runs.")
    trials: Trials = Field(default=1, description="Repetitions of each cell.")
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = Field(
        default=0, description="Trial k runs with BATCHMATRIX_SEED = seed + k."
    )
    steps: Steps | None = Field(default=None, description="Steps of each trial, as BATCHMATRIX_STEPS.")
    order: Literal["rounds", "cells"] = Field(
        default="rounds", description="rounds: trial 0 of every cell, then trial 1, ...; cells: cell after cell."
    )
    parallelism: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=100, description="Most trials started and not finished."
    )
    suspend: bool = Field(default=False, description="Whether nothing new starts; what runs, finishes.")
    queue: Queue | None = Field(default=None, description="Who admits the Jobs.")
    fail_fast: bool = Field(default=False, description="Whether nothing new starts once a trial has failed for good.")
    max_failed: Annotated[int, Field(ge=0, le=100_000)] | None = Field(
        default=None, description="Failed cells that are borne; with one more nothing new starts."
    )
    deadline: Duration | None = Field(
        default=None,
        description="Time from the first launch, or the newest rerun, after which nothing new starts; time suspended "
        "or held is not counted.",
        json_schema_extra=cel(POSITIVE),
    )
    retry: Retry = Field(default=Retry(), description="Retries by outcome.")
    pending: Pending = Field(default=Pending(), description="How long trials may wait for their start.")
    preflight: Preflight | None = Field(default=None, description="A check that runs before the first trial.")
    placement: Placement = Field(default=Placement(), description="What happens to cells that fit no node.")
    logs: Logs = Field(default=Logs(), description="How logs are read.")
    metrics: Annotated[tuple[Metric, ...], Field(strict=False, max_length=64)] = Field(
        default=(), description="Numbers that are read from the logs.", json_schema_extra=list_map("name")
    )
    expect: Expect = Field(default=Expect(), description="What every cell has to show to be as it should be.")
    checks: Annotated[tuple[Check, ...], Field(strict=False, max_length=64)] = Field(
        default=(), description="Thresholds on metrics of each cell."
    )
    baseline: Baseline | None = Field(
        default=None,
        description="What cells are compared with; the first cell named baseline-*, else the first without mitigation.",
    )
    confound: Confound = Field(default=Confound(), description="When a cell that fixes something may only be slower.")
    compare: Compare = Field(default=Compare(), description="How cells are compared with the baseline.")
    gates: Annotated[tuple[Gate, ...], Field(strict=False, max_length=64)] = Field(
        default=(),
        description="Rules over the whole matrix that decide its verdict.",
        json_schema_extra=list_map("name"),
    )
    reuse: Reuse = Field(default=Reuse(), description="Which earlier records count as results.")
    store: StoreRef = Field(default=StoreRef(), description="Where results go.")
    retention: Retention = Field(default=Retention(), description="Which finished Jobs stay in the cluster.")

    @property
    def parameters(self) -> tuple[Axis, ...]:
        """The axes that are parameters, in order."""
        return tuple(axis for axis in self.axes if axis.name not in RESERVED_AXES)

    @property
    def waits_for_nodes(self) -> bool:
        """Whether cells that fit no node of today may wait for one of tomorrow."""
        return (self.placement.no_matching_node or ("wait" if self.queue is not None else "fail")) == "wait"

    def axis(self, name: str) -> Axis | None:
        """The axis of this name, if there is one."""
        return next((axis for axis in self.axes if axis.name == name), None)


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
