"""One test per row of the table, by the evidence that leads to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from batchmatrix.model.evidence import Blame, Captured, Evidence, HoldRequest, Intent, LogState, Outcome, Verdict
from batchmatrix.model.observed import ContainerState, JobState, PodState
from batchmatrix.outcome.table import judge
from tests.support.records import a_container, a_job, a_log, a_pod, evidence, exited, stopped

NO_LOG = Captured(LogState.NONE)


def is_verdict(verdict: Verdict, outcome: Outcome, blame: Blame, *words: str) -> None:
    assert (verdict.outcome, verdict.blame) == (outcome, blame), verdict
    for word in words:
        assert word in verdict.message
    assert "\n" not in verdict.message


def waiting(reason: str, message: str = "") -> ContainerState:
    return ContainerState("waiting", reason=reason, message=message)


# Success and its proof


def test_success_needs_exit_0_a_whole_log_and_all_metrics() -> None:
    is_verdict(judge(evidence(exited(0))), Outcome.SUCCEEDED, Blame.NOBODY)


def test_an_empty_log_that_is_complete_is_a_log() -> None:
    whole = Captured(LogState.COMPLETE, sha256="e3b0c442")
    assert judge(evidence(exited(0), captured=whole)).outcome is Outcome.SUCCEEDED


def test_a_log_cut_by_the_users_own_limit_is_a_success_that_says_so() -> None:
    capped = a_log(LogState.TRUNCATED, capped=True, bytes=1024)
    is_verdict(
        judge(evidence(exited(0), captured=capped)), Outcome.SUCCEEDED, Blame.NOBODY, "1024 bytes", "spec.logs.maxBytes"
    )


def test_a_gap_in_the_log_is_incomplete() -> None:
    gap = a_log(LogState.TRUNCATED, message="rotated away between line 10 and 90")
    verdict = judge(evidence(exited(0), captured=gap, missing_metrics=("loss",)))
    is_verdict(verdict, Outcome.INCOMPLETE, Blame.INFRASTRUCTURE, "rotated away", "loss")


@pytest.mark.parametrize("state", [LogState.LOST, LogState.NONE])
def test_exit_0_without_any_log_is_log_lost(state: LogState) -> None:
    lost = Captured(state, message="unable to retrieve container logs")
    verdict = judge(evidence(exited(0), captured=lost, missing_metrics=("loss",)))
    is_verdict(verdict, Outcome.LOG_LOST, Blame.INFRASTRUCTURE, "unable to retrieve")


def test_missing_metrics_are_named() -> None:
    verdict = judge(evidence(exited(0), missing_metrics=("loss", "p99_us")))
    is_verdict(verdict, Outcome.INCOMPLETE, Blame.WORKLOAD, "loss, p99_us", "spec.metrics")


def test_metrics_missing_from_a_capped_log_are_not_blamed_on_the_workload() -> None:
    capped = a_log(LogState.TRUNCATED, capped=True)
    verdict = judge(evidence(exited(0), captured=capped, missing_metrics=("loss",)))
    is_verdict(verdict, Outcome.INCOMPLETE, Blame.NOBODY, "loss", "spec.logs.maxBytes")


def test_an_end_marker_that_did_not_come_is_named_with_what_else_is_missing() -> None:
    verdict = judge(evidence(exited(0), missing_marker="ALL\nDONE", missing_metrics=("loss",)))
    is_verdict(verdict, Outcome.INCOMPLETE, Blame.WORKLOAD, "'ALL\\nDONE'", "loss", "spec.workload.endMarker")


def test_an_end_marker_is_missing_from_a_capped_log_too_where_all_of_it_was_looked_through() -> None:
    capped = a_log(LogState.TRUNCATED, capped=True)
    verdict = judge(evidence(exited(0), captured=capped, missing_marker="DONE"))
    is_verdict(verdict, Outcome.INCOMPLETE, Blame.WORKLOAD, "'DONE' is not in its log")
    verdict = judge(evidence(exited(0), captured=capped, missing_marker="DONE", reread=True))
    is_verdict(verdict, Outcome.INCOMPLETE, Blame.NOBODY, "the part of its log that was kept", "spec.logs.maxBytes")


def test_a_gap_in_the_log_comes_before_the_end_marker() -> None:
    gap = a_log(LogState.TRUNCATED, message="rotated away")
    is_verdict(
        judge(evidence(exited(0), captured=gap, missing_marker="DONE")), Outcome.INCOMPLETE, Blame.INFRASTRUCTURE
    )


def test_an_end_marker_does_not_matter_where_the_exit_code_is_not_allowed() -> None:
    assert judge(evidence(exited(3), missing_marker="DONE")).outcome is Outcome.UNEXPECTED_EXIT


# Exit codes that the user allows


def allowing(*codes: int, pod: PodState, **changes: Any) -> Evidence:
    return evidence(pod, allowed_exit_codes=codes, **changes)


def test_an_allowed_exit_code_is_a_success_that_names_it() -> None:
    is_verdict(judge(allowing(0, 3, pod=exited(3))), Outcome.SUCCEEDED, Blame.NOBODY, "exit code 3, which is allowed")
    assert judge(allowing(0, 3, pod=exited(0))).message == ""


def test_exit_0_is_a_failure_where_it_is_not_allowed() -> None:
    verdict = judge(allowing(3, 4, pod=exited(0)))
    is_verdict(verdict, Outcome.UNEXPECTED_EXIT, Blame.WORKLOAD, "exit code 0, allowed: 3, 4")


def test_an_allowed_exit_code_needs_the_same_proof_as_0() -> None:
    lost, gap = Captured(LogState.LOST, message="gone"), a_log(LogState.TRUNCATED, message="rotated")
    assert judge(allowing(3, pod=exited(3), captured=lost)).outcome is Outcome.LOG_LOST
    is_verdict(
        judge(allowing(3, pod=exited(3), captured=gap)), Outcome.INCOMPLETE, Blame.INFRASTRUCTURE, "exit code 3, but"
    )
    is_verdict(
        judge(allowing(3, pod=exited(3), missing_metrics=("loss",))), Outcome.INCOMPLETE, Blame.WORKLOAD, "exit code 3"
    )


def test_an_allowed_exit_code_while_the_pod_was_being_stopped_proves_nothing() -> None:
    pod = stopped(exited(3, after=61), disrupted=60, by="EvictionByEvictionAPI")
    is_verdict(judge(allowing(3, pod=pod)), Outcome.INCOMPLETE, Blame.INFRASTRUCTURE, "exit code 3, but evicted")
    assert judge(allowing(3, pod=replace(exited(3), reason="Strange"))).outcome is Outcome.INCOMPLETE


@pytest.mark.parametrize("code", [137, 143])
def test_the_code_of_a_signal_belongs_to_what_stopped_the_pod_although_it_is_allowed(code: int) -> None:
    pod = stopped(exited(code, after=61), disrupted=60, by="EvictionByEvictionAPI")
    assert judge(allowing(code, pod=pod)).outcome is Outcome.EVICTED
    assert judge(allowing(code, pod=exited(code, after=61), intent=("timeout", 60))).outcome is Outcome.TIMEOUT


def test_an_allowed_code_of_a_signal_is_a_success_if_nobody_stopped_it() -> None:
    pod = replace(exited(139), container=replace(exited(139).container, signal=11))
    is_verdict(judge(allowing(139, pod=pod)), Outcome.SUCCEEDED, Blame.NOBODY, "exit code 139")


def test_no_list_of_exit_codes_makes_a_success_of_what_the_workload_did_not_end() -> None:
    assert judge(allowing(137, pod=exited(137, reason="OOMKilled"))).outcome is Outcome.OOM_KILLED
    assert judge(allowing(137, pod=exited(137, reason="ContainerStatusUnknown"))).outcome is Outcome.NODE_LOST
    assert judge(allowing(128, pod=exited(128, reason="StartError"))).outcome is Outcome.CONFIG_ERROR


@pytest.mark.parametrize("code", [0, 3, 137])
def test_no_exit_code_is_a_success_or_a_failure_where_nobody_knows_which_are_allowed(code: int) -> None:
    verdict = judge(evidence(exited(code), allowed_exit_codes=None))
    is_verdict(verdict, Outcome.INCOMPLETE, Blame.INFRASTRUCTURE, f"exit code {code}", "dropped its cell")


def test_what_needs_no_list_of_exit_codes_keeps_its_outcome_without_one() -> None:
    unknown: dict[str, Any] = {"allowed_exit_codes": None}
    assert judge(evidence(exited(137, reason="OOMKilled"), **unknown)).outcome is Outcome.OOM_KILLED
    pod = stopped(exited(0, after=61), disrupted=60, by="EvictionByEvictionAPI")
    assert judge(evidence(pod, **unknown)).outcome is Outcome.EVICTED
    assert judge(evidence(exited(143, after=61), intent=("cancel", 60), **unknown)).outcome is Outcome.CANCELLED


# The workload's own ends


def test_another_exit_code_is_unexpected() -> None:
    is_verdict(judge(evidence(exited(3))), Outcome.UNEXPECTED_EXIT, Blame.WORKLOAD, "exit code 3;")


@pytest.mark.parametrize(
    ("code", "words"), [(137, "137 (SIGKILL)"), (139, "139 (SIGSEGV)"), (143, "143 (SIGTERM)"), (255, "code 255;")]
)
def test_an_exit_code_over_128_names_its_signal(code: int, words: str) -> None:
    is_verdict(judge(evidence(exited(code))), Outcome.UNEXPECTED_EXIT, Blame.WORKLOAD, words)


def test_a_signal_that_the_runtime_tells_of_is_no_success_even_with_exit_0() -> None:
    pod = a_pod(container=a_container(signal=9))
    is_verdict(judge(evidence(pod)), Outcome.UNEXPECTED_EXIT, Blame.WORKLOAD, "SIGKILL")


def test_a_failed_run_without_its_log_says_so() -> None:
    verdict = judge(evidence(exited(3), captured=Captured(LogState.LOST, message="node away")))
    is_verdict(verdict, Outcome.UNEXPECTED_EXIT, Blame.WORKLOAD, "exit code 3", "its log is lost (node away)")


def test_the_containers_own_message_is_one_clean_line() -> None:
    verdict = judge(evidence(exited(3, message="Traceback\n\x1b[31mboom" + "x" * 5000)))
    is_verdict(verdict, Outcome.UNEXPECTED_EXIT, Blame.WORKLOAD, "Traceback �[31mboom", "the end of its log")
    assert len(verdict.message) <= 600


@pytest.mark.parametrize("code", [137, 0])
def test_out_of_memory_is_known_by_its_reason_and_not_by_its_code(code: int) -> None:
    verdict = judge(evidence(exited(code, reason="OOMKilled")))
    is_verdict(verdict, Outcome.OOM_KILLED, Blame.WORKLOAD, f"exit code {code}", "memory limit")


# Rate limits

ASKED = HoldRequest(seconds=60.0)


def test_exit_75_is_a_rate_limit_unless_it_is_allowed() -> None:
    is_verdict(judge(evidence(exited(75))), Outcome.RATE_LIMITED, Blame.INFRASTRUCTURE, "75", "spec.retry.RateLimited")
    assert judge(allowing(0, 75, pod=exited(75))).outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("code", [1, 75, 137])
def test_a_hold_line_makes_a_rate_limit_of_every_code_that_is_not_allowed(code: int) -> None:
    verdict = judge(evidence(exited(code), captured=a_log(hold=ASKED)))
    is_verdict(verdict, Outcome.RATE_LIMITED, Blame.INFRASTRUCTURE, f"exit code {code}", "asks for a hold")


def test_a_hold_line_does_not_matter_where_the_exit_code_is_allowed() -> None:
    assert judge(evidence(exited(0), captured=a_log(hold=ASKED))).outcome is Outcome.SUCCEEDED


def test_what_did_not_end_by_itself_met_no_rate_limit() -> None:
    log = a_log(hold=ASKED)
    timed_out = stopped(exited(75, after=61), deleted=60)
    assert judge(evidence(timed_out, captured=log, intent=("timeout", 60.0))).outcome is Outcome.TIMEOUT
    evicted = stopped(exited(75, after=31), disrupted=30, by="EvictionByEvictionAPI")
    assert judge(evidence(evicted, captured=log)).outcome is Outcome.EVICTED
    assert judge(evidence(exited(137, reason="OOMKilled"), captured=log)).outcome is Outcome.OOM_KILLED
    assert judge(evidence(exited(75), captured=log, allowed_exit_codes=None)).outcome is Outcome.INCOMPLETE


# Timeouts


@pytest.mark.parametrize("code", [0, 137])
def test_a_container_that_the_timeout_ended_is_a_timeout(code: int) -> None:
    pod = stopped(exited(code, after=61), deleted=60)
    is_verdict(judge(evidence(pod, intent=("timeout", 60.4))), Outcome.TIMEOUT, Blame.WORKLOAD, "spec.workload.timeout")


@pytest.mark.parametrize(("after", "outcome"), [(58, Outcome.SUCCEEDED), (59, Outcome.TIMEOUT)])
def test_a_container_that_surely_ended_before_the_timeout_keeps_its_outcome(after: float, outcome: Outcome) -> None:
    assert judge(evidence(exited(0, after=after), intent=("timeout", 60.9))).outcome is outcome


def test_the_pods_deadline_is_a_timeout() -> None:
    pod = exited(0, reason="Completed", phase="Failed", message="active too long")
    pod = replace(pod, reason="DeadlineExceeded")
    is_verdict(judge(evidence(pod)), Outcome.TIMEOUT, Blame.WORKLOAD, "DeadlineExceeded")


def test_the_pods_deadline_before_the_container_started_is_not_the_workloads_fault() -> None:
    pod = a_pod(phase="Failed", reason="DeadlineExceeded", container=waiting("ContainerCreating"))
    is_verdict(judge(evidence(pod, captured=NO_LOG)), Outcome.TIMEOUT, Blame.INFRASTRUCTURE, "never started")


def test_a_timeout_whose_pod_is_gone_is_a_timeout() -> None:
    is_verdict(judge(evidence(None, intent=("timeout", 60))), Outcome.TIMEOUT, Blame.WORKLOAD)


# Disruptions


@pytest.mark.parametrize(
    ("by", "outcome"),
    [
        ("EvictionByEvictionAPI", Outcome.EVICTED),
        ("TerminationByKubelet", Outcome.EVICTED),
        ("SomethingNew", Outcome.EVICTED),
        ("PreemptionByScheduler", Outcome.PREEMPTED),
        ("PreemptionByKubeScheduler", Outcome.PREEMPTED),
        # The node has said that the container ended: it is not lost, somebody has tainted it.
        ("DeletionByTaintManager", Outcome.EVICTED),
        ("DeletionByPodGC", Outcome.EVICTED),
    ],
)
def test_a_disruption_names_the_outcome(by: str, outcome: Outcome) -> None:
    pod = stopped(exited(137, after=31), deleted=30, disrupted=30, by=by)
    is_verdict(judge(evidence(pod)), outcome, Blame.INFRASTRUCTURE, by, "gpu-1")


@pytest.mark.parametrize("by", ["DeletionByTaintManager", "DeletionByPodGC"])
@pytest.mark.parametrize(
    "container",
    [
        {"state": "running", "exit_code": None, "finished": None},
        {"reason": "ContainerStatusUnknown", "exit_code": None, "finished": None},
    ],
)
def test_a_node_that_never_said_how_its_container_ended_is_lost(by: str, container: dict[str, Any]) -> None:
    pod = stopped(a_pod(phase="Failed", container=a_container(**container)), deleted=30, disrupted=30, by=by)
    is_verdict(judge(evidence(pod)), Outcome.NODE_LOST, Blame.INFRASTRUCTURE, by, "may still run")


@pytest.mark.parametrize("by", ["EvictionByEvictionAPI", ""])
def test_a_node_whose_clock_is_a_little_behind_grants_no_success(by: str) -> None:
    """The container answered a SIGTERM of second 30 at once, and its node wrote 29."""
    pod = stopped(exited(0, after=29), deleted=30, disrupted=30 if by else None, by=by)
    assert judge(evidence(pod)).outcome is Outcome.INCOMPLETE


@pytest.mark.parametrize(("code", "outcome"), [(0, Outcome.SUCCEEDED), (3, Outcome.UNEXPECTED_EXIT)])
def test_a_drain_of_a_pod_that_had_ended_changes_nothing(code: int, outcome: Outcome) -> None:
    pod = stopped(exited(code, after=28), deleted=30, disrupted=30, by="EvictionByEvictionAPI")
    assert judge(evidence(pod)).outcome is outcome


@pytest.mark.parametrize("after", [30, 45])
@pytest.mark.parametrize("mark", ["deleted", "disrupted"])
def test_exit_0_while_it_is_stopped_proves_nothing_and_a_tie_is_no_proof_either(mark: str, after: float) -> None:
    pod = stopped(exited(0, after=after), **{mark: 30.0}, by="EvictionByEvictionAPI")
    is_verdict(judge(evidence(pod)), Outcome.INCOMPLETE, Blame.INFRASTRUCTURE, "exit code 0, but")


def test_exit_0_at_an_unknown_time_is_no_proof_under_a_deletion() -> None:
    pod = stopped(a_pod(container=a_container(finished=None)), deleted=30)
    assert judge(evidence(pod)).outcome is Outcome.INCOMPLETE


def test_exit_0_of_a_pod_that_kubernetes_calls_failed_is_no_proof() -> None:
    is_verdict(judge(evidence(exited(0, phase="Failed"))), Outcome.INCOMPLETE, Blame.INFRASTRUCTURE)


@pytest.mark.parametrize(
    ("reason", "outcome", "words"),
    [
        ("Evicted", Outcome.EVICTED, "low on ephemeral-storage"),
        ("Terminated", Outcome.EVICTED, "gpu-1"),
        ("NodeShutdown", Outcome.EVICTED, "gpu-1"),
        ("Preempting", Outcome.PREEMPTED, "gpu-1"),
        ("NodeLost", Outcome.NODE_LOST, "may still run"),
        ("OutOfnvidia.com/gpu", Outcome.EVICTED, "refused"),
        ("UnexpectedAdmissionError", Outcome.EVICTED, "refused"),
        ("NodeAffinity", Outcome.EVICTED, "refused"),
    ],
)
def test_the_reason_of_a_failed_pod_counts_without_any_mark(reason: str, outcome: Outcome, words: str) -> None:
    pod = a_pod(phase="Failed", reason=reason, message="low on ephemeral-storage", container=waiting(""))
    is_verdict(judge(evidence(pod, captured=NO_LOG)), outcome, Blame.INFRASTRUCTURE, words)


def test_a_drain_before_the_timeout_is_what_ended_it() -> None:
    pod = stopped(exited(137, after=80), deleted=50, disrupted=50, by="EvictionByEvictionAPI")
    assert judge(evidence(pod, intent=("timeout", 60))).outcome is Outcome.EVICTED


def test_a_drain_after_the_timeout_is_not_what_ended_it() -> None:
    pod = stopped(exited(137, after=80), deleted=60, disrupted=70, by="EvictionByEvictionAPI")
    assert judge(evidence(pod, intent=("timeout", 60))).outcome is Outcome.TIMEOUT


def test_a_clock_that_is_behind_does_not_make_our_own_kill_somebody_elses() -> None:
    pod = stopped(exited(137, after=70), deleted=58)
    assert judge(evidence(pod, intent=("timeout", 60))).outcome is Outcome.TIMEOUT


# Nodes


def test_a_node_that_was_given_up_may_still_run_it() -> None:
    pod = stopped(a_pod(phase="Running", container=ContainerState("running", started=1.0)), deleted=30)
    is_verdict(judge(evidence(pod, intent=("nodelost", 600))), Outcome.NODE_LOST, Blame.INFRASTRUCTURE, "may still run")


def test_a_node_that_was_given_up_holds_against_the_drain_that_came_before() -> None:
    pod = stopped(a_pod(container=ContainerState("running", started=1.0)), disrupted=30, by="EvictionByEvictionAPI")
    assert judge(evidence(pod, intent=("nodelost", 600))).outcome is Outcome.NODE_LOST


def test_a_container_that_its_node_forgot_is_not_the_workloads_fault() -> None:
    pod = exited(137, reason="ContainerStatusUnknown")
    is_verdict(judge(evidence(pod)), Outcome.NODE_LOST, Blame.INFRASTRUCTURE, "gpu-1")


# Deletions


def test_a_pod_deleted_by_hand_is_interrupted() -> None:
    pod = stopped(exited(143, after=31), deleted=30)
    is_verdict(judge(evidence(pod)), Outcome.INTERRUPTED, Blame.INFRASTRUCTURE, "deleted by somebody else")


def test_a_pod_of_a_suspended_job_is_preempted() -> None:
    pod = stopped(exited(143, after=31), deleted=30)
    verdict = judge(evidence(pod, job=a_job(suspended=True)))
    is_verdict(verdict, Outcome.PREEMPTED, Blame.QUEUE, "queue", "no further attempt")


def test_a_pod_deleted_before_its_container_started_is_interrupted() -> None:
    pod = stopped(a_pod(phase="Pending", container=waiting("ImagePullBackOff")), deleted=5)
    is_verdict(judge(evidence(pod, captured=NO_LOG)), Outcome.INTERRUPTED, Blame.INFRASTRUCTURE)


def test_a_pod_that_vanished_while_it_ran_is_interrupted() -> None:
    pod = a_pod(phase="Running", container=ContainerState("running", started=1.0))
    is_verdict(judge(evidence(pod)), Outcome.INTERRUPTED, Blame.INFRASTRUCTURE, "Running")


# Never started


@pytest.mark.parametrize(
    "reason", ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"]
)
def test_an_image_that_cannot_be_had(reason: str) -> None:
    pod = a_pod(phase="Pending", container=waiting(reason, "manifest unknown"))
    verdict = judge(evidence(pod, captured=NO_LOG))
    is_verdict(verdict, Outcome.IMAGE_ERROR, Blame.INFRASTRUCTURE, f"{reason}: manifest unknown", "imagePullSecrets")


@pytest.mark.parametrize("reason", ["CreateContainerConfigError", "CreateContainerError", "RunContainerError"])
def test_a_container_that_cannot_be_made(reason: str) -> None:
    pod = a_pod(phase="Pending", container=waiting(reason, 'secret "x" not found'))
    verdict = judge(evidence(pod, captured=NO_LOG))
    is_verdict(verdict, Outcome.CONFIG_ERROR, Blame.INFRASTRUCTURE, 'secret "x" not found')


def test_a_command_that_is_not_in_the_image() -> None:
    verdict = judge(evidence(exited(128, reason="StartError", message="exec: no such file"), captured=NO_LOG))
    is_verdict(verdict, Outcome.CONFIG_ERROR, Blame.INFRASTRUCTURE, "no such file", "command")


@pytest.mark.parametrize(
    ("action", "outcome"),
    [
        ("image", Outcome.IMAGE_ERROR),
        ("config", Outcome.CONFIG_ERROR),
        ("unschedulable", Outcome.UNSCHEDULABLE),
        ("conflict", Outcome.NAME_CONFLICT),
    ],
)
def test_an_attempt_given_up_before_it_started(action: str, outcome: Outcome) -> None:
    pod = stopped(a_pod(phase="Pending", container=waiting("")), deleted=61)
    for found in (evidence(pod, intent=(action, 60)), evidence(None, intent=(action, 60), job=None)):
        is_verdict(judge(replace(found, captured=NO_LOG)), outcome, Blame.INFRASTRUCTURE, f"the operator says {action}")


def test_a_cell_that_fits_no_node_says_which_label() -> None:
    intent = Intent("unschedulable", 0.0, "no node has gpu.product=H200")
    verdict = judge(Evidence(None, None, NO_LOG, intent))
    is_verdict(verdict, Outcome.UNSCHEDULABLE, Blame.INFRASTRUCTURE, "gpu.product=H200")


def test_a_pod_that_waits_for_a_node_and_is_given_up_without_an_intent() -> None:
    pod = a_pod(phase="Pending", node="", unschedulable="0/2 nodes are available", container=waiting(""))
    is_verdict(judge(evidence(pod, captured=NO_LOG)), Outcome.UNSCHEDULABLE, Blame.INFRASTRUCTURE, "0/2 nodes")


def test_exit_0_after_it_was_given_up_proves_nothing() -> None:
    assert judge(evidence(exited(0, after=61), intent=("config", 60))).outcome is Outcome.INCOMPLETE


@pytest.mark.parametrize("code", [0, 143])
def test_what_was_cancelled_is_cancelled_even_during_a_drain(code: int) -> None:
    pod = stopped(exited(code, after=61), deleted=60, disrupted=40, by="EvictionByEvictionAPI")
    is_verdict(judge(evidence(pod, intent=("cancel", 60))), Outcome.CANCELLED, Blame.NOBODY)


@pytest.mark.parametrize("code", [0, 3, 143])
def test_what_is_deleted_with_its_matrix_is_cancelled(code: int) -> None:
    pod = stopped(exited(code, after=61), deleted=60)
    found = judge(evidence(pod, matrix_deleted=True))
    is_verdict(found, Outcome.CANCELLED, Blame.NOBODY, "deleted with its matrix")


@pytest.mark.parametrize("job", [None, a_job(), a_job(phase="failed", reason="BackoffLimitExceeded")])
def test_what_is_gone_with_its_matrix_is_cancelled(job: JobState | None) -> None:
    found = judge(evidence(None, job=job, captured=NO_LOG, matrix_deleted=True))
    is_verdict(found, Outcome.CANCELLED, Blame.NOBODY, "deleted with its matrix")


@pytest.mark.parametrize(("phase", "outcome"), [("Running", Outcome.CANCELLED), ("Failed", Outcome.INTERRUPTED)])
def test_of_a_pod_whose_end_nobody_saw_its_matrix_takes_what_it_had_not_ended(phase: str, outcome: Outcome) -> None:
    pod = a_pod(phase=phase, container=ContainerState("running"))
    assert judge(evidence(pod, captured=NO_LOG)).outcome is Outcome.INTERRUPTED
    assert judge(evidence(pod, captured=NO_LOG, matrix_deleted=True)).outcome is outcome


def test_what_ended_before_its_matrix_was_deleted_keeps_its_outcome() -> None:
    pod = stopped(exited(3, after=50), deleted=60)
    assert judge(evidence(pod, matrix_deleted=True)).outcome is Outcome.UNEXPECTED_EXIT


def test_what_ended_before_it_was_cancelled_keeps_its_outcome() -> None:
    assert judge(evidence(exited(3, after=50), intent=("cancel", 60))).outcome is Outcome.UNEXPECTED_EXIT


# No pod


def test_a_complete_job_without_its_pod_is_no_success() -> None:
    verdict = judge(evidence(None, job=a_job(phase="complete"), captured=NO_LOG))
    is_verdict(verdict, Outcome.LOG_LOST, Blame.INFRASTRUCTURE, "complete")


def test_a_job_that_failed_without_a_pod_says_why() -> None:
    job = a_job(phase="failed", reason="FailedIndexes", message="admission webhook denied it")
    verdict = judge(evidence(None, job=job, captured=NO_LOG))
    is_verdict(verdict, Outcome.CONFIG_ERROR, Blame.INFRASTRUCTURE, "admission webhook denied it")


def test_a_job_that_failed_with_its_pod_has_lost_it() -> None:
    job = a_job(phase="failed", reason="BackoffLimitExceeded", message="Job has reached the specified backoff limit")
    is_verdict(judge(evidence(None, job=job, captured=NO_LOG)), Outcome.INTERRUPTED, Blame.INFRASTRUCTURE, "pod")


def test_a_job_past_its_deadline_without_a_pod() -> None:
    job = a_job(phase="failed", reason="DeadlineExceeded")
    is_verdict(judge(evidence(None, job=job, captured=NO_LOG)), Outcome.TIMEOUT, Blame.INFRASTRUCTURE)


@pytest.mark.parametrize("job", [None, a_job(deleting=True)])
def test_nothing_left_is_interrupted(job: None) -> None:
    is_verdict(judge(evidence(None, job=job, captured=NO_LOG)), Outcome.INTERRUPTED, Blame.INFRASTRUCTURE, "gone")


def test_an_unknown_intent_proves_nothing() -> None:
    assert judge(evidence(exited(0), intent=("dance", 0))).outcome is Outcome.SUCCEEDED
