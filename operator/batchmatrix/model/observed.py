"""What was seen of Jobs, pods and nodes, cut down at once to what decisions need. Times are Unix seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from batchmatrix.model.launch import AttemptId

__all__ = ["STATUS_UNKNOWN", "ContainerState", "JobState", "NodeState", "PodState"]

STATUS_UNKNOWN = "ContainerStatusUnknown"
"""Reason of a container that its kubelet could not find; how it ended is not known, nor whether it ever began."""


@dataclass(frozen=True, slots=True)
class JobState:
    """A Job of ours."""

    uid: str
    name: str
    namespace: str
    matrix_uid: str
    """uid of the owner reference to the BatchMatrix; empty where there is none."""
    matrix_name: str
    cell: str
    id: AttemptId
    created: float
    phase: str
    """`active`, `complete` or `failed`, from the Job's conditions."""
    reason: str
    """Reason of the condition that made it complete or failed, else empty."""
    message: str
    finished: float | None
    deleting: bool
    suspended: bool


@dataclass(frozen=True, slots=True)
class ContainerState:
    """The one container of a trial's pod."""

    state: str
    """`waiting`, `running` or `terminated`."""
    reason: str = ""
    message: str = ""
    exit_code: int | None = None
    signal: int | None = None
    started: float | None = None
    finished: float | None = None
    image: str = ""
    image_id: str = ""
    """Digest reference that the node reports, where it does."""
    container_id: str = ""


@dataclass(frozen=True, slots=True)
class PodState:
    """A pod of one of our Jobs."""

    uid: str
    name: str
    namespace: str
    job_uid: str
    job_name: str
    matrix_uid: str
    """From label `batchmatrix.dev/matrix-uid`, so that a pod whose matrix is gone can still be recorded."""
    matrix_name: str
    cell: str
    id: AttemptId
    generation: int
    created: float
    phase: str
    """Kubernetes' pod phase: Pending, Running, Succeeded, Failed, Unknown."""
    reason: str
    message: str
    node: str
    scheduled: float | None
    unschedulable: str
    """Message of PodScheduled=False with reason Unschedulable, else empty."""
    deleting_since: float | None
    """deletionTimestamp less the grace period: when the deletion was asked for."""
    grace_seconds: float
    """deletionGracePeriodSeconds of a pod being deleted, else 0."""
    disrupted: float | None
    """When condition DisruptionTarget became true."""
    disruption_reason: str
    ready_to_start: float | None
    """When the sandbox was ready (PodReadyToStartContainers), where known."""
    container: ContainerState
    finalized: bool
    """True while our finalizer is on it."""

    @property
    def finished(self) -> bool:
        """True when no container of it runs or will run."""
        return self.phase in ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class NodeState:
    """A node as placement sees it."""

    name: str
    labels: dict[str, str] = field(default_factory=dict)
    allocatable: dict[str, str] = field(default_factory=dict)
    """Quantities by resource name."""
    taints: tuple[dict[str, Any], ...] = ()
    ready: bool = True
    unschedulable: bool = False
