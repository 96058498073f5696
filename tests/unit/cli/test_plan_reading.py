"""How many recorded attempts an edit has read anew, as the operator will count them."""

from __future__ import annotations

from dataclasses import replace

from batchmatrix.cli.plan_reading import reading_notes
from batchmatrix.cli.plan_state import Earlier
from batchmatrix.engine.policy import reading_rules
from batchmatrix.model.evidence import Outcome
from batchmatrix.model.launch import AttemptId
from batchmatrix.model.record import Record
from batchmatrix.parse.reader import parser_digest
from tests.support.records import a_log, a_record
from tests.support.specs import a_matrix, a_plan

PLAIN = a_matrix(trials=2)
METRIC = a_matrix(trials=2, metrics=[{"name": "loss", "from": "keyvalue"}])
CODES = a_matrix(trials=2, workload={"image": "registry.example/app:1", "command": ["run"], "allowedExitCodes": [0, 3]})


def recorded(trial: int, cell: int = 0, **changes: object) -> Record:
    log = a_log(parser=parser_digest(reading_rules(PLAIN)), key=f"k/{trial}")
    plan = a_plan(PLAIN)
    return a_record(id=AttemptId(plan.cells[cell].hash, trial, 0), pod_uid=f"p{cell}{trial}", log=log, **changes)


def test_only_what_would_be_read_otherwise_is_counted() -> None:
    failed = recorded(1, outcome=Outcome.UNEXPECTED_EXIT, exit_code=3, reason="ExitNotAllowed", message="exit code 3")
    records = [recorded(0), failed, recorded(2), replace(recorded(0, 1), log=a_log(parser="other", key=""))]
    earlier = Earlier(records=records)
    assert list(reading_notes(earlier, a_plan(PLAIN), PLAIN)) == []
    (note,) = reading_notes(earlier, a_plan(METRIC), METRIC)
    assert note.startswith("2 recorded attempts will be read anew, as ")  # trial 2 is in no plan, one has no log
    plan = replace(a_plan(PLAIN), cells=tuple(replace(c, allowed_exit_codes=(0, 3)) for c in a_plan(PLAIN).cells))
    (note,) = reading_notes(earlier, plan, CODES)
    assert note.startswith("1 recorded attempt will be read anew, as ")
