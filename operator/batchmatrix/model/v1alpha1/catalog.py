"""The inline catalog: named environments and hardware that axes refer to."""

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
    Variables,
    cel,
    shape,
)
from batchmatrix.model.v1alpha1.workload import ImageRules

__all__ = ["Catalog", "DeviceResource", "Environment", "Hardware", "Toleration"]


class Environment(ApiModel):
    """A named software environment: an image and variables."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            ("has(self.image) != has(self.imagesByNode)", "needs exactly one of image and imagesByNode"),
            (
                "!has(self.env) || self.env.all(k, !k.startsWith('BATCHMATRIX_'))",
                "env must not set variables that begin with BATCHMATRIX_, which is reserved",
            ),
        )
    )

    image: Image | None = Field(default=None, description="Image, the same on every node.")
    images_by_node: ImageRules | None = Field(
        default=None, description="Images by node label; the first rule that fits a node counts."
    )
    env: Variables = Field(default={}, description="Literal variables by name.")


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

    node_labels: Labels = Field(default={}, description="Labels a node must all have.")
    resource: DeviceResource | None = Field(default=None, description="Devices each trial gets.")
    tolerations: Annotated[tuple[Toleration, ...], Field(strict=False, max_length=16)] = Field(
        default=(), description="Taints that trials put up with."
    )
    runtime_class_name: DnsSubdomain | None = Field(default=None, description="RuntimeClass of the pods.")


_KEYS = cel((f"self.all(k, k.size() <= 63 && k.matches('{NAME}'))", "names need letters, digits, '-', '_' or '.'"))


class Catalog(ApiModel):
    """What the values of the axes `environment` and `hardware` stand for."""

    environments: Annotated[dict[Name, Environment], Field(max_length=64)] = Field(
        default={}, description="Environments by name.", json_schema_extra=_KEYS
    )
    hardware: Annotated[dict[Name, Hardware], Field(max_length=64)] = Field(
        default={}, description="Kinds of nodes by name.", json_schema_extra=_KEYS
    )
