"""A stored matrix.json read back, so that it can be judged anew and shown again."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NoReturn

from pydantic import ValidationError

from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.base.text import one_line
from batchmatrix.formats.judgement_shape import FindingShape, JudgementShape
from batchmatrix.formats.matrix_shape import (
    MATRIX_SCHEMA,
    CellShape,
    DoneShape,
    LogShape,
    MatrixShape,
    OpenShape,
)
from batchmatrix.model.evidence import Captured, HoldRequest, Outcome
from batchmatrix.model.expectation import expectation
from batchmatrix.model.judging import Comparison, ConfoundReading, Finding, Judgement, JudgingRules, Limit
from batchmatrix.model.launch import AttemptId
from batchmatrix.model.metric import MetricValue
from batchmatrix.model.record import Record
from batchmatrix.model.rules_json import LimitShape, rules_from_shape
from batchmatrix.model.shapes import first_problem
from batchmatrix.model.summary import CellSummary, MetricSummary, Summary, TrialResult

__all__ = ["load_matrix_json"]

_HALVES = re.compile("[\ud800-\udfff]")


def load_matrix_json(text: str) -> tuple[Summary, JudgingRules]:
    """The summary that was published as `text`, and the rules that it was judged by.

    What is written again from it is the same text. Raises InvalidSpec with one problem where it is no whole
    matrix.json: cut off, the bounded copy of a ConfigMap, of a newer version, or something else.
    """
    data = _object(text)
    schema = data.get("schema")
    if not isinstance(schema, int) or isinstance(schema, bool) or "cells" not in data:
        _refuse("", "is no matrix.json: it has no 'schema' and 'cells'; name the matrix.json of a run")
    if schema > MATRIX_SCHEMA:
        _refuse("schema", f"{schema} is newer than {MATRIX_SCHEMA}, the one this version reads; use a newer version")
    if data.get("trials") is None or data.get("rules") is None:
        where = f" at {data['results']}" if data.get("results") else " in the store"
        _refuse("", f"has no trials or rules, as a ConfigMap's copy has none; read the matrix.json{where}")
    try:
        shape = MatrixShape.model_validate_json(_HALVES.sub("\ufffd", json.dumps(data, ensure_ascii=False)))
    except ValidationError as error:
        raise InvalidSpec([first_problem(error)]) from None
    assert shape.rules is not None
    _consistent(shape)
    summary = _summary(shape)
    _borne_out(summary)
    return summary, rules_from_shape(shape.rules)


def _object(text: str) -> Mapping[str, Any]:
    try:
        data = json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        _refuse("", f"is not whole JSON ({where}: {error.msg}); if it was cut off, fetch it again")
    except ValueError:
        _refuse("", "has a number of more digits than any that was written; fetch it again")
    except RecursionError:
        _refuse("", "is JSON that is nested too deeply for a matrix.json")
    if not isinstance(data, dict):
        _refuse("", "is no matrix.json: it is not a JSON object; name the matrix.json of a run")
    return data


def _no_constant(name: str) -> NoReturn:
    _refuse("", f"is not whole JSON: {name} is no number; fetch it again")


def _consistent(shape: MatrixShape) -> None:
    """What no single value shows: rows that were lost or came twice would make another verdict."""
    assert shape.trials is not None
    if shape.truncated or len(shape.cells) != shape.counts.cells:
        _refuse("cells", f"has {len(shape.cells)} of {shape.counts.cells} cells; read the whole file of the store")
    planned = {cell.name: cell.trials for cell in shape.cells}
    if len(planned) != len(shape.cells):
        _refuse("cells", "has a cell twice; write it anew")
    seen: set[tuple[str, int]] = set()
    for index, trial in enumerate(shape.trials):
        if not 0 <= trial.trial < planned.get(trial.cell, 0):
            _refuse(f"trials[{index}]", f"trial {trial.trial} of {trial.cell!r} belongs to no cell of the file")
        if (trial.cell, trial.trial) in seen:
            _refuse(f"trials[{index}]", f"trial {trial.trial} of {trial.cell!r} is there twice")
        seen.add((trial.cell, trial.trial))
    done = sum(isinstance(trial, DoneShape) for trial in shape.trials)
    if done != shape.counts.done:
        _refuse("trials", f"has {done} results and not {shape.counts.done}; fetch the file again")


def _borne_out(summary: Summary) -> None:
    """What a cell says of its trials must be what they say: a verdict rests on either.

    A trial that the file does not hold has no result, and the cell must say so in `done`.
    """
    records: dict[str, list[Record]] = {cell.name: [] for cell in summary.cells}
    for result in summary.trials:
        if result.record is not None:
            records[result.cell].append(result.record)
    for index, cell in enumerate(summary.cells):
        own = records[cell.name]
        outcomes = Counter(record.outcome.value for record in own)
        good = outcomes[Outcome.SUCCEEDED.value]
        met, why = expectation(cell.expect, cell.trials, own)
        for name, said, found in (
            ("done", cell.done, len(own)),
            ("succeeded", cell.succeeded, good),
            ("failed", cell.failed, len(own) - good),
            ("outcomes", cell.outcomes, +outcomes),
            ("met", cell.met, met),
        ):
            if said != found:
                because = f" ({why})" if name == "met" and why else ""
                words = f"says {_shown(said)}, and its trials say {_shown(found)}{because}; fetch the file again"
                _refuse(f"cells[{index}].{name}", f"cell {one_line(cell.name, limit=63)} {words}")


def _shown(value: object) -> str:
    return one_line(json.dumps(value), limit=100)


def _summary(shape: MatrixShape) -> Summary:
    assert shape.trials is not None
    hashes = {cell.name: cell.hash for cell in shape.cells}
    return Summary(
        namespace=shape.namespace,
        name=shape.name,
        uid=shape.uid,
        generation=shape.generation,
        complete=shape.complete,
        suspended=shape.suspended,
        named=shape.named,
        verdict=shape.verdict,
        reason=shape.reason,
        cells=tuple(map(_cell, shape.cells)),
        trials=tuple(_trial(shape, trial, hashes[trial.cell]) for trial in shape.trials),
        started=shape.started,
        finished=shape.finished,
        stopped=shape.stopped,
        judgement=_judgement(shape.judgement) if shape.judgement is not None else None,
    )


def _cell(cell: CellShape) -> CellSummary:
    return CellSummary(**{**dict(cell), "metrics": tuple(MetricSummary(**dict(metric)) for metric in cell.metrics)})


def _trial(shape: MatrixShape, trial: OpenShape | DoneShape, cell_hash: str) -> TrialResult:
    return TrialResult(
        cell=trial.cell,
        trial=trial.trial,
        state=trial.state,
        attempts=trial.attempts,
        logs=trial.logs,
        record=_record(shape, trial, cell_hash) if isinstance(trial, DoneShape) else None,
        stumbled=trial.stumbled,
        rerun=trial.rerun,
    )


_OF_TRIAL = frozenset(
    {"cell", "trial", "state", "attempts", "logs", "stumbled", "recorded_cell", "attempt", "log", "metrics", "readings"}
    | {"more_logs"}
)
"""Fields of a row that are no fields of its record, or have another form there."""


def _record(shape: MatrixShape, trial: DoneShape, cell_hash: str) -> Record:
    log = _log(trial.log)
    return Record(
        namespace=shape.namespace,
        matrix=shape.name,
        matrix_uid=shape.uid,
        cell=trial.recorded_cell,
        id=AttemptId(cell_hash, trial.trial, trial.attempt),
        log=replace(log, metrics=tuple(MetricValue(**dict(reading)) for reading in trial.readings)),
        more_logs=tuple(map(_log, trial.more_logs)),
        **{name: value for name, value in trial if name not in _OF_TRIAL},
    )


def _log(log: LogShape) -> Captured:
    return Captured(**{**dict(log), "hold": HoldRequest(**dict(log.hold)) if log.hold is not None else None})


def _judgement(shape: JudgementShape) -> Judgement:
    return Judgement(
        headline=shape.headline,
        baseline=shape.baseline,
        comparisons=tuple(Comparison(**dict(row)) for row in shape.comparisons),
        confounds=tuple(ConfoundReading(**dict(row)) for row in shape.confounds),
        findings=tuple(_findings(shape.findings)),
        warnings=shape.warnings,
    )


def _findings(rows: Iterable[FindingShape]) -> Iterable[Finding]:
    for row in rows:
        yield Finding(**{**dict(row), "minimum": _limit(row.minimum), "maximum": _limit(row.maximum)})


def _limit(limit: LimitShape | None) -> Limit | None:
    return Limit(**dict(limit)) if limit is not None else None


def _refuse(path: str, message: str) -> NoReturn:
    raise InvalidSpec([Problem(path, message)])
