"""Every case of the table has evidence that leads to it, and leaves the process under its own reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from batchmatrix.model.evidence import Captured, Evidence, HoldRequest, Intent, LogState
from batchmatrix.model.observed import ContainerState
from batchmatrix.outcome.cases import TABLE, Case
from batchmatrix.outcome.table import judge
from tests.support.records import a_container, a_job, a_log, a_pod, evidence, exited, stopped

_NO_LOG = Captured(LogState.NONE)
_RUNNING = a_pod(phase="Running", container=ContainerState("running", started=1.0))


def _waiting(reason: str) -> ContainerState:
    return ContainerState("waiting", reason=reason)


def _unstarted(reason: str) -> Evidence:
    return evidence(a_pod(phase="Pending", container=_waiting(reason)), captured=_NO_LOG)


EVIDENCE: dict[Case, Evidence] = {
    Case.SUCCEEDED: evidence(exited(0)),
    Case.SUCCEEDED_CAPPED: evidence(exited(0), captured=a_log(LogState.TRUNCATED, capped=True)),
    Case.EXIT: evidence(exited(3)),
    Case.TIMEOUT: evidence(stopped(exited(137, after=61), deleted=60), intent=("timeout", 60)),
    Case.TIMEOUT_UNSTARTED: evidence(
        a_pod(phase="Failed", reason="DeadlineExceeded", container=_waiting("")), captured=_NO_LOG
    ),
    Case.OOM: evidence(exited(137, reason="OOMKilled")),
    Case.IMAGE: _unstarted("ImagePullBackOff"),
    Case.CONFIG: _unstarted("CreateContainerConfigError"),
    Case.UNSCHEDULABLE: Evidence(None, None, _NO_LOG, Intent("unschedulable", 0.0, "no node has gpu.product=H200")),
    Case.PREEMPTED: evidence(stopped(exited(137, after=31), disrupted=30, by="PreemptionByScheduler")),
    Case.SUSPENDED: evidence(stopped(exited(143, after=31), deleted=30), job=a_job(suspended=True)),
    Case.EVICTED: evidence(stopped(exited(137, after=31), disrupted=30, by="EvictionByEvictionAPI")),
    Case.TURNED_AWAY: evidence(a_pod(phase="Failed", reason="OutOfcpu", container=_waiting("")), captured=_NO_LOG),
    Case.NODE_LOST: evidence(stopped(_RUNNING, deleted=30), intent=("nodelost", 600)),
    Case.NODE_GONE: evidence(stopped(_RUNNING, disrupted=30, by="DeletionByPodGC")),
    Case.NODE_FORGOT: evidence(exited(137, reason="ContainerStatusUnknown")),
    Case.DELETED: evidence(stopped(exited(143, after=31), deleted=30)),
    Case.VANISHED: evidence(None, job=None, captured=_NO_LOG),
    Case.RATE_LIMITED: evidence(exited(75)),
    Case.HOLD_ASKED: evidence(exited(1), captured=a_log(hold=HoldRequest(seconds=60.0))),
    Case.STOPPED_ALLOWED: evidence(stopped(exited(0, after=31), deleted=30)),
    Case.LOG_GAP: evidence(exited(0), captured=a_log(LogState.TRUNCATED)),
    Case.CODES_UNKNOWN: evidence(exited(0), allowed_exit_codes=None),
    Case.NO_MARKER: evidence(exited(0), missing_marker="DONE"),
    Case.NO_MARKER_CAPPED: evidence(
        exited(0), captured=a_log(LogState.TRUNCATED, capped=True), missing_marker="DONE", reread=True
    ),
    Case.NO_METRIC: evidence(exited(0), missing_metrics=("loss",)),
    Case.NO_METRIC_CAPPED: evidence(
        exited(0), captured=a_log(LogState.TRUNCATED, capped=True), missing_metrics=("loss",)
    ),
    Case.LOG_LOST: evidence(exited(0), captured=Captured(LogState.LOST)),
    Case.UNSEEN_SUCCESS: evidence(None, job=a_job(phase="complete"), captured=_NO_LOG),
    Case.CONFLICT: Evidence(None, None, _NO_LOG, Intent("conflict", 0.0, "a foreign Job has its name")),
    Case.CANCELLED: evidence(stopped(exited(143, after=61), deleted=60), intent=("cancel", 60)),
}
"""The plainest evidence of each case; the finer points are in test_table.py."""


@pytest.mark.parametrize("case", Case)
def test_each_case_is_reached_and_named(case: Case) -> None:
    verdict, row = judge(EVIDENCE[case]), TABLE[case]
    assert (verdict.reason, verdict.outcome, verdict.blame) == (case.value, row.outcome, row.blame)
    assert row.remedy in verdict.message


def test_the_reason_does_not_hang_on_what_the_container_says() -> None:
    pod = a_pod(container=replace(a_container(exit_code=3), message="Cancelled"), phase="Failed")
    assert judge(evidence(pod)).reason == "ExitNotAllowed"
