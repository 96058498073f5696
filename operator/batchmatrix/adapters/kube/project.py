"""Raw Jobs, pods and nodes cut down to what decisions need.

An object that is not ours although it carries our labels, or that cannot be read, gives None: anyone may put labels
on anything, and one odd object must not stop the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from sys import intern
from typing import Any

from batchmatrix.base.clock import parse_rfc3339
from batchmatrix.base.text import one_line
from batchmatrix.launch.names import (
    ATTEMPT,
    CELL,
    CELL_HASH,
    CONTAINER,
    FINALIZER,
    GENERATION,
    LABEL_HASH_DIGITS,
    MATRIX,
    MATRIX_UID,
    TRIAL,
)
from batchmatrix.model.cell import GROUP, PREFLIGHT
from batchmatrix.model.launch import AttemptId
from batchmatrix.model.observed import STATUS_UNKNOWN, ContainerState, JobState, NodeState, PodState

__all__ = ["project_job", "project_known_pod", "project_node", "project_pod"]

JSON = dict[str, Any]

CLEAN_UP = 60.0
"""Seconds that a kubelet is given for its work between the end of a pod's containers and the deletion of the pod."""

_HEX = frozenset("0123456789abcdef")
_BROKEN = (AttributeError, KeyError, TypeError, ValueError)


def project_job(raw: JSON, seen: JobState | None = None) -> JobState | None:
    """What is known of a Job of ours, or None."""
    try:
        return _job(raw)
    except _BROKEN:
        return None


def project_pod(raw: JSON, seen: PodState | None = None) -> PodState | None:
    """What is known of a pod of ours, or None. Ours is what a Job made, or what carries our finalizer.

    `seen` is how this pod looked before, where it was seen: it may know better when its deletion was asked for.
    """
    try:
        return _pod(raw, seen)
    except _BROKEN:
        return None


def project_known_pod(raw: JSON, seen: PodState) -> PodState:
    """How a pod is that was seen before, although what tells whose it is may have been changed: that is as it was.

    One that cannot be read is as it was seen.
    """
    meta = raw["metadata"]
    digest = seen.id.cell_hash
    labels = {
        MATRIX: seen.matrix_name,
        MATRIX_UID: seen.matrix_uid,
        CELL: seen.cell,
        CELL_HASH: digest[:LABEL_HASH_DIGITS],
        TRIAL: str(seen.id.trial),
        ATTEMPT: str(seen.id.attempt),
        GENERATION: str(seen.generation),
    }
    known = {
        **meta,
        "labels": (meta.get("labels") or {}) | labels,
        "annotations": (meta.get("annotations") or {}) | {CELL_HASH: digest},
    }
    state = project_pod({**raw, "metadata": known}, seen)
    return seen if state is None else replace(state, job_uid=seen.job_uid, job_name=seen.job_name)


def project_node(raw: JSON, seen: NodeState | None = None) -> NodeState | None:
    """What placement needs of a node, or None."""
    try:
        return _node(raw)
    except _BROKEN:
        return None


def _job(raw: JSON) -> JobState:
    meta, spec, status = raw["metadata"], raw.get("spec") or {}, raw.get("status") or {}
    phase, ended = "active", None
    for name, condition in _conditions(status):
        if name in ("Complete", "Failed") and condition["status"] == "True":
            phase, ended = ("complete" if name == "Complete" else "failed"), condition
    finished = None
    if ended is not None:
        finished = _time(status.get("completionTime")) or _time(ended.get("lastTransitionTime"))
    return JobState(
        uid=meta["uid"],
        name=meta["name"],
        namespace=intern(meta["namespace"]),
        matrix_uid=intern(_owner(meta, "BatchMatrix").get("uid", "")),
        matrix_name=intern(meta["labels"][MATRIX]),
        cell=intern(meta["labels"][CELL]),
        id=_attempt(meta),
        created=parse_rfc3339(meta["creationTimestamp"]),
        phase=phase,
        reason=_text(ended, "reason"),
        message=_text(ended, "message"),
        finished=finished,
        deleting="deletionTimestamp" in meta,
        suspended=spec.get("suspend") is True,
    )


def _pod(raw: JSON, seen: PodState | None) -> PodState | None:
    meta, spec, status = raw["metadata"], raw.get("spec") or {}, raw.get("status") or {}
    job, labels = _owner(meta, "Job"), meta["labels"]
    finalized = FINALIZER in (meta.get("finalizers") or ())
    if not job and not finalized:
        return None
    conditions = dict(_conditions(status))
    scheduled = conditions.get("PodScheduled", {})
    stuck = scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable"
    disrupted = conditions.get("DisruptionTarget", {})
    container = _container(spec, status, seen.container if seen is not None else ContainerState("waiting"))
    deleting, grace = _deletion(meta, container, _since(disrupted), seen)
    return PodState(
        uid=meta["uid"],
        name=meta["name"],
        namespace=intern(meta["namespace"]),
        job_uid=job.get("uid", ""),
        job_name=job.get("name") or labels.get("batch.kubernetes.io/job-name", ""),
        matrix_uid=intern(labels[MATRIX_UID]),
        matrix_name=intern(labels[MATRIX]),
        cell=intern(labels[CELL]),
        id=_attempt(meta),
        generation=int(labels[GENERATION]),
        created=parse_rfc3339(meta["creationTimestamp"]),
        phase=intern(status.get("phase") or "Pending"),
        reason=_text(status, "reason"),
        message=_text(status, "message"),
        node=intern(spec.get("nodeName") or ""),
        scheduled=_since(scheduled),
        unschedulable=(_text(scheduled, "message") or "no node fits") if stuck else "",
        deleting_since=deleting,
        grace_seconds=grace,
        disrupted=_since(disrupted),
        disruption_reason=_text(disrupted, "reason") if disrupted.get("status") == "True" else "",
        ready_to_start=_since(conditions.get("PodReadyToStartContainers", {})),
        container=container,
        finalized=finalized,
    )


