"""What stopped an attempt from outside, if anything did before its container had ended by itself.

A drain puts its marks on pods that finished long ago too, so times decide. Kubernetes' times have whole seconds,
cut off: an end at 10 may be 10.9 and a mark at 10 may be 10.1. And an end is told by its node's clock, a mark by the
API server's. An end counts as earlier only where it is by two seconds; else the stop is taken to have come first, which
can cost a repetition but never grants a success.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from batchmatrix.model.evidence import Intent
from batchmatrix.model.observed import STATUS_UNKNOWN, ContainerState, JobState, PodState
from batchmatrix.outcome.cases import Case

__all__ = ["INTENTS", "WITH_ITS_MATRIX", "Stop", "stop_of"]

INTENTS: dict[str, Case] = {
    "cancel": Case.CANCELLED,
    "nodelost": Case.NODE_LOST,
    "timeout": Case.TIMEOUT,
    "unschedulable": Case.UNSCHEDULABLE,
    "image": Case.IMAGE,
    "config": Case.CONFIG,
    "conflict": Case.CONFLICT,
}
"""What the operator can have resolved to do to an attempt. An action that is not here proves nothing."""

_FINAL = frozenset({"cancel", "nodelost"})
"""Intents that hold whatever else was going on."""

_DISRUPTIONS: dict[str, Case] = {
    "EvictionByEvictionAPI": Case.EVICTED,
    "TerminationByKubelet": Case.EVICTED,
    "PreemptionByScheduler": Case.PREEMPTED,
    "PreemptionByKubeScheduler": Case.PREEMPTED,
    "DeletionByTaintManager": Case.NODE_GONE,
    "DeletionByPodGC": Case.NODE_GONE,
}
"""Reasons of condition DisruptionTarget; one that is not here counts as an eviction."""

_POD_REASONS: dict[str, Case] = {
    "DeadlineExceeded": Case.TIMEOUT,
    "Evicted": Case.EVICTED,
    "NodeShutdown": Case.EVICTED,
    "Terminated": Case.EVICTED,
    "Preempting": Case.PREEMPTED,
    "NodeLost": Case.NODE_GONE,
    "NodeAffinity": Case.TURNED_AWAY,
    "UnexpectedAdmissionError": Case.TURNED_AWAY,
}
"""Reasons of a failed pod that a kubelet or the control plane wrote (`OutOfcpu` and its like are found by prefix)."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Something from outside ended the attempt."""

    case: Case
    cause: str
    """In plain words; may hold text of others, so it is cleaned before it is shown."""


WITH_ITS_MATRIX = Stop(Case.CANCELLED, "deleted with its matrix")

SKEW = 1.0
"""Seconds by which the clock of a node, which says when a container ended, may be behind that of the API server."""


def stop_of(pod: PodState, job: JobState | None, intent: Intent | None, *, matrix_deleted: bool = False) -> Stop | None:
    """The stop that came before the container's own end, or None where it ended by itself."""
    disruption = _disruption(pod)
    if intent is not None and intent.action in INTENTS and not _ended_before(pod, intent.time):
        earlier = pod.disrupted is not None and floor(pod.disrupted) < floor(intent.time)
        if disruption is not None and earlier and intent.action not in _FINAL:
            return disruption
        return Stop(INTENTS[intent.action], intent.message or f"stopped by the operator ({intent.action})")
    if disruption is not None:
        return disruption
    if pod.deleting_since is not None and not _ended_before(pod, pod.deleting_since):
        if job is not None and job.suspended:
            return Stop(Case.SUSPENDED, "its Job was suspended by a queue")
        if matrix_deleted:
            return WITH_ITS_MATRIX
        return Stop(Case.DELETED, "its pod was deleted by somebody else")
    return _failed_pod(pod)


def _disruption(pod: PodState) -> Stop | None:
    if pod.disrupted is None or _ended_before(pod, pod.disrupted):
        return None
    case = _DISRUPTIONS.get(pod.disruption_reason, Case.EVICTED)
    if case is Case.NODE_GONE and _confirmed(pod.container):
        case = Case.EVICTED
    words = {Case.EVICTED: "evicted from", Case.PREEMPTED: "pushed aside by a pod of higher priority on"}
    return Stop(case, f"{words.get(case, 'lost with')} node {pod.node or '?'} ({pod.disruption_reason or 'no reason'})")


def _confirmed(container: ContainerState) -> bool:
    """The node itself says that the container has ended, so neither of the two is lost: somebody set a taint."""
    return container.state == "terminated" and container.finished is not None and container.reason != STATUS_UNKNOWN


def _failed_pod(pod: PodState) -> Stop | None:
    if pod.phase != "Failed":
        return None
    case = Case.TURNED_AWAY if pod.reason.startswith("OutOf") else _POD_REASONS.get(pod.reason)
    if case is None:
        return None
    if case is Case.TIMEOUT and pod.container.started is None:
        case = Case.TIMEOUT_UNSTARTED
    return Stop(case, f"{pod.reason} on node {pod.node or '?'}: {pod.message}".rstrip(": "))


def _ended_before(pod: PodState, mark: float) -> bool:
    """True where the container had surely ended when the mark was set."""
    container = pod.container
    if container.state != "terminated" or container.finished is None:
        return False
    return floor(container.finished) + SKEW < floor(mark)
