"""The API batchmatrix.dev/v1alpha1: what a user may write, what the operator answers, and what must hold."""

from __future__ import annotations

from batchmatrix.model.v1alpha1.catalog import Catalog, DeviceResource, Environment, Hardware, Toleration
from batchmatrix.model.v1alpha1.parse import parse_matrix
from batchmatrix.model.v1alpha1.policy import (
    Logs,
    Metric,
    Pending,
    Placement,
    Retention,
    Retry,
    RetryRule,
    StoreRef,
)
from batchmatrix.model.v1alpha1.rules import LAUNCH_VARIABLES, PYDANTIC_ONLY, RULES
from batchmatrix.model.v1alpha1.spec import NAME_LIMIT, RESERVED_AXES, Axis, BatchMatrix, ObjectMeta, Spec
from batchmatrix.model.v1alpha1.status import Condition, LedgerStatus, LogCounts, Status, TrialCounts
from batchmatrix.model.v1alpha1.workload import (
    EnvFrom,
    EnvVar,
    ImageRule,
    Resources,
    Volume,
    VolumeMount,
    Workload,
)

__all__ = [
    "LAUNCH_VARIABLES",
    "NAME_LIMIT",
    "PYDANTIC_ONLY",
    "RESERVED_AXES",
    "RULES",
    "Axis",
    "BatchMatrix",
    "Catalog",
    "Condition",
    "DeviceResource",
    "EnvFrom",
    "EnvVar",
    "Environment",
    "Hardware",
    "ImageRule",
    "LedgerStatus",
    "LogCounts",
    "Logs",
    "Metric",
    "ObjectMeta",
    "Pending",
    "Placement",
    "Resources",
    "Retention",
    "Retry",
    "RetryRule",
    "Spec",
    "Status",
    "StoreRef",
    "Toleration",
    "TrialCounts",
    "Volume",
    "VolumeMount",
    "Workload",
    "parse_matrix",
]
