"""Builders for entries of a ledger, and a clock that a test owns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from batchmatrix.model.evidence import Blame, Captured, LogState, Outcome
from batchmatrix.model.launch import AttemptId
from batchmatrix.model.metric import MetricValue
from batchmatrix.model.operation import OperationEntry
from batchmatrix.model.record import IntentEntry, ReadingEntry, Record

__all__ = ["FixedClock", "a_reading", "a_record", "an_intent", "an_operation"]

CELL_HASH = "ab" * 32


class FixedClock:
    """Time that goes on by one second at each question."""

    def __init__(self, start: float = 1_750_000_000.0) -> None:
        self.time = start

    def now(self) -> float:
        self.time += 1
        return self.time

    def monotonic(self) -> float:
        return self.now()

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


def a_record(number: int = 0, **changes: Any) -> Record:
    """A whole record of trial `number`; equal numbers give equal records."""
    uid = f"7d0f1c2e-0000-4000-8000-{number:012}"
    log = Captured(
        state=LogState.COMPLETE,
        bytes=5_000_123,
        lines=40_000,
        sha256=f"{number:064x}",
        key=f"triage/nccl-hang/u-1/logs/tf32-off.rocm-6.4/{number}/{uid}",
        metrics=(
            MetricValue("step_time_ms", "mean", 12.25 + number, 190, 1, "ms"),
            MetricValue("loss", "latest", None, 0, 3, "", "none of 3 values is a finite number"),
        ),
        parser="cd" * 32,
    )
    record = Record(
        namespace="triage",
        matrix="nccl-hang",
        matrix_uid="1b1f8a5e-0000-4000-8000-000000000001",
        generation=3,
        cell="tf32-off.rocm-6.4",
        id=AttemptId(CELL_HASH, number, 1),
        rerun=0,
        seed=42 + number,
        job=f"nccl-hang-ababababab-t{number}-a1",
        pod=f"nccl-hang-ababababab-t{number}-a1-x7k2p",
        pod_uid=uid,
        node="gpu-node-3",
        image="registry.example/train:1.4",
        image_digest="registry.example/train@sha256:" + "ef" * 32,
        outcome=Outcome.UNEXPECTED_EXIT,
        blame=Blame.WORKLOAD,
        reason="ExitNotAllowed",
        message="exit code 3 is not among the allowed ones (0); see the end of the log “Ende”",
        exit_code=3,
        signal=None,
        created="2025-06-15T15:06:40Z",
        started="2025-06-15T15:06:42Z",
        finished="2025-06-15T15:07:42Z",
        run_seconds=60.0,
        gpu_seconds=480.0,
        log=log,
        recorded="2025-06-15T15:07:43.250Z",
        writer="operator-6c9f/4b1d",
    )
    return replace(record, **changes)


def an_intent(number: int = 0, **changes: Any) -> IntentEntry:
    """The timeout of trial `number`."""
    intent = IntentEntry(
        id=AttemptId(CELL_HASH, number, 1),
        job=f"nccl-hang-ababababab-t{number}-a1",
        pod_uid=f"7d0f1c2e-0000-4000-8000-{number:012}",
        action="timeout",
        time="2025-06-15T15:26:42Z",
        message="ran longer than 20m",
        writer="operator-6c9f/4b1d",
    )
    return replace(intent, **changes)


def an_operation(number: int = 0, **changes: Any) -> OperationEntry:
    """A rerun of trial `number`."""
    operation = OperationEntry(
        action="rerun",
        token=f"token-{number}",
        scope="cells=tf32-off.rocm-6.4",
        generation=3,
        time="2025-06-15T16:00:00.250000Z",
        message="",
        writer="operator-6c9f/4b1d",
        trials={CELL_HASH: {number: 2, number + 10: 1}},
    )
    return replace(operation, **changes)


def a_reading(number: int = 0, **changes: Any) -> ReadingEntry:
    """What later rules make of the record of trial `number`: its exit code is allowed, and it lacks nothing."""
    reading = ReadingEntry(
        key=a_record(number).key,
        id=a_record(number).id,
        generation=4,
        parser="ef" * 32,
        metrics=(MetricValue("loss", "latest", 0.5, 7),),
        outcome=Outcome.SUCCEEDED,
        blame=Blame.NOBODY,
        reason="Succeeded",
        message="exit code 3, which is allowed",
        time="2025-06-15T16:00:00Z",
        writer="operator-6c9f/77aa",
    )
    return replace(reading, **changes)
