"""What a plan takes for done where the ledger was read."""

from __future__ import annotations

from batchmatrix.cli.plan_state import Earlier, recorded_by
from batchmatrix.model.launch import AttemptId
from tests.support.ledgers import an_operation
from tests.support.records import a_record
from tests.support.specs import a_matrix, a_plan


def test_what_somebody_asked_to_run_again_is_not_done() -> None:
    matrix = a_matrix(trials=2)
    plan = a_plan(matrix)
    keys = [(cell.hash, trial) for cell in plan.cells for trial in range(2)]
    records = [a_record(id=AttemptId(*key, 0), pod_uid=f"pod-{number}") for number, key in enumerate(keys)]
    again = an_operation(trials={keys[0][0]: {1: 1}}, time="2026-01-01T00:00:00Z")
    assert set(recorded_by(Earlier(records=records), plan, None, matrix).trials) == set(keys)
    found = recorded_by(Earlier(records=records, operations=[again]), plan, None, matrix)
    assert set(found.trials) == set(keys) - {keys[1]}
