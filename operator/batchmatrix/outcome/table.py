"""How an attempt ended: one ordered decision over all the evidence, never the exit code alone.

First what stopped it from outside (times decide, see stops), then what the container says of its own end, and for
an exit code that is allowed at last the proof: no success without a whole log, the end marker and every required
metric.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence

from batchmatrix.base.text import one_line
from batchmatrix.model.evidence import Captured, Evidence, LogState, Verdict
from batchmatrix.model.observed import STATUS_UNKNOWN, ContainerState, PodState
from batchmatrix.outcome.cases import TABLE, TRY_LATER, Case
from batchmatrix.outcome.stops import INTENTS, WITH_ITS_MATRIX, Stop, stop_of

__all__ = ["POD_FAILED", "exit_words", "is_allowed", "judge"]

_NO_IMAGE = frozenset(
    {
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImageInspectError",
        "ImagePullBackOff",
        "InvalidImageName",
        "RegistryUnavailable",
    }
)
_NO_START = frozenset(
    {"ContainerCannotRun", "CreateContainerConfigError", "CreateContainerError", "RunContainerError", "StartError"}
)
_KEEP = frozenset({Case.TIMEOUT, Case.CANCELLED, Case.NODE_LOST})
"""Stops of our own that name the outcome even where the container answered them with an exit code that is allowed."""

_SIGNAL = 128
"""A shell's exit code for a process that signal n ended is this plus n; a stop ends its containers by signals."""

POD_FAILED = frozenset({"BackoffLimitExceeded", "PodFailurePolicy"})
"""Reasons of a failed Job that only a failed pod can have caused."""

_ABOUT_LOG = frozenset(
    {Case.SUCCEEDED_CAPPED, Case.LOG_GAP, Case.LOG_LOST, Case.NO_MARKER_CAPPED, Case.NO_METRIC_CAPPED}
)


def judge(evidence: Evidence) -> Verdict:
    """The outcome of an attempt that has ended or was given up; every evidence has exactly one."""
    stop = _without_pod(evidence) if evidence.pod is None else _with_pod(evidence, evidence.pod)
    row = TABLE[stop.case]
    parts = [one_line(stop.cause, limit=320)]
    if stop.case not in _ABOUT_LOG and evidence.captured.state in (LogState.TRUNCATED, LogState.LOST):
        parts.append(one_line(_log_words(evidence.captured), limit=120))
    if row.remedy:
        parts.append(row.remedy)
    return Verdict(row.outcome, row.blame, stop.case.value, one_line("; ".join(parts), limit=600))


def _with_pod(evidence: Evidence, pod: PodState) -> Stop:
    stop = stop_of(pod, evidence.job, evidence.intent, matrix_deleted=evidence.matrix_deleted)
    if stop is None:
        return _own_end(evidence, pod, pod.container)
    code = pod.container.exit_code if pod.container.state == "terminated" else None
    if stop.case in _KEEP or code is None or code > _SIGNAL or code not in (evidence.allowed_exit_codes or ()):
        return stop
    return Stop(Case.STOPPED_ALLOWED, f"exit code {code}, but {stop.cause}")


def _own_end(evidence: Evidence, pod: PodState, container: ContainerState) -> Stop:
    """What the container and its pod say where nothing from outside ended them."""
    if container.reason in _NO_IMAGE:
        return Stop(Case.IMAGE, _reason_words(container))
    if container.reason in _NO_START:
        return Stop(Case.CONFIG, _reason_words(container))
    if container.state != "terminated":
        if pod.unschedulable and not pod.node:
            return Stop(Case.UNSCHEDULABLE, pod.unschedulable)
        said = f"{pod.reason}: {pod.message}".strip(": ") or "no reason was given"
        words = f"its pod ended as {pod.phase} with the container {container.state} ({said})"
        # One that nobody has ended is only gone, and may have gone with its matrix.
        return Stop(Case.VANISHED, words) if pod.phase in ("Failed", "Succeeded") else _vanished(evidence, words)
    if container.reason == "OOMKilled":
        return Stop(Case.OOM, f"killed for want of memory ({_exit_words(container)})")
    if container.reason == STATUS_UNKNOWN or container.exit_code is None:
        return Stop(Case.NODE_FORGOT, f"node {pod.node or '?'} does not know how the container ended")
    allowed = evidence.allowed_exit_codes
    if allowed is None:
        words = "the matrix dropped its cell, and which exit codes that allowed is not known any more"
        return Stop(Case.CODES_UNKNOWN, f"{_exit_words(container)}, but {words}")
    if not is_allowed(container.exit_code, container.signal, allowed):
        if evidence.captured.hold is not None:
            return Stop(Case.HOLD_ASKED, f"{_exit_words(container)}, and its log asks for a hold")
        if container.exit_code == TRY_LATER:
            return Stop(Case.RATE_LIMITED, f"{_exit_words(container)}, which asks to be tried again later")
        words = exit_words(container.exit_code, container.signal, allowed)
        return Stop(Case.EXIT, f"{words}: {container.message}".rstrip(": "))
    # a pod whose container ended with another code than 0 is Failed, and if that is all it gives no reason
    if pod.phase == "Failed" and (container.exit_code == 0 or pod.reason):
        words = f"the pod is Failed ({pod.reason or 'no reason'})"
        return Stop(Case.STOPPED_ALLOWED, f"exit code {container.exit_code}, but {words}")
    return _proof(evidence, container.exit_code)


