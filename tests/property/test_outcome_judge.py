"""Every evidence has one verdict, and none is a success without proof."""

from __future__ import annotations

from math import floor
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from batchmatrix.model.evidence import Blame, Captured, Evidence, HoldRequest, Intent, LogState, Outcome
from batchmatrix.model.observed import ContainerState, JobState, PodState
from batchmatrix.outcome.cases import TABLE, retry_key
from batchmatrix.outcome.table import judge
from tests.support.records import START, a_container, a_job, a_log, a_pod

T = TypeVar("T")

times = st.one_of(st.none(), st.integers(0, 6).map(lambda s: START + s / 2))
words = st.sampled_from(["", "Evicted", "DeadlineExceeded", "OutOfcpu", "odd\n\x1b[2Jtext"])
reasons = st.sampled_from(
    ["", "Completed", "Error", "OOMKilled", "StartError", "ContainerStatusUnknown", "ImagePullBackOff", "Odd"]
)
containers: st.SearchStrategy[ContainerState] = st.builds(
    a_container,
    state=st.sampled_from(["waiting", "running", "terminated"]),
    reason=reasons,
    message=words,
    exit_code=st.sampled_from([None, 0, 0, 0, 1, 128, 137, 255]),
    signal=st.sampled_from([None, None, 0, 9, 4000]),
    started=times,
    finished=times,
)
pods: st.SearchStrategy[PodState] = st.builds(
    a_pod,
    phase=st.sampled_from(["Pending", "Running", "Succeeded", "Succeeded", "Failed", "Unknown"]),
    reason=words,
    message=words,
    node=st.sampled_from(["", "gpu-1"]),
    unschedulable=words,
    deleting_since=times,
    disrupted=times,
    disruption_reason=st.sampled_from(["", "EvictionByEvictionAPI", "DeletionByPodGC", "PreemptionByScheduler", "New"]),
    container=containers,
)
jobs: st.SearchStrategy[JobState] = st.builds(
    a_job,
    phase=st.sampled_from(["active", "complete", "failed"]),
    reason=st.sampled_from(["", "BackoffLimitExceeded", "DeadlineExceeded", "Odd"]),
    message=words,
    deleting=st.booleans(),
    suspended=st.booleans(),
)
logs: st.SearchStrategy[Captured] = st.builds(
    a_log,
    state=st.sampled_from(LogState),
    capped=st.booleans(),
    message=words,
    hold=st.sampled_from([None, None, HoldRequest(), HoldRequest(seconds=1.0)]),
)
intents = st.builds(
    Intent,
    st.sampled_from(["timeout", "cancel", "unschedulable", "image", "config", "conflict", "nodelost", "?"]),
    times.filter(lambda time: time is not None),
    words,
)
codes = st.sampled_from([(0,), (0,), (0, 1), (1,), (1, 137, 255), None])
evidences = st.builds(
    Evidence,
    st.none() | jobs,
    st.none() | pods,
    logs,
    st.none() | intents,
    st.sampled_from([(), (), ("loss",), ("loss", "odd\nname")]),
    st.sampled_from(["", "", "DONE", "odd\nmarker\x1b"]),
    codes,
)


def mostly(good: T, other: st.SearchStrategy[T]) -> st.SearchStrategy[T]:
    """`good` two times out of three: laws about success need evidence that is close to one."""
    return st.integers(0, 2).flatmap(lambda draw: other if draw == 2 else st.just(good))


near_success = st.builds(
    Evidence,
    st.just(a_job(phase="complete")),
    st.builds(
        a_pod,
        phase=mostly("Succeeded", st.just("Failed")),
        reason=mostly("", words),
        deleting_since=mostly(None, times),
        disrupted=mostly(None, times),
        container=st.builds(
            a_container,
            state=mostly("terminated", st.just("running")),
            reason=mostly("Completed", reasons),
            exit_code=mostly(0, st.sampled_from([None, 1])),
            finished=times,
        ),
    ),
    st.builds(a_log, state=mostly(LogState.COMPLETE, st.sampled_from(LogState)), capped=st.booleans()),
    mostly(None, intents),
    mostly((), st.just(("loss",))),
    mostly("", st.just("DONE")),
    mostly((0,), codes),
)


@settings(max_examples=300, deadline=None)
@given(evidences)
def test_every_evidence_has_one_verdict_with_a_clean_message(evidence: Evidence) -> None:
    verdict = judge(evidence)
    assert judge(evidence) == verdict
    assert (verdict.outcome, verdict.blame) in {(row.outcome, row.blame) for row in TABLE.values()}
    assert retry_key(verdict.outcome, verdict.blame) in Outcome
    assert verdict.message.isprintable()
    assert len(verdict.message) <= 600
    assert verdict.message or verdict.outcome is Outcome.SUCCEEDED


@settings(max_examples=1000, deadline=None)
@given(near_success | evidences)
def test_success_implies_its_proof(evidence: Evidence) -> None:
    verdict = judge(evidence)
    if verdict.outcome is not Outcome.SUCCEEDED:
        return
    pod, log = evidence.pod, evidence.captured
    assert verdict.blame is Blame.NOBODY
    assert pod is not None
    container = pod.container
    assert container.state == "terminated"
    assert evidence.allowed_exit_codes is not None
    assert container.exit_code in evidence.allowed_exit_codes
    assert pod.phase != "Failed" or (container.exit_code != 0 and not pod.reason)
    assert log.state is LogState.COMPLETE or (log.state is LogState.TRUNCATED and log.capped)
    assert evidence.missing_metrics == ()
    assert evidence.missing_marker == ""
    for mark in (pod.deleting_since, pod.disrupted):
        if mark is not None:
            assert container.finished is not None
            assert floor(container.finished) < floor(mark)


@settings(max_examples=300, deadline=None)
@given(evidences)
def test_the_workload_is_blamed_only_for_what_its_container_did(evidence: Evidence) -> None:
    verdict = judge(evidence)
    if verdict.blame is Blame.WORKLOAD and verdict.outcome is not Outcome.TIMEOUT:
        assert evidence.pod is not None
        assert evidence.pod.container.state == "terminated"
