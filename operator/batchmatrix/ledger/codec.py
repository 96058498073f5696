"""One entry of the ledger as one JSON object. A golden file fixes the form.

Reading ignores fields it does not know, so that a later version may add some. What an older version must not overlook
gets a new schema number or a new kind, and both are refused here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from sys import intern
from typing import Any

from batchmatrix.base.ids import canonical_json
from batchmatrix.model.evidence import Blame, Captured, HoldRequest, LogState, Outcome
from batchmatrix.model.launch import AttemptId
from batchmatrix.model.metric import MetricValue
from batchmatrix.model.operation import OperationEntry
from batchmatrix.model.record import RECORD_SCHEMA, IntentEntry, ReadingEntry, Record

__all__ = ["Entry", "check_schema", "decode_line", "encode_line", "record_to_json"]

Entry = Record | IntentEntry | OperationEntry | ReadingEntry
"""What a shard holds."""


def encode_line(entry: Entry) -> bytes:
    """`entry` as canonical JSON with the line feed at its end. Raises ValueError for a number that is not finite."""
    data = _to_json(entry)
    try:
        return canonical_json(data) + b"\n"
    except UnicodeEncodeError:
        # A lone surrogate, as a workload may print it in JSON: no such text may keep a record out of the ledger.
        return canonical_json(_printable(data)) + b"\n"


def decode_line(line: bytes) -> Entry:
    """The entry of a line. Raises ValueError with a clear text where it is not one this version can read."""
    data = json.loads(line)
    if not isinstance(data, dict):
        raise ValueError("an entry is not a JSON object")  # noqa: TRY004 - one kind of error for what is read
    check_schema(data.get("schema"))
    kind = data.get("kind")
    try:
        if kind == "record":
            return _record(data)
        if kind == "intent":
            return _intent(data)
        if kind == "operation":
            return _operation(data)
        if kind == "reading":
            return _reading(data)
    except KeyError as error:
        raise ValueError(f"a {kind} has no field {error}") from None
    except (AttributeError, TypeError) as error:
        raise ValueError(f"a {kind} has a field of the wrong type: {error}") from None
    raise ValueError(f"an entry is of kind {kind!r}, which this version does not know; use a newer one")


def check_schema(schema: object) -> None:
    """Raises ValueError where `schema` is not the one that this version reads and writes."""
    if schema != RECORD_SCHEMA:
        raise ValueError(f"schema {schema!r} is not {RECORD_SCHEMA}, the one this version reads; use a newer version")


def _to_json(entry: Entry) -> dict[str, Any]:
    match entry:
        case Record():
            return record_to_json(entry)
        case IntentEntry():
            return _intent_to_json(entry)
        case OperationEntry():
            return _operation_to_json(entry)
        case ReadingEntry():
            return _reading_to_json(entry)


def record_to_json(record: Record) -> dict[str, Any]:
    """`record` as it stands in the ledger and in exports."""
    log = record.log
    return {
        "schema": RECORD_SCHEMA,
        "kind": "record",
        "namespace": record.namespace,
        "matrix": record.matrix,
        "matrixUid": record.matrix_uid,
        "generation": record.generation,
        "cell": record.cell,
        "cellHash": record.id.cell_hash,
        "trial": record.id.trial,
        "attempt": record.id.attempt,
        "rerun": record.rerun,
        "seed": record.seed,
        "job": record.job,
        "pod": record.pod,
        "podUid": record.pod_uid,
        "node": record.node,
        "image": record.image,
        "imageDigest": record.image_digest,
        "outcome": record.outcome.value,
        "blame": record.blame.value,
        "reason": record.reason,
        "message": record.message,
        "exitCode": record.exit_code,
        "signal": record.signal,
        "created": record.created,
        "started": record.started,
        "finished": record.finished,
        "runSeconds": record.run_seconds,
        "gpuSeconds": record.gpu_seconds,
        "log": {
            "state": log.state.value,
            "bytes": log.bytes,
            "lines": log.lines,
            "sha256": log.sha256,
            "key": log.key,
            "metrics": _metrics_to_json(log.metrics),
            "parser": log.parser,
            "message": log.message,
            "capped": log.capped,
            **({"limit": log.limit} if log.limit else {}),
            **({"hold": asdict(log.hold)} if log.hold is not None else {}),
            **_unread_to_json(log),
        },
        "podReason": record.pod_reason,
        "recorded": record.recorded,
        "holdUntil": record.hold_until,
        "writer": record.writer,
    }


def _record(data: Mapping[str, Any]) -> Record:
    # Texts that many records share are interned: a ledger of 10,000 records is held in memory.
    log = data["log"]
    return Record(
        namespace=intern(data["namespace"]),
        matrix=intern(data["matrix"]),
        matrix_uid=intern(data["matrixUid"]),
        generation=data["generation"],
        cell=intern(data["cell"]),
        id=_id(data),
        rerun=data["rerun"],
        seed=data["seed"],
        job=data["job"],
        pod=data["pod"],
        pod_uid=data["podUid"],
        node=intern(data["node"]),
        image=intern(data["image"]),
        image_digest=intern(data["imageDigest"]),
        outcome=Outcome(data["outcome"]),
        blame=Blame(data["blame"]),
        reason=intern(data.get("reason", "")),
        message=intern(data["message"]),
        exit_code=data["exitCode"],
        signal=data["signal"],
        created=data["created"],
        started=data["started"],
        finished=data["finished"],
        run_seconds=data["runSeconds"],
        gpu_seconds=data["gpuSeconds"],
        log=Captured(
            state=LogState(log["state"]),
            bytes=log["bytes"],
            lines=log["lines"],
            sha256=log["sha256"],
            key=log["key"],
            metrics=_metrics(log["metrics"]),
            parser=intern(log["parser"]),
            message=intern(log["message"]),
            capped=log["capped"],
            limit=intern(log.get("limit", "")),
            hold=_hold(log.get("hold")),
            long_lines=log.get("longLines", 0),
            malformed=log.get("malformed", 0),
        ),
        recorded=data["recorded"],
        writer=intern(data["writer"]),
        hold_until=data.get("holdUntil", ""),
        pod_reason=intern(data.get("podReason", "")),
    )


def _metrics_to_json(metrics: Iterable[MetricValue]) -> list[dict[str, Any]]:
    return [
        {
            "name": metric.name,
            "strategy": metric.strategy,
            "value": metric.value,
            "count": metric.count,
            "invalid": metric.invalid,
            "unit": metric.unit,
            "message": metric.message,
        }
        for metric in metrics
    ]


def _metrics(found: Iterable[Mapping[str, Any]]) -> tuple[MetricValue, ...]:
    return tuple(
        MetricValue(
            name=intern(metric["name"]),
            strategy=intern(metric["strategy"]),
            value=metric["value"],
            count=metric["count"],
            invalid=metric["invalid"],
            unit=intern(metric["unit"]),
            message=intern(metric["message"]),
        )
        for metric in found
    )


def _reading_to_json(reading: ReadingEntry) -> dict[str, Any]:
    return {
        "schema": RECORD_SCHEMA,
        "kind": "reading",
        "key": reading.key,
        "cellHash": reading.id.cell_hash,
        "trial": reading.id.trial,
        "attempt": reading.id.attempt,
        "generation": reading.generation,
        "parser": reading.parser,
        "metrics": _metrics_to_json(reading.metrics),
        "outcome": reading.outcome.value,
        "blame": reading.blame.value,
        "reason": reading.reason,
        "message": reading.message,
        "time": reading.time,
        "writer": reading.writer,
        **_unread_to_json(reading),
    }


def _reading(data: Mapping[str, Any]) -> ReadingEntry:
    return ReadingEntry(
        key=data["key"],
        id=_id(data),
        generation=data["generation"],
        parser=intern(data["parser"]),
        metrics=_metrics(data["metrics"]),
        outcome=Outcome(data["outcome"]),
        blame=Blame(data["blame"]),
        reason=intern(data["reason"]),
        message=intern(data["message"]),
        time=data["time"],
        writer=intern(data["writer"]),
        long_lines=data.get("longLines", 0),
        malformed=data.get("malformed", 0),
    )


def _unread_to_json(read: Captured | ReadingEntry) -> dict[str, int]:
    """Counts of what was not read, where there are any: most logs have none."""
    counts = {"longLines": read.long_lines, "malformed": read.malformed}
    return {name: count for name, count in counts.items() if count}


def _hold(data: Mapping[str, Any] | None) -> HoldRequest | None:
    return None if data is None else HoldRequest(until=data.get("until"), seconds=data.get("seconds"))


def _intent_to_json(intent: IntentEntry) -> dict[str, Any]:
    return {
        "schema": RECORD_SCHEMA,
        "kind": "intent",
        "cellHash": intent.id.cell_hash,
        "trial": intent.id.trial,
        "attempt": intent.id.attempt,
        "job": intent.job,
        "podUid": intent.pod_uid,
        "action": intent.action,
        "time": intent.time,
        "message": intent.message,
        "writer": intent.writer,
    }


def _intent(data: Mapping[str, Any]) -> IntentEntry:
    return IntentEntry(
        id=_id(data),
        job=data["job"],
        pod_uid=data["podUid"],
        action=intern(data["action"]),
        time=data["time"],
        message=intern(data["message"]),
        writer=intern(data["writer"]),
    )


def _operation_to_json(operation: OperationEntry) -> dict[str, Any]:
    return {
        "schema": RECORD_SCHEMA,
        "kind": "operation",
        "action": operation.action,
        "token": operation.token,
        "scope": operation.scope,
        "generation": operation.generation,
        "time": operation.time,
        "message": operation.message,
        "trials": {
            cell_hash: {str(trial): first for trial, first in trials.items()}
            for cell_hash, trials in operation.trials.items()
        },
        "writer": operation.writer,
    }


def _operation(data: Mapping[str, Any]) -> OperationEntry:
    return OperationEntry(
        action=intern(data["action"]),
        token=data["token"],
        scope=data["scope"],
        generation=data["generation"],
        time=data["time"],
        message=data["message"],
        writer=intern(data["writer"]),
        trials={
            intern(cell_hash): {int(trial): first for trial, first in trials.items()}
            for cell_hash, trials in data["trials"].items()
        },
    )


def _id(data: Mapping[str, Any]) -> AttemptId:
    return AttemptId(intern(data["cellHash"]), data["trial"], data["attempt"])


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_printable(item) for item in value]
    return value
