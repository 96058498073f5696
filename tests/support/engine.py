"""Builders for what the engine decides on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from batchmatrix.engine.attempt import Attempt
from batchmatrix.engine.policy import DEFAULT_POLICY, Policy
from batchmatrix.model.cell import Cell, MatrixRef, Plan, Work
from batchmatrix.model.evidence import Outcome
from batchmatrix.model.launch import AttemptId
from batchmatrix.model.observed import ContainerState, JobState, PodState
from batchmatrix.model.record import Record
from tests.support import records

NOW = 1_000_000.0
REF = MatrixRef("triage", "hang", "uid-of-matrix")


def a_cell(name: str = "fp32", *, trials: int = 1, problem: str | None = None, **work: Any) -> Cell:
    return Cell(
        name=name,
        hash=name.encode().hex().ljust(64, "0"),
        copy=0,
        values={"dtype": name},
        parameters={"dtype": name},
        environment=None,
        hardware=None,
        trials=trials,
        seed=42,
        work=Work(image="work:1", **work),
        problem=problem,
    )


def a_plan(*cells: Cell) -> Plan:
    return Plan(matrix=REF, generation=1, cells=cells, order="cells", order_seed="s", created="2026-01-01T00:00:00Z")


def a_policy(**changes: Any) -> Policy:
    return (
        replace(DEFAULT_POLICY, parallelism=10, **changes)
        if "parallelism" not in changes
        else replace(DEFAULT_POLICY, **changes)
    )


def an_id(cell: Cell | None = None, *, trial: int = 0, attempt: int = 0) -> AttemptId:
    return AttemptId((cell or a_cell()).hash, trial, attempt)


def a_job(attempt: AttemptId | None = None, **changes: Any) -> JobState:
    attempt = attempt or an_id()
    name = f"hang-{attempt.cell_hash[:10]}-t{attempt.trial}-a{attempt.attempt}"
    job = records.a_job(
        uid=f"job-{name}",
        name=name,
        matrix_uid=REF.uid,
        matrix_name=REF.name,
        cell="fp32",
        id=attempt,
        created=NOW - 100,
    )
    return replace(job, **changes)


WAITING = ContainerState(state="waiting", reason="ContainerCreating")
RUNNING = ContainerState(state="running", started=NOW - 5)


def exited(code: int = 0, *, after: float = 5.0) -> ContainerState:
    return ContainerState(state="terminated", exit_code=code, started=NOW - 50, finished=NOW - 50 + after)


def a_pod(job: JobState | None = None, *, container: ContainerState = RUNNING, **changes: Any) -> PodState:
    job = job or a_job()
    phase = {"waiting": "Pending", "running": "Running"}.get(
        container.state, "Failed" if container.exit_code else "Succeeded"
    )
    pod = records.a_pod(
        uid=f"pod-{job.name}",
        name=f"{job.name}-abcde",
        job_uid=job.uid,
        job_name=job.name,
        matrix_uid=job.matrix_uid,
        matrix_name=job.matrix_name,
        cell=job.cell,
        id=job.id,
        created=NOW - 60,
        phase=phase,
        node="node-1",
        scheduled=NOW - 60,
        ready_to_start=None,
        container=container,
    )
    return replace(pod, **changes)


def an_attempt(pod: PodState | None = None, **changes: Any) -> Attempt:
    job = changes.pop("job", a_job())
    attempt = Attempt(id=job.id if job is not None else an_id(), job=job, pod=pod, wanted=True)
    return replace(attempt, **changes)


def a_record(
    attempt: AttemptId | None = None, outcome: Outcome = Outcome.SUCCEEDED, *, pod_uid: str = "", **changes: Any
) -> Record:
    attempt = attempt or an_id()
    job = a_job(attempt)
    record = records.a_record(
        outcome,
        matrix=REF.name,
        matrix_uid=REF.uid,
        cell="fp32",
        id=attempt,
        job=job.name,
        pod_uid=pod_uid or f"pod-{job.name}",
        node="node-1",
        recorded="1970-01-12T13:46:40Z",
    )
    return replace(record, **changes)
