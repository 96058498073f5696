"""What to do next about one attempt that has no record yet: the life of a pod, as rules over times. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from batchmatrix.capture.policy import follow_from
from batchmatrix.engine.actions import Action, AskWhy, Capture, Finish, Intend, Kill, Seal
from batchmatrix.engine.obstacles import ASK_AFTER, ASK_AGAIN, Obstacle
from batchmatrix.engine.policy import Policy
from batchmatrix.model.evidence import Captured, Evidence, Intent, LogState
from batchmatrix.model.launch import AttemptId
from batchmatrix.model.observed import STATUS_UNKNOWN, JobState, PodState
from batchmatrix.outcome.table import POD_FAILED

__all__ = ["LIVE_GRACE", "UNWANTED", "Attempt", "CaptureView", "Phase", "Step", "step"]

POD_GRACE = 10.0
"""Seconds after a Job's end in which its pod may still show up: Jobs and pods come by two watches."""

LIVE_GRACE = 10.0
"""Seconds that a kill waits for the log to be followed and sealed: it is gone once the pod is deleted."""

UNWANTED = "the matrix does not hold this trial any more"
"""Why an attempt is ended, where nothing else is the cause."""

IMAGE_REASONS = frozenset({"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "ImageInspectError"})
"""Waiting reasons of a container whose image cannot be had for now."""

STARTING = frozenset({"", "ContainerCreating", "PodInitializing"})
"""Waiting reasons of a container that is on its way; pulling its image looks like this too."""


class Phase(StrEnum):
    """Where an attempt without a record stands."""

    PENDING = "pending"
    QUEUED = "queued"
    """Its pod waits for busy devices, which is nobody's fault and has no deadline."""
    RUNNING = "running"
    ENDING = "ending"
    """Its container has ended; log and record are under way."""


@dataclass(frozen=True, slots=True)
class CaptureView:
    """How far the capture of a pod's log is."""

    live: bool
    """It follows, and has caught up with what was written before it began."""
    sealed: bool = False
    """What was written before it was asked to seal is in the store."""
    captured: Captured | None = None
    """Set when it is done."""
    missing_metrics: tuple[str, ...] = ()
    missing_marker: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt without a record, as observed."""

    id: AttemptId
    job: JobState | None
    pod: PodState | None
    wanted: bool
    """False where the plan does not hold its trial any more, it was cancelled, or the matrix is gone."""
    intent: Intent | None = None
    capture: CaptureView | None = None
    unfit_since: float | None = None
    """Since when no node could hold its pod even if empty; None while one could."""
    problem: str = ""
    """Why no node can hold it, in one line."""
    gone: bool = False
    """`pod` is what was last seen of it: the server says that the object is not there any more."""
    resumed: float | None = None
    """Since when a pod of its Job is awaited, if that was suspended; None if it never was."""
    unwanted: str = UNWANTED
    """Why it is not wanted, where it is not."""
    obstacle: Obstacle | None = None
    """Why its Job has no pod, if that was looked up."""
    timeout: float | None = None
    """Longest run in seconds, as the plan in force says of its cell; None where the cell is not known."""
    matrix_deleted: bool = False
    """Evidence.matrix_deleted."""

    @property
    def given_up(self) -> bool:
        """It is over, or its node does not say so and is waited for no longer."""
        return self.over or (self.pod is not None and _ended(self.pod, self.intent))

    @property
    def over(self) -> bool:
        """Nothing of it runs, and nothing more will be written to its log."""
        pod = self.pod
        return self.gone or (pod is not None and (pod.finished or pod.container.state == "terminated"))


@dataclass(frozen=True, slots=True)
class Step:
    """What follows for one attempt."""

    phase: Phase
    actions: tuple[Action, ...] = ()
    wake: float | None = None
    """When to look again if nothing happens before, Unix seconds."""
    waiting_for: str = field(default="", compare=False)


def step(attempt: Attempt, policy: Policy, now: float, *, may_follow: Callable[[], bool]) -> Step:
    """The next thing to do; `may_follow` takes a follow slot, if one is free."""
    pod = attempt.pod
    if pod is None:
        return _without_pod(attempt, policy, now)
    if attempt.gone or _ended(pod, attempt.intent):
        return _ending(attempt, pod)
    if attempt.intent is None and not attempt.wanted:
        return _withdraw(attempt, pod)
    if pod.deleting_since is not None:
        return _going(attempt, pod, policy, now)
    if attempt.intent is not None:
        return _carry_out(attempt, pod, attempt.intent, now)
    if pod.container.started is not None:
        return _running(attempt, pod, policy, now, may_follow)
    return _pending(attempt, pod, policy, now)


def _without_pod(attempt: Attempt, policy: Policy, now: float) -> Step:
    """The Job controller has not made the pod yet, or the pod is gone for good."""
    job = attempt.job
    if job is not None and job.phase == "active" and not job.deleting and attempt.intent is None:
        if not attempt.wanted:
            return Step(Phase.PENDING, (Intend(attempt.id, job.name, "", "cancel", attempt.unwanted),))
        if job.suspended:
            return Step(Phase.QUEUED, waiting_for=f"Job {job.name} is suspended")
        return _awaiting_pod(attempt, job, policy, now)
    if job is not None and job.finished is not None and now < job.finished + POD_GRACE:
        return Step(Phase.ENDING, wake=job.finished + POD_GRACE)
    return Step(Phase.ENDING, (_finish(attempt, _log_without_pod(job, attempt.intent)),))


_UNSTARTED = frozenset({"unschedulable", "image", "config", "conflict"})
"""Intents about an attempt whose container has not started."""


def _log_without_pod(job: JobState | None, intent: Intent | None) -> Captured:
    """Lost, unless something shows that there never was a container: a missing pod proves nothing."""
    waited = job is not None and job.phase == "active" and not job.deleting
    refused = job is not None and job.phase == "failed" and job.reason not in POD_FAILED
    if waited or refused or (intent is not None and intent.action in _UNSTARTED):
        return Captured(LogState.NONE)
    return Captured(LogState.LOST, message="its pod was gone before its log was read")


def _awaiting_pod(attempt: Attempt, job: JobState, policy: Policy, now: float) -> Step:
    """Once it is late, its events say why: a quota has no deadline of ours, all else has."""
    obstacle, since = attempt.obstacle, max(job.created, attempt.resumed or 0.0)
    limit = max(since, obstacle.quota_until if obstacle is not None else since) + policy.pending.other
    due = min(since + ASK_AFTER, limit) if obstacle is None else obstacle.asked + ASK_AGAIN
    actions = (AskWhy(job),) if now >= due else ()
    said = obstacle.text if obstacle is not None else ""
    if obstacle is not None and obstacle.quota:
        wake = now + 1.0 if actions else due
        return Step(Phase.QUEUED, actions, wake=wake, waiting_for=f"Job {job.name} has no pod yet: {said}")
    if now < limit or obstacle is None:
        wake = now + 1.0 if actions else min(due, limit)
        waiting_for = f"Job {job.name} has no pod yet" + (f": {said}" if said else "; its events say why")
        return Step(Phase.PENDING, actions, wake=wake, waiting_for=waiting_for)
    why = f": {said}" if said else "; the Job's events say why"
    message = f"no pod was made for it in {policy.pending.other:.0f} s{why}"
    return Step(Phase.PENDING, (Intend(attempt.id, job.name, "", "config", message),))


def _ended(pod: PodState, intent: Intent | None) -> bool:
    """Nothing of this pod runs or will run, or we gave it up."""
    if pod.finished or pod.container.state == "terminated":
        return True
    if pod.deleting_since is not None and not pod.node:
        return True
    return intent is not None and intent.action == "nodelost"


def _ending(attempt: Attempt, pod: PodState) -> Step:
    """The log first, then the record."""
    capture = attempt.capture
    if capture is None:
        if _never_started(pod):
            return Step(Phase.ENDING, (_finish(attempt, Captured(LogState.NONE)),))
        return Step(Phase.ENDING, (Capture(pod, follow=False, unseen=not attempt.over),))
    if capture.captured is None:
        return Step(Phase.ENDING)
    return Step(Phase.ENDING, (_finish(attempt),))


def _never_started(pod: PodState) -> bool:
    """Also where the pod was deleted before its container was made: its kubelet then calls it ended, and lost."""
    container = pod.container
    if container.started is not None or container.container_id:
        return False
    return container.state == "waiting" or container.reason == STATUS_UNKNOWN


def _going(attempt: Attempt, pod: PodState, policy: Policy, now: float) -> Step:
    """Being deleted, by us or by others: it ends, or its node is lost."""
    assert pod.deleting_since is not None
    phase = Phase.RUNNING if pod.container.started is not None else Phase.PENDING
    limit = pod.deleting_since + pod.grace_seconds + policy.pending.node_lost
    if now >= limit:
        return _intend(
            attempt,
            pod,
            "nodelost",
            f"node {pod.node} did not confirm the end of the pod within {policy.pending.node_lost:.0f} s; "
            "the process may still run there",
        )
    actions: tuple[Action, ...] = ()
    if phase is Phase.RUNNING and attempt.capture is None:
        actions = (Capture(pod, follow=True),)
    return Step(phase, actions, wake=limit)


def _withdraw(attempt: Attempt, pod: PodState) -> Step:
    """Where others end it already, its log is followed at once: both may be gone before the intent is durable."""
    withdrawn = _intend(attempt, pod, "cancel", attempt.unwanted)
    ending = pod.deleting_since is not None or attempt.matrix_deleted
    if pod.container.started is None or attempt.capture is not None or not ending:
        return withdrawn
    return replace(withdrawn, actions=(Capture(pod, follow=True), *withdrawn.actions))


def _carry_out(attempt: Attempt, pod: PodState, intent: Intent, now: float) -> Step:
    """The intent is durable: do it. What runs is followed and sealed first, as its log goes with the pod."""
    if pod.container.started is None:
        return Step(Phase.PENDING, (Kill(pod),))
    capture = attempt.capture
    if capture is None:
        return Step(Phase.RUNNING, (Capture(pod, follow=True),), wake=now + 1.0)
    patience = intent.time + LIVE_GRACE
    if capture.captured is None and now < patience:
        wake = min(patience, now + 1.0)
        if not capture.live:
            return Step(Phase.RUNNING, wake=wake)
        if not capture.sealed:
            return Step(Phase.RUNNING, (Seal(pod),), wake=wake)
    return Step(Phase.RUNNING, (Kill(pod),))


def _running(attempt: Attempt, pod: PodState, policy: Policy, now: float, may_follow: Callable[[], bool]) -> Step:
    assert pod.container.started is not None
    timeout = policy.timeout if attempt.timeout is None else attempt.timeout
    deadline = pod.container.started + timeout
    if now >= deadline:
        return _intend(attempt, pod, "timeout", f"still running {timeout:.10g} s after its start")
    due = follow_from(policy.log_mode, pod.container.started)
    if attempt.capture is None and due is not None:
        if now < due:
            return Step(Phase.RUNNING, wake=min(due, deadline))
        if may_follow():
            return Step(Phase.RUNNING, (Capture(pod, follow=True),), wake=deadline)
    return Step(Phase.RUNNING, wake=deadline)


def _pending(attempt: Attempt, pod: PodState, policy: Policy, now: float) -> Step:
    """No container yet: each cause has its own patience."""
    if not pod.node:
        if attempt.unfit_since is None or policy.wait_for_nodes:
            return Step(Phase.QUEUED if pod.unschedulable else Phase.PENDING, waiting_for=_why_queued(attempt, pod))
        limit, action = attempt.unfit_since + policy.pending.unschedulable, "unschedulable"
        message = attempt.problem or pod.unschedulable
    else:
        since = pod.scheduled or pod.created
        reason = pod.container.reason
        limits = policy.pending
        if reason == "InvalidImageName":
            limit, action = since + limits.invalid_image, "image"
        elif reason in IMAGE_REASONS or reason in STARTING:
            limit, action = since + limits.image_pull, "image" if reason in IMAGE_REASONS else "config"
        else:
            limit, action = since + limits.other, "config"
        message = f"{reason or 'not started'}: {pod.container.message}".rstrip(": ")
    if now >= limit:
        return _intend(attempt, pod, action, message)
    normal = bool(pod.node) and pod.container.reason in STARTING
    return Step(Phase.PENDING, wake=limit, waiting_for="" if normal else message)


def _why_queued(attempt: Attempt, pod: PodState) -> str:
    """Nothing for what is only a matter of time, as the counts of the status tell that."""
    busy = "Insufficient" in pod.unschedulable
    return attempt.problem or ("" if busy else pod.unschedulable)


def _intend(attempt: Attempt, pod: PodState, action: str, message: str) -> Step:
    phase = Phase.RUNNING if pod.container.started is not None else Phase.PENDING
    return Step(phase, (Intend(attempt.id, pod.job_name, pod.uid, action, message),))


def _finish(attempt: Attempt, captured: Captured | None = None) -> Finish:
    capture = attempt.capture if captured is None else None
    evidence = Evidence(
        attempt.job,
        attempt.pod,
        captured or Captured(LogState.NONE),
        attempt.intent,
        matrix_deleted=attempt.matrix_deleted,
    )
    if capture is not None and capture.captured is not None:
        evidence = replace(
            evidence,
            captured=capture.captured,
            missing_metrics=capture.missing_metrics,
            missing_marker=capture.missing_marker,
        )
    return Finish(attempt.id, evidence)