def _deletion(
    meta: JSON, container: ContainerState, disrupted: float | None, seen: PodState | None
) -> tuple[float | None, float]:
    """When the deletion was asked for, and with what grace period.

    While the pod ends, that is deletionTimestamp less its grace period. But once its containers have stopped, the
    kubelet deletes it for good with a grace period of 0, and while a finalizer holds the object the server sets
    deletionTimestamp to that moment: it then looks as if the deletion had come after the end, and an exit code of 0
    under SIGTERM like a success. So the time that was seen first stands. Where none was (the operator was away),
    the mark of an eviction tells, or else a deletion soon after the end counts as what brought the end about.
    """
    stamp = _time(meta.get("deletionTimestamp"))
    if stamp is None:
        return None, 0.0
    grace = float(meta.get("deletionGracePeriodSeconds") or 0)
    asked = stamp - grace
    if seen is not None and seen.deleting_since is not None:
        return min(asked, seen.deleting_since), max(grace, seen.grace_seconds)
    if grace == 0 and container.finished is not None:
        if seen is not None and seen.container.state == "terminated":
            return asked, grace
        if disrupted is not None:
            return min(asked, disrupted), grace
        if asked - container.finished <= CLEAN_UP:
            return min(asked, container.finished), grace
    return asked, grace


def _container(spec: JSON, status: JSON, seen: ContainerState) -> ContainerState:
    """What is said of it; of one that its kubelet could not find, what was seen of it before, and no made-up code."""
    image = next((each.get("image", "") for each in spec.get("containers") or () if each["name"] == CONTAINER), "")
    found = next((each for each in status.get("containerStatuses") or () if each["name"] == CONTAINER), None)
    if found is None:
        return ContainerState(state="waiting", image=intern(image))
    state = found.get("state") or {}
    name = next((each for each in ("terminated", "running", "waiting") if state.get(each) is not None), "waiting")
    inner = state.get(name) or {}
    unknown = inner.get("reason") == STATUS_UNKNOWN
    known = seen if unknown else ContainerState("waiting")
    return ContainerState(
        state=name,
        reason=_text(inner, "reason"),
        message=_text(inner, "message"),
        exit_code=None if unknown else inner.get("exitCode"),
        signal=inner.get("signal") or None,
        started=_time(inner.get("startedAt")) or known.started,
        finished=_time(inner.get("finishedAt")),
        image=intern(found.get("image") or image),
        image_id=intern(found.get("imageID") or ""),
        container_id=found.get("containerID") or inner.get("containerID") or known.container_id,
    )


def _node(raw: JSON) -> NodeState:
    meta, spec, status = raw["metadata"], raw.get("spec") or {}, raw.get("status") or {}
    ready = any(name == "Ready" and each["status"] == "True" for name, each in _conditions(status))
    return NodeState(
        name=meta["name"],
        labels=dict(meta.get("labels") or {}),
        allocatable={name: str(amount) for name, amount in (status.get("allocatable") or {}).items()},
        taints=tuple(spec.get("taints") or ()),
        ready=ready,
        unschedulable=spec.get("unschedulable") is True,
    )


def _attempt(meta: JSON) -> AttemptId:
    labels, full = meta["labels"], meta["annotations"][CELL_HASH]
    known = full == PREFLIGHT or (len(full) == 64 and _HEX.issuperset(full))
    if not known or labels[CELL_HASH] != full[:LABEL_HASH_DIGITS]:
        raise ValueError("label and annotation do not name one cell")
    return AttemptId(intern(full), int(labels[TRIAL]), int(labels[ATTEMPT]))


def _owner(meta: JSON, kind: str) -> JSON:
    """The controlling owner, if it is of this kind, else {}."""
    group = f"{GROUP}/" if kind == "BatchMatrix" else "batch/"
    for each in meta.get("ownerReferences") or ():
        if each.get("controller") and each["kind"] == kind and each["apiVersion"].startswith(group):
            return dict(each)
    return {}


def _conditions(status: JSON) -> Iterator[tuple[str, JSON]]:
    for condition in status.get("conditions") or ():
        yield condition["type"], condition


def _since(condition: JSON) -> float | None:
    return _time(condition.get("lastTransitionTime")) if condition.get("status") == "True" else None


def _time(text: str | None) -> float | None:
    # A container that could not be started has "started" in 1970.
    return None if text is None else parse_rfc3339(text) or None


def _text(raw: JSON | None, field: str) -> str:
    # Reasons are few, and messages of one kind are often the same: keep one copy of each.
    return intern(one_line(raw.get(field) or "")) if raw else ""
