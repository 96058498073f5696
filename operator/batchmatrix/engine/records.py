"""Evidence about one attempt made into the record that stays. Pure."""

from __future__ import annotations

from dataclasses import replace

from batchmatrix.base.clock import format_rfc3339
from batchmatrix.engine.actions import Finish
from batchmatrix.engine.holds import Holds
from batchmatrix.model.cell import PREFLIGHT, Cell, MatrixRef, RetiredCell
from batchmatrix.model.evidence import Evidence, Outcome
from batchmatrix.model.observed import PodState
from batchmatrix.model.record import Record
from batchmatrix.outcome.table import judge
from batchmatrix.plan.estimate import devices

__all__ = ["record_of"]


def record_of(
    finish: Finish,
    *,
    matrix: MatrixRef,
    cell: Cell | RetiredCell | None,
    generation: int,
    holds: Holds,
    rerun: int,
    now: float,
    writer: str,
) -> Record:
    """The record; `cell` is None where nothing is known any more of the cell that the attempt belongs to.

    Which exit codes are allowed is the cell's to say: those of the plan in force when the record is made, or of the
    last one that held the cell. Without a cell no exit code is a success. For a preflight it is 0 alone.
    `holds` are those of the matrix so far.
    """
    evidence, attempt = finish.evidence, finish.id
    if attempt.cell_hash == PREFLIGHT:
        evidence, generation = replace(evidence, allowed_exit_codes=(0,)), attempt.trial
    elif cell is not None:
        evidence = replace(evidence, allowed_exit_codes=cell.allowed_exit_codes)
    verdict = judge(evidence)
    pod, job = evidence.pod, evidence.job
    container = pod.container if pod is not None else None
    started = container.started if container is not None else None
    finished = container.finished if container is not None else None
    seconds = max(0.0, finished - started) if started is not None and finished is not None else None
    created = pod.created if pod is not None else (job.created if job is not None else None)
    hold_until = ""
    if verdict.outcome is Outcome.RATE_LIMITED:
        hold_until = holds.end_of(evidence.captured.hold, created=created or now, ended=finished or now)
    held = _devices(cell) if cell is not None else None
    return Record(
        namespace=matrix.namespace,
        matrix=matrix.name,
        matrix_uid=matrix.uid,
        generation=pod.generation if pod is not None else generation,
        cell=cell.name if cell is not None else _cell_name(evidence),
        id=attempt,
        rerun=rerun,
        seed=cell.seed + attempt.trial if cell is not None else 0,
        job=job.name if job is not None else (pod.job_name if pod is not None else ""),
        pod=pod.name if pod is not None else "",
        pod_uid=pod.uid if pod is not None else "",
        node=pod.node if pod is not None else "",
        image=(container.image if container is not None else "") or (_image(cell) if cell is not None else ""),
        image_digest=container.image_id if container is not None else "",
        outcome=verdict.outcome,
        blame=verdict.blame,
        reason=verdict.reason,
        message=verdict.message,
        exit_code=container.exit_code if container is not None else None,
        signal=container.signal if container is not None else None,
        created=_time(created),
        started=_time(started),
        finished=_time(finished),
        run_seconds=seconds,
        gpu_seconds=seconds * held if seconds is not None and held is not None else None,
        log=evidence.captured,
        recorded=format_rfc3339(now, digits=6),
        writer=writer,
        hold_until=hold_until,
        pod_reason=_pod_reason(pod) if pod is not None else "",
    )


def _devices(cell: Cell | RetiredCell) -> int:
    return cell.devices if isinstance(cell, RetiredCell) else sum(devices(cell.work).values())


def _image(cell: Cell | RetiredCell) -> str:
    return cell.image if isinstance(cell, RetiredCell) else cell.work.image


def _cell_name(evidence: Evidence) -> str:
    if evidence.pod is not None:
        return evidence.pod.cell
    return evidence.job.cell if evidence.job is not None else ""


def _pod_reason(pod: PodState) -> str:
    """What judge looks at beyond the container's own end, so that it can be asked again from the record alone."""
    if pod.phase != "Failed":
        return ""
    return pod.reason or ("no reason" if pod.container.exit_code == 0 else "")


def _time(seconds: float | None) -> str:
    return format_rfc3339(seconds) if seconds is not None else ""
