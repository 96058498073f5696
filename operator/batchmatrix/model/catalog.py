"""Catalogs put together: every name with what it stands for and where that was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from batchmatrix.model.v1alpha1 import Environment, Hardware, Mitigation, NamedWorkload

__all__ = ["KINDS", "NO_MITIGATION", "Catalogs", "Named"]

T = TypeVar("T")

KINDS = ("mitigations", "environments", "hardware", "workloads")
"""The four registries, as fields of Catalogs and of a catalog's spec."""


NO_MITIGATION = "none"
"""The mitigation that changes nothing."""


@dataclass(frozen=True, slots=True)
class Named(Generic[T]):
    """One entry."""

    value: T
    source: str
    """Where it was written, in words: `inline`, `built-in`, `file team.yaml`, `MatrixCatalog team`, `plug-in acme`."""


@dataclass(frozen=True, slots=True)
class Catalogs:
    """All that can be named, by kind and name."""

    mitigations: Mapping[str, Named[Mitigation]] = field(default_factory=dict)
    environments: Mapping[str, Named[Environment]] = field(default_factory=dict)
    hardware: Mapping[str, Named[Hardware]] = field(default_factory=dict)
    workloads: Mapping[str, Named[NamedWorkload]] = field(default_factory=dict)
