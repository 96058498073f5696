"""Catalogs: named mitigations, environments, hardware and workloads, inline or as objects of their own."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from batchmatrix.model.v1alpha1._types import (
    NAME,
    ApiModel,
    DnsSubdomain,
    Image,
    LabelKey,
    Labels,
    LabelValue,
    Name,
    Text,
    Variables,
    cel,
    list_map,
    shape,
)
from batchmatrix.model.v1alpha1.meta import ObjectMeta
from batchmatrix.model.v1alpha1.policy import Metric
from batchmatrix.model.v1alpha1.workload import ImageRules, Template

__all__ = [
    "Catalog",
    "CatalogRef",
    "DeviceResource",
    "Entries",
    "Environment",
    "Hardware",
    "MatrixCatalog",
    "Mitigation",
    "NamedWorkload",
    "Toleration",
]


_RESERVED_ENV = (
    "!has(self.env) || self.env.all(k, !k.startsWith('BATCHMATRIX_'))",
    "env must not set variables that begin with BATCHMATRIX_, which is reserved",
)

Description = Annotated[str, Field(max_length=256)]


class Mitigation(ApiModel):
    """A named set of variables that may fix, break or slow a workload."""

    model_config = ConfigDict(json_schema_extra=cel(_RESERVED_ENV))

    description: Description = Field(default="", description="What it does, in one line.")
    env: Variables = Field(default={}, description="Variables by name, taken literally ($ too).")


class Environment(ApiModel):
    """A named software environment: an image and variables; the workload's own image where it brings none."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "!(has(self.image) && has(self.imagesByNode))",
                "has both image and imagesByNode; keep one of them",
            ),
            _RESERVED_ENV,
        )
    )

    description: Description = Field(default="", description="What it is, in one line.")
    image: Image | None = Field(default=None, description="Image, the same on every node.")
    images_by_node: ImageRules | None = Field(
        default=None, description="Images by node label; the first rule that fits a node counts."
    )
    env: Variables = Field(default={}, description="Variables by name, taken literally ($ too).")
    venv: Annotated[str, Field(min_length=1, max_length=1024)] | None = Field(
        default=None, description="Folder of a Python virtual environment, where trials run without a cluster."
    )
    command_prefix: Annotated[tuple[Text, ...], Field(strict=False, max_length=32)] = Field(
        default=(), description="Words put before the command, where trials run without a cluster."
    )


class DeviceResource(ApiModel):
    """An extended resource, set as a limit of the container."""

    name: Annotated[
        str,
        shape(
            r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
            "an extended resource such as nvidia.com/gpu (cpu and memory belong to workload.resources)",
            317,
        ),
    ] = Field(description="Name of the extended resource.")
    count: Annotated[int, Field(ge=1, le=1024)] = Field(default=1, description="Devices for each trial.")


class Toleration(ApiModel):
    """A taint that trials on this hardware put up with."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            ("self.operator != 'Exists' || !has(self.value)", "operator Exists takes no value; remove value"),
            ("has(self.key) || self.operator == 'Exists'", "needs a key, or operator Exists for every taint"),
        )
    )

    key: LabelKey | None = Field(default=None, description="Key of the taint; every key if not given.")
    operator: Literal["Equal", "Exists"] = Field(default="Equal", description="How value is compared.")
    value: LabelValue | None = Field(default=None, description="Value of the taint, for Equal; empty if not given.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None, description="Effect of the taint; every effect if not given."
    )


class Hardware(ApiModel):
    """A named kind of node."""

    description: Description = Field(default="", description="What it is, in one line.")
    node_labels: Labels = Field(default={}, description="Labels a node must all have.")
    resource: DeviceResource | None = Field(default=None, description="Devices each trial gets.")
    tolerations: Annotated[tuple[Toleration, ...], Field(strict=False, max_length=16)] = Field(
        default=(), description="Taints that trials put up with."
    )
    runtime_class_name: DnsSubdomain | None = Field(default=None, description="RuntimeClass of the pods.")


class NamedWorkload(Template):
    """A named workload: what runs, and the metrics that it prints."""

    model_config = ConfigDict(json_schema_extra=Template.model_config.get("json_schema_extra"))

    description: Description = Field(default="", description="What it does, in one line.")
    metrics: Annotated[tuple[Metric, ...], Field(strict=False, max_length=64)] = Field(
        default=(), description="Metrics that spec.metrics need not repeat.", json_schema_extra=list_map("name")
    )


_KEYS = cel((f"self.all(k, k.size() <= 63 && k.matches('{NAME}'))", "names need letters, digits, '-', '_' or '.'"))


class Entries(ApiModel):
    """Named things that a matrix refers to."""

    mitigations: Annotated[dict[Name, Mitigation], Field(max_length=64)] = Field(
        default={}, description="Mitigations by name.", json_schema_extra=_KEYS
    )
    environments: Annotated[dict[Name, Environment], Field(max_length=64)] = Field(
        default={}, description="Environments by name.", json_schema_extra=_KEYS
    )
    hardware: Annotated[dict[Name, Hardware], Field(max_length=64)] = Field(
        default={}, description="Kinds of nodes by name.", json_schema_extra=_KEYS
    )
    workloads: Annotated[dict[Name, NamedWorkload], Field(max_length=16)] = Field(
        default={}, description="Workloads by name.", json_schema_extra=_KEYS
    )


class Catalog(Entries):
    """Entries of this matrix alone."""

    only: bool = Field(
        default=False,
        description="Whether names are looked up here alone, and no other catalog is read: what a resolved file says.",
    )


class CatalogRef(ApiModel):
    """A MatrixCatalog in the matrix's namespace."""

    name: DnsSubdomain = Field(description="Name of the MatrixCatalog.")


class MatrixCatalog(ApiModel):
    """Named mitigations, environments, hardware and workloads that the matrices of a namespace can refer to."""

    api_version: Literal["batchmatrix.dev/v1alpha1"] = Field(description="batchmatrix.dev/v1alpha1.")
    kind: Literal["MatrixCatalog"] = Field(description="MatrixCatalog.")
    metadata: ObjectMeta = Field(description="Name, namespace, labels and annotations.")
    spec: Entries = Field(description="The entries.")