def is_allowed(code: int | None, number: int | None, allowed: Sequence[int]) -> bool:
    """Whether a container's own end counts as success; with a signal that its code does not tell it never does."""
    return code in allowed and not (number and code != _SIGNAL + number)


def exit_words(code: int | None, number: int | None, allowed: Sequence[int]) -> str:
    """How the cause of an end that is not allowed begins; `number` is that of the signal."""
    others = "" if tuple(allowed) == (0,) else f", allowed: {', '.join(map(str, allowed))}"
    return f"{_signal_words(code, number)}{others}"


def _proof(evidence: Evidence, code: int) -> Stop:
    """An allowed exit code and nobody interfered: is there proof that the work was done?"""
    captured, missing = evidence.captured, evidence.missing_metrics
    names = ", ".join(missing)
    if captured.state in (LogState.LOST, LogState.NONE):
        return Stop(Case.LOG_LOST, f"exit code {code}, but {_log_words(captured)}")
    capped = captured.state is LogState.TRUNCATED and captured.capped
    cut = f"its log was cut at {captured.bytes} bytes by {captured.limit or 'spec.logs.maxBytes'}"
    if captured.state is LogState.TRUNCATED and not capped:
        lacks = f", and required metrics are missing: {names}" if missing else ""
        return Stop(Case.LOG_GAP, f"exit code {code}, but {_log_words(captured)}{lacks}")
    if evidence.missing_marker:
        lacks = f", and required metrics are missing: {names}" if missing else ""
        hidden = capped and evidence.reread
        where = "the part of its log that was kept" if hidden else "its log"
        words = f"exit code {code}, but the end marker {evidence.missing_marker!r} is not in {where}{lacks}"
        return Stop(Case.NO_MARKER_CAPPED, f"{words}; {cut}") if hidden else Stop(Case.NO_MARKER, words)
    if missing:
        return Stop(
            Case.NO_METRIC_CAPPED if capped else Case.NO_METRIC,
            f"exit code {code}, but required metrics are missing: {names}" + (f"; {cut}" if capped else ""),
        )
    if capped:
        said = f"exit code {code}, which is allowed; " if code else ""
        return Stop(Case.SUCCEEDED_CAPPED, f"{said}{cut}")
    return Stop(Case.SUCCEEDED, f"exit code {code}, which is allowed" if code else "")


def _without_pod(evidence: Evidence) -> Stop:
    """No pod was ever seen, or none of it is left; a success that Kubernetes counted is none without its pod."""
    job, intent = evidence.job, evidence.intent
    if intent is not None and intent.action in INTENTS:
        return Stop(INTENTS[intent.action], intent.message or f"stopped by the operator ({intent.action})")
    if job is None:
        return _vanished(evidence, "its Job and pod were gone before they could be recorded")
    said = f"{job.reason}: {job.message}".strip(": ") or "no reason was given"
    if job.phase == "complete":
        return Stop(
            Case.UNSEEN_SUCCESS, "Kubernetes counts the Job as complete, but its pod was gone before it was read"
        )
    if job.phase != "failed" or job.reason in POD_FAILED:
        return _vanished(evidence, f"its pod was gone before it could be recorded ({said})")
    if job.reason == "DeadlineExceeded":
        return Stop(Case.TIMEOUT_UNSTARTED, f"the Job failed before a pod of it was seen ({said})")
    return Stop(Case.CONFIG, f"the Job failed before a pod of it was seen ({said})")


def _vanished(evidence: Evidence, cause: str) -> Stop:
    return WITH_ITS_MATRIX if evidence.matrix_deleted else Stop(Case.VANISHED, cause)


def _log_words(captured: Captured) -> str:
    words = {
        LogState.LOST: "its log is lost",
        LogState.NONE: "there is no log of it",
        LogState.TRUNCATED: "part of its log is missing",
        LogState.COMPLETE: "its log is complete",
    }[captured.state]
    return f"{words} ({captured.message})" if captured.message else words


def _reason_words(container: ContainerState) -> str:
    return f"{container.reason}: {container.message}".rstrip(": ")


def _exit_words(container: ContainerState) -> str:
    return _signal_words(container.exit_code, container.signal)


def _signal_words(code: int | None, number: int | None) -> str:
    """The exit code, and the signal's name where a shell's 128 + n or the runtime tells of one."""
    told = number
    if not number and code is not None and _SIGNAL < code < 256:
        number = code - _SIGNAL
    try:
        name = signal.Signals(number).name if number else ""
    except ValueError:
        name = f"signal {told}" if told else ""
    return f"exit code {code}" + (f" ({name})" if name else "")
