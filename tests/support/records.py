"""Builders of evidence, records and plans: a good one each, of which a test changes what it is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from batchmatrix.base.ids import digest
from batchmatrix.model.cell import Cell, MatrixRef, Plan, Scalar, Work
from batchmatrix.model.evidence import Blame, Captured, Evidence, Intent, LogState, Outcome
from batchmatrix.model.launch import AttemptId
from batchmatrix.model.metric import MetricValue
from batchmatrix.model.observed import ContainerState, JobState, PodState
from batchmatrix.model.record import Record
from batchmatrix.model.summary import TrialResult
from batchmatrix.outcome.cases import TABLE

__all__ = [
    "MATRIX",
    "START",
    "a_cell",
    "a_container",
    "a_job",
    "a_log",
    "a_plan",
    "a_pod",
    "a_record",
    "a_result",
    "evidence",
    "exited",
    "stopped",
]

MATRIX = MatrixRef("triage", "demo", "6f1c0e5a-1111-4222-8333-000000000001")
START = 1_700_000_000.0
"""When the container of every attempt built here starts; ends and marks are given in seconds after it."""

_ID = AttemptId("a" * 64, 0, 0)
_LOG = Captured(LogState.COMPLETE, bytes=120, lines=4, sha256="5" * 64, key="triage/demo/logs/c/0/p")
_JOB = JobState(
    uid="job-1",
    name="demo-aaaaaaaaaa-t0-a0",
    namespace="triage",
    matrix_uid=MATRIX.uid,
    matrix_name="demo",
    cell="none-8",
    id=_ID,
    created=START - 5,
    phase="active",
    reason="",
    message="",
    finished=None,
    deleting=False,
    suspended=False,
)
_CONTAINER = ContainerState(
    state="terminated",
    reason="Completed",
    exit_code=0,
    started=START,
    finished=START + 60,
    image="trainer:1",
    image_id="trainer@sha256:" + "1" * 64,
    container_id="containerd://1",
)
_POD = PodState(
    uid="pod-1",
    name="demo-aaaaaaaaaa-t0-a0-x",
    namespace="triage",
    job_uid="job-1",
    job_name="demo-aaaaaaaaaa-t0-a0",
    matrix_uid=MATRIX.uid,
    matrix_name="demo",
    cell="none-8",
    id=_ID,
    generation=1,
    created=START - 4,
    phase="Succeeded",
    reason="",
    message="",
    node="gpu-1",
    scheduled=START - 4,
    unschedulable="",
    deleting_since=None,
    grace_seconds=0.0,
    disrupted=None,
    disruption_reason="",
    ready_to_start=START - 2,
    container=_CONTAINER,
    finalized=True,
)
_RECORD = Record(
    namespace="triage",
    matrix="demo",
    matrix_uid=MATRIX.uid,
    generation=1,
    cell="none-8",
    id=_ID,
    rerun=0,
    seed=42,
    job="demo-aaaaaaaaaa-t0-a0",
    pod="demo-aaaaaaaaaa-t0-a0-x",
    pod_uid="pod-1",
    node="gpu-1",
    image="trainer:1",
    image_digest="trainer@sha256:" + "1" * 64,
    outcome=Outcome.SUCCEEDED,
    blame=Blame.NOBODY,
    reason="Succeeded",
    message="",
    exit_code=0,
    signal=None,
    created="2026-11-22T07:00:00Z",
    started="2026-11-22T07:00:05Z",
    finished="2026-11-22T07:01:05Z",
    run_seconds=60.0,
    gpu_seconds=60.0,
    log=_LOG,
    recorded="2026-11-22T07:01:06.000000Z",
    writer="operator-0/1",
)
_BLAME = {
    Outcome.SUCCEEDED: Blame.NOBODY,
    Outcome.CANCELLED: Blame.NOBODY,
    Outcome.UNEXPECTED_EXIT: Blame.WORKLOAD,
    Outcome.TIMEOUT: Blame.WORKLOAD,
    Outcome.OOM_KILLED: Blame.WORKLOAD,
    Outcome.INCOMPLETE: Blame.WORKLOAD,
}
_REASON = {row.outcome: case.value for case, row in reversed(TABLE.items())}
"""The first case of each outcome."""


def a_container(**changes: Any) -> ContainerState:
    """One that ended with exit code 0, 60 s after START."""
    return replace(_CONTAINER, **changes)


def a_pod(**changes: Any) -> PodState:
    """One that succeeded on node gpu-1."""
    return replace(_POD, **changes)


def a_job(**changes: Any) -> JobState:
    """One that is active."""
    return replace(_JOB, **changes)


def a_log(state: LogState = LogState.COMPLETE, **changes: Any) -> Captured:
    """What was kept of a log."""
    return replace(_LOG, state=state, **changes)


def evidence(pod: PodState | None, *, intent: tuple[str, float] | None = None, **changes: Any) -> Evidence:
    """Evidence with an active Job and a complete log; `intent` is an action and the seconds after START."""
    made = Intent(intent[0], START + intent[1], f"the operator says {intent[0]}") if intent is not None else None
    return replace(Evidence(_JOB, pod, _LOG, made, allowed_exit_codes=(0,)), **changes)


def exited(code: int, *, after: float = 60, reason: str = "", message: str = "", **pod: Any) -> PodState:
    """A pod whose container ended with `code`, `after` seconds after START."""
    ended = a_container(
        exit_code=code,
        reason=reason or ("Completed" if code == 0 else "Error"),
        message=message,
        finished=START + after,
    )
    return a_pod(**{"phase": "Succeeded" if code == 0 else "Failed", "container": ended, **pod})


def stopped(pod: PodState, *, deleted: float | None = None, disrupted: float | None = None, by: str = "") -> PodState:
    """`pod` with the marks of a deletion or a disruption, in seconds after START."""
    return replace(
        pod,
        deleting_since=None if deleted is None else START + deleted,
        disrupted=None if disrupted is None else START + disrupted,
        disruption_reason=by,
    )


def a_record(outcome: Outcome = Outcome.SUCCEEDED, *, attempt: int = 0, **changes: Any) -> Record:
    """A record of attempt `attempt` of trial 0; blame and reason go with its outcome unless they are given."""
    base = {
        "outcome": outcome,
        "blame": _BLAME.get(outcome, Blame.INFRASTRUCTURE),
        "reason": _REASON[outcome],
        "id": replace(_ID, attempt=attempt),
        "pod_uid": f"pod-{attempt + 1}",
        "exit_code": 0 if outcome is Outcome.SUCCEEDED else 1,
    }
    return replace(_RECORD, **{**base, **changes})


def a_cell(name: str, *, trials: int = 1, values: Mapping[str, Scalar] | None = None, **changes: Any) -> Cell:
    """A cell; its hash follows from its name."""
    made = Cell(
        name=name,
        hash=digest(ascii(name)),
        copy=0,
        values=dict(values or {}),
        parameters={},
        environment=None,
        hardware=None,
        trials=trials,
        seed=42,
        work=Work(image="trainer:1"),
    )
    return replace(made, **changes)


def a_plan(*cells: Cell, **changes: Any) -> Plan:
    """A plan of MATRIX, generation 1."""
    made = Plan(MATRIX, 1, tuple(cells), "rounds", "token", "2026-11-22T07:00:00Z")
    return replace(made, **changes)


def a_result(
    cell: Cell,
    trial: int,
    outcome: Outcome | None = Outcome.SUCCEEDED,
    *,
    attempts: int = 1,
    earlier: Iterable[LogState] | None = None,
    metrics: Iterable[MetricValue] = (),
    **changes: Any,
) -> TrialResult:
    """The result of one trial of `cell`; with `outcome` None it is still running, and only `rerun` counts of `changes`.

    `earlier` are the logs of the attempts before the last, complete ones by default.
    """
    before = tuple(earlier) if earlier is not None else (LogState.COMPLETE,) * (attempts - 1)
    if outcome is None:
        return TrialResult(cell.name, trial, "Running", attempts, before, None, rerun=changes.get("rerun", 0))
    log = changes.pop("log", _LOG)
    record = a_record(
        outcome,
        **{
            "cell": cell.name,
            "id": AttemptId(cell.hash, trial, attempts - 1),
            "seed": cell.seed + trial,
            "job": f"demo-{cell.hash10}-t{trial}-a{attempts - 1}",
            "pod": f"demo-{cell.hash10}-t{trial}-a{attempts - 1}-x",
            "pod_uid": f"pod-{cell.hash10}-{trial}",
            "log": replace(log, metrics=tuple(metrics)),
            **changes,
        },
    )
    return TrialResult(cell.name, trial, "Done", attempts, (*before, record.log.state), record, rerun=record.rerun)
