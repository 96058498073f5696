"""The operator's own settings: one YAML file, made by the chart, and three facts from the environment."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.base.quantities import parse_duration, parse_quantity

__all__ = [
    "DEFAULT_CONFIG",
    "FolderStore",
    "Identity",
    "Limits",
    "S3Store",
    "Settings",
    "StoreSettings",
    "load_settings",
]

DEFAULT_CONFIG = Path("/etc/batchmatrix/config.yaml")
"""Where the chart mounts the file."""


def _between(least: str, most: str) -> AfterValidator:
    def check(text: str) -> str:
        if not parse_duration(least) <= parse_duration(text) <= parse_duration(most):
            raise ValueError(f"must be between {least} and {most}")
        return text

    return AfterValidator(check)


def _size(text: str) -> str:
    if parse_quantity(text) < 1:
        raise ValueError("must be at least 1 byte, such as 100Gi")
    return text


_AT_LEAST_A_BYTE = AfterValidator(_size)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class FolderStore(_Model):
    """A folder, usually on a persistent volume."""

    path: Path
    """Absolute; made if it is not there."""


class S3Store(_Model):
    """A bucket of S3 or of a server that speaks its protocol."""

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str = "us-east-1"
    allow_http: bool = False
    """Accept an endpoint without TLS: only for one inside the cluster."""
    credentials: Path | None = None
    """Folder with the files accessKeyId and secretAccessKey; None for the pod's own identity."""


class StoreSettings(_Model):
    """Exactly one kind of store."""

    folder: FolderStore | None = None
    s3: S3Store | None = None

    @model_validator(mode="after")
    def _one(self) -> StoreSettings:
        if (self.folder is None) == (self.s3 is None):
            raise ValueError("must have exactly one of folder and s3")
        return self


class Limits(_Model):
    """Bounds that protect the operator from its users and the API server from the operator."""

    cells: int = Field(default=10_000, ge=1, le=100_000)
    """Most cells of one matrix."""
    followed_logs: int = Field(default=200, ge=1)
    """Most logs that are followed at one time."""
    log_bytes_per_matrix: Annotated[str, _AT_LEAST_A_BYTE] = "100Gi"
    """Raw bytes that the logs of all attempts of one matrix may take together; what goes beyond is read, not kept."""
    concurrent_reads: int = Field(default=16, ge=1)
    """Most logs that are read at the end at one time."""
    concurrent_requests: int = Field(default=32, ge=1)
    """Most requests to the API server at one time, log streams aside."""


class LeaseSettings(_Model):
    """Who acts, where several replicas run."""

    name: str = "batchmatrix"
    duration: Annotated[str, _between("3s", "10m")] = "15s"
    """How long another replica waits for a holder that has fallen silent."""


class ApiSettings(_Model):
    """How patient the operator is with the API server."""

    request_timeout: Annotated[str, _between("1s", "5m")] = "30s"
    """A request that is no stream is given up after this; a finished Job outlives its record by so much at least."""
    relist: Annotated[str, _between("1s", "24h")] = "1m"
    """Time between two full lists of Jobs, pods, nodes or matrices, which find what a watch did not tell.

    A list that takes long is made less often, so that a hundredth of the time goes into lists: up to five times this.
    """
    watch_silence: Annotated[str, _between("1s", "10m")] = "70s"
    """A watch on which nothing comes for this time is opened anew; servers send a bookmark about every minute."""


class ReportSettings(_Model):
    """What is made of a finished matrix beside its tables and its JSON."""

    pages: bool = True
    """report.html and the plots; they take some seconds of a processor for each matrix."""


class ProbeSettings(_Model):
    """Where the kubelet asks after the process."""

    port: int = Field(default=8080, ge=0, le=65535)
    """0 lets the system choose (tests)."""


class Settings(_Model):
    """Everything the operator can be told."""

    namespaces: tuple[str, ...] = ()
    """Namespaces to serve; empty for all."""
    stores: dict[str, StoreSettings] = Field(min_length=1)
    service_accounts: frozenset[str] = frozenset()
    """Service accounts that a workload may name."""
    limits: Limits = Limits()
    workers: int = Field(default=4, ge=1, le=64)
    """Matrices that are worked on at one time."""
    resync: Annotated[str, _between("1s", "24h")] = "5m"
    """Every matrix is looked at again after this time, whatever happened."""
    lease: LeaseSettings = LeaseSettings()
    api: ApiSettings = ApiSettings()
    probes: ProbeSettings = ProbeSettings()
    reports: ReportSettings = ReportSettings()
    log_level: Literal["debug", "info", "warning", "error"] = "info"


class Identity(_Model):
    """Which process this is."""

    pod_name: str
    pod_uid: str
    namespace: str
    process: str = Field(default_factory=lambda: secrets.token_hex(4))
    """Tells this start of the process from those before it in the same pod."""

    @property
    def writer(self) -> str:
        """Name under which records are written."""
        return f"{self.pod_name}/{self.process}"

    @property
    def holder(self) -> str:
        """Lease identity: a restarted container of the same pod takes its lease back at once."""
        return f"{self.pod_uid}/operator"

    @classmethod
    def from_environment(cls) -> Identity:
        """From POD_NAME, POD_UID and POD_NAMESPACE, which the chart sets. Raises InvalidSpec where one is missing."""
        values = {name: os.environ.get(name, "") for name in ("POD_NAME", "POD_UID", "POD_NAMESPACE")}
        missing = [name for name, value in values.items() if not value]
        if missing:
            raise InvalidSpec(
                [Problem("", f"environment variable {name} is not set; the chart sets it") for name in missing]
            )
        return cls(pod_name=values["POD_NAME"], pod_uid=values["POD_UID"], namespace=values["POD_NAMESPACE"])


def load_settings(path: Path) -> Settings:
    """Read and check the file. Raises InvalidSpec with every problem in it."""
    try:
        data: Any = yaml.safe_load(path.read_text())
    except OSError as error:
        raise InvalidSpec([Problem(str(path), f"cannot be read: {error.strerror}")]) from error
    except yaml.YAMLError as error:
        raise InvalidSpec([Problem(str(path), f"is not YAML: {' '.join(str(error).split())}")]) from error
    try:
        return Settings.model_validate(data)
    except ValidationError as error:
        raise InvalidSpec(
            [
                Problem(f"{path}: {'.'.join(map(str, each['loc']))}", f"{each['msg']} (value {each['input']!r:.60})")
                for each in error.errors()
            ]
        ) from error
