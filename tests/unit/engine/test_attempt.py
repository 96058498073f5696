"""The life of one attempt: which action follows from which sight, and never a record before the log."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from batchmatrix.capture.policy import FOLLOW_AFTER
from batchmatrix.engine.actions import AskWhy, Capture, Finish, Intend, Kill, Seal
from batchmatrix.engine.attempt import LIVE_GRACE, Attempt, CaptureView, Phase, Step, step
from batchmatrix.engine.obstacles import ASK_AFTER, Obstacle
from batchmatrix.model.evidence import Captured, Intent, LogState
from batchmatrix.model.observed import ContainerState
from tests.support.engine import NOW, RUNNING, WAITING, a_job, a_pod, a_policy, an_attempt, exited

WHOLE = CaptureView(live=True, captured=Captured(LogState.COMPLETE, bytes=3, lines=1, sha256="f" * 64, key="k"))
POLICY = a_policy(timeout=600.0)


def after(attempt: Attempt, *, now: float = NOW, slots: bool = True, **policy: object) -> Step:
    return step(attempt, replace(POLICY, **policy), now, may_follow=lambda: slots)  # type: ignore[arg-type]


def test_a_job_without_its_pod_is_waited_for_and_given_up_by_an_intent() -> None:
    job = a_job(created=NOW)
    assert after(an_attempt(None, job=job)) == Step(Phase.PENDING, wake=NOW + ASK_AFTER)
    late = NOW + POLICY.pending.other
    assert after(an_attempt(None, job=job), now=late) == Step(Phase.PENDING, (AskWhy(job),), wake=late + 1.0)
    asked = an_attempt(None, job=job, obstacle=Obstacle(late))
    (intend,) = after(asked, now=late).actions
    assert isinstance(intend, Intend)
    assert intend.action == "config"
    assert isinstance(after(an_attempt(None, job=job, intent=Intent("config", NOW))).actions[0], Finish)


def test_a_job_without_its_pod_is_asked_about_once_a_minute() -> None:
    job = a_job(created=NOW)
    for quota, phase in (("exceeded quota: gpus", Phase.QUEUED), ("denied", Phase.PENDING)):
        attempt = an_attempt(None, job=job, obstacle=Obstacle(NOW + 30).then(quota, NOW + 40))
        early = after(attempt, now=NOW + 50)
        assert (early.phase, early.actions, early.wake) == (phase, (), NOW + 100)
        assert quota in early.waiting_for
        assert after(attempt, now=NOW + 100).actions == (AskWhy(job),)


def test_an_obstacle_that_cannot_be_looked_up_again_is_still_there() -> None:
    found = Obstacle(NOW).then("exceeded quota: gpus", NOW + 1)
    again = found.then(None, NOW + 61)
    assert (again.text, again.quota, again.asked, again.quota_until) == (found.text, True, NOW + 61, NOW + 61)
    gone = again.then("", NOW + 121)
    assert (gone.quota, gone.quota_until) == (False, NOW + 61)


def test_a_suspended_job_is_waited_for_without_a_deadline() -> None:
    suspended = after(an_attempt(None, job=a_job(suspended=True)), now=NOW + 1e6)
    assert (suspended.phase, suspended.actions, suspended.wake) == (Phase.QUEUED, (), None)


def test_a_deletion_by_others_of_an_unwanted_attempt_is_a_cancellation() -> None:
    pod = a_pod(container=RUNNING, deleting_since=NOW)
    capture, intend = after(an_attempt(pod, wanted=False)).actions
    assert capture == Capture(pod, follow=True)
    assert isinstance(intend, Intend)
    assert intend.action == "cancel"


def test_a_failed_job_whose_pod_does_not_show_up_is_recorded_after_a_grace() -> None:
    job = a_job(phase="failed", finished=NOW - 1)
    waiting = after(an_attempt(None, job=job))
    assert waiting.actions == ()
    assert waiting.wake == NOW + 9
    assert [type(action) for action in after(an_attempt(None, job=job), now=NOW + 9).actions] == [Finish]


def test_a_vanished_launch_is_recorded() -> None:
    assert [type(action) for action in after(an_attempt(None, job=None)).actions] == [Finish]


@pytest.mark.parametrize(
    ("job", "intent", "state"),
    [
        (None, "", LogState.LOST),
        (None, "timeout", LogState.LOST),
        ({"phase": "complete"}, "", LogState.LOST),
        ({"phase": "failed", "reason": "BackoffLimitExceeded"}, "cancel", LogState.LOST),
        ({"deleting": True}, "", LogState.LOST),
        ({"phase": "failed", "reason": "DeadlineExceeded"}, "", LogState.NONE),
        ({}, "cancel", LogState.NONE),
        (None, "unschedulable", LogState.NONE),
    ],
)
def test_without_its_pod_a_log_is_lost_unless_nothing_can_have_written_one(
    job: dict[str, object] | None, intent: str, state: LogState
) -> None:
    known = None if job is None else replace(a_job(), finished=NOW - 100, **job)  # type: ignore[arg-type]
    attempt = an_attempt(None, job=known, intent=Intent(intent, NOW) if intent else None)
    (finish,) = after(attempt).actions
    assert isinstance(finish, Finish)
    assert finish.evidence.captured.state is state
    assert bool(finish.evidence.captured.message) == (state is LogState.LOST)


def test_a_finished_container_is_captured_before_it_is_recorded() -> None:
    pod = a_pod(container=exited(0))
    assert after(an_attempt(pod)).actions == (Capture(pod, follow=False),)
    assert after(an_attempt(pod, capture=CaptureView(live=True))).actions == ()
    (finish,) = after(an_attempt(pod, capture=WHOLE)).actions
    assert isinstance(finish, Finish)
    assert finish.evidence.captured is WHOLE.captured


def test_a_pod_that_ended_without_a_container_has_no_log_to_wait_for() -> None:
    pod = a_pod(container=WAITING, phase="Failed")
    (finish,) = after(an_attempt(pod)).actions
    assert isinstance(finish, Finish)
    assert finish.evidence.captured.state is LogState.NONE


def test_nor_has_one_that_was_deleted_before_its_container_was_made() -> None:
    """Nothing answers for such a log, so waiting for it would take the whole patience for a node that is lost."""
    unknown = ContainerState("terminated", reason="ContainerStatusUnknown")
    resolved = Intent("config", NOW, "CreateContainerConfigError")
    (finish,) = after(an_attempt(a_pod(container=unknown, phase="Failed"), intent=resolved)).actions
    assert isinstance(finish, Finish)
    assert finish.evidence.captured.state is LogState.NONE


@pytest.mark.parametrize("trace", [{"started": NOW - 5}, {"container_id": "containerd://1"}])
def test_a_container_that_left_a_trace_has_a_log_though_its_node_forgot_how_it_ended(trace: dict[str, Any]) -> None:
    pod = a_pod(container=ContainerState("terminated", reason="ContainerStatusUnknown", **trace), phase="Failed")
    assert after(an_attempt(pod)).actions == (Capture(pod, follow=False),)


def test_a_pod_that_went_away_is_still_captured_from_what_was_followed() -> None:
    pod = a_pod(container=RUNNING)
    assert after(an_attempt(pod, gone=True)).actions == (Capture(pod, follow=False),)
    assert isinstance(after(an_attempt(pod, gone=True, capture=WHOLE)).actions[0], Finish)


def test_a_short_run_is_not_followed_and_a_long_one_is() -> None:
    pod = a_pod(container=RUNNING)
    short = after(an_attempt(pod))
    assert short.actions == ()
    assert short.wake == NOW - 5 + FOLLOW_AFTER
    assert after(an_attempt(pod), now=NOW + 30).actions == (Capture(pod, follow=True),)
    assert after(an_attempt(pod), now=NOW + 30, slots=False).actions == ()
    assert after(an_attempt(pod), now=NOW + 30, log_mode="end").actions == ()
    assert after(an_attempt(pod), log_mode="follow").actions == (Capture(pod, follow=True),)


def test_a_timeout_is_written_down_then_followed_then_killed() -> None:
    pod = a_pod(container=replace(RUNNING, started=NOW - 601))
    (intend,) = after(an_attempt(pod)).actions
    assert isinstance(intend, Intend)
    assert intend.action == "timeout"
    resolved = Intent("timeout", NOW, "still running")
    assert after(an_attempt(pod, intent=resolved)).actions == (Capture(pod, follow=True),)
    catching_up = CaptureView(live=False)
    assert after(an_attempt(pod, intent=resolved, capture=catching_up)).actions == ()
    assert after(an_attempt(pod, intent=resolved, capture=CaptureView(live=True))).actions == (Seal(pod),)
    sealed = CaptureView(live=True, sealed=True)
    assert after(an_attempt(pod, intent=resolved, capture=sealed)).actions == (Kill(pod),)
    late = after(an_attempt(pod, intent=resolved, capture=catching_up), now=NOW + LIVE_GRACE)
    assert late.actions == (Kill(pod),)


def test_each_attempt_has_the_timeout_of_its_own_cell() -> None:
    pod = a_pod(container=replace(RUNNING, started=NOW - 90))
    (intend,) = after(an_attempt(pod, timeout=90.0)).actions
    assert isinstance(intend, Intend)
    assert (intend.action, intend.message) == ("timeout", "still running 90 s after its start")
    patient = after(an_attempt(pod, timeout=1200.5), now=NOW + 1110, log_mode="end")
    assert (patient.actions, patient.wake) == ((), NOW + 1110.5)
    unknown = after(an_attempt(pod), log_mode="end")
    assert unknown.wake == NOW - 90 + POLICY.timeout


def test_a_killed_pod_is_waited_for_and_given_up_when_its_node_does_not_answer() -> None:
    pod = a_pod(container=RUNNING, deleting_since=NOW - 10, grace_seconds=30.0)
    resolved = Intent("timeout", NOW - 10)
    waiting = after(an_attempt(pod, intent=resolved, capture=CaptureView(live=True)))
    assert waiting.actions == ()
    assert waiting.wake == NOW - 10 + 30 + POLICY.pending.node_lost
    assert waiting.wake is not None
    (intend,) = after(an_attempt(pod, intent=resolved, capture=CaptureView(live=True)), now=waiting.wake).actions
    assert isinstance(intend, Intend)
    assert intend.action == "nodelost"
    given_up = an_attempt(pod, intent=Intent("nodelost", NOW), capture=WHOLE)
    assert isinstance(after(given_up).actions[0], Finish)


def test_an_unwanted_attempt_is_cancelled_by_an_intent_first() -> None:
    pod = a_pod(container=RUNNING)
    (intend,) = after(an_attempt(pod, wanted=False)).actions
    assert isinstance(intend, Intend)
    assert intend.action == "cancel"


def test_what_goes_with_its_matrix_is_followed_while_its_intent_is_written() -> None:
    """Its container and its log may be gone before that is durable."""
    pod = a_pod(container=RUNNING)
    capture, intend = after(an_attempt(pod, wanted=False, matrix_deleted=True)).actions
    assert capture == Capture(pod, follow=True)
    assert isinstance(intend, Intend)
    (again,) = after(an_attempt(pod, wanted=False, matrix_deleted=True, capture=CaptureView(live=False))).actions
    assert isinstance(again, Intend)


def test_a_finished_attempt_keeps_its_own_end_although_it_is_unwanted() -> None:
    pod = a_pod(container=exited(0))
    assert after(an_attempt(pod, wanted=False)).actions == (Capture(pod, follow=False),)


@pytest.mark.parametrize(
    ("reason", "limit", "action"),
    [
        ("InvalidImageName", 0.0, "image"),
        ("ImagePullBackOff", 900.0, "image"),
        ("ErrImagePull", 900.0, "image"),
        ("CreateContainerConfigError", 300.0, "config"),
        ("ContainerCreating", 900.0, "config"),
    ],
)
def test_each_cause_of_waiting_has_its_own_patience(reason: str, limit: float, action: str) -> None:
    pod = a_pod(container=ContainerState(state="waiting", reason=reason, message="why"), scheduled=NOW)
    if limit:
        before = after(an_attempt(pod), now=NOW + limit - 1)
        assert before.actions == ()
        assert before.wake == NOW + limit
    (intend,) = after(an_attempt(pod), now=NOW + limit).actions
    assert isinstance(intend, Intend)
    assert intend.action == action
    assert reason in intend.message


def test_waiting_for_busy_devices_has_no_deadline_and_waiting_for_none_has() -> None:
    pod = a_pod(container=WAITING, node="", scheduled=None, unschedulable="0/2 nodes are available")
    busy = after(an_attempt(pod), now=NOW + 1e6)
    assert (busy.phase, busy.actions) == (Phase.QUEUED, ())
    unfit = an_attempt(pod, unfit_since=NOW, problem="no node has label gpu=x")
    assert after(unfit, now=NOW + 299).actions == ()
    (intend,) = after(unfit, now=NOW + 300).actions
    assert isinstance(intend, Intend)
    assert (intend.action, intend.message) == ("unschedulable", "no node has label gpu=x")
    assert after(unfit, now=NOW + 1e6, wait_for_nodes=True).actions == ()


def test_an_unscheduled_pod_that_is_deleted_has_ended() -> None:
    pod = a_pod(container=WAITING, node="", scheduled=None, deleting_since=NOW)
    assert isinstance(after(an_attempt(pod, intent=Intent("unschedulable", NOW))).actions[0], Finish)
