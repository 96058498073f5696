"""What a plan says of an edit that changes how results are read: it runs nothing, and earlier results may change."""

from __future__ import annotations

from collections.abc import Iterator

from batchmatrix.base.errors import InvalidSpec
from batchmatrix.base.text import counted
from batchmatrix.cli.plan_state import Earlier
from batchmatrix.engine.policy import reading_rules
from batchmatrix.engine.rereading import due
from batchmatrix.model.cell import Plan
from batchmatrix.model.v1alpha1 import BatchMatrix, parse_matrix
from batchmatrix.parse.reader import parser_digest

__all__ = ["reading_notes"]

_WHY = "metrics, endMarker or allowedExitCodes are others now; that runs nothing"


def reading_notes(earlier: Earlier, plan: Plan, matrix: BatchMatrix) -> Iterator[str]:
    """At most one line, for `plan` of the self-contained `matrix`; none where results stay as they are."""
    rules = reading_rules(matrix)
    if earlier.records is None:
        if _reads_otherwise(earlier, matrix):
            yield f"what is recorded is read anew, as {_WHY}"
        return
    parser = parser_digest(rules)
    cells = {cell.hash: cell for cell in plan.cells}
    count = 0
    for record in earlier.records:
        cell = cells.get(record.id.cell_hash)
        if cell is not None and record.id.trial < cell.trials:
            written = earlier.written.get(record.key, record)
            count += bool(due(record, written, cell.allowed_exit_codes, parser=parser, rules=rules))
    if count:
        yield f"{counted(count, 'recorded attempt')} will be read anew, as {_WHY}"


def _reads_otherwise(earlier: Earlier, matrix: BatchMatrix) -> bool:
    """As far as the spec in the cluster tells: what its workload has from a catalog is not in it."""
    if earlier.live is None:
        return False
    try:
        before = parse_matrix(dict(earlier.live)).spec
    except InvalidSpec:
        return False
    now, own = matrix.spec, before.workload
    if own.ref is not None:
        return bool(before.metrics) and before.metrics != now.metrics
    codes = own.allowed_exit_codes
    return (before.metrics, own.end_marker, codes) != (
        now.metrics,
        now.workload.end_marker,
        now.workload.allowed_exit_codes,
    )
