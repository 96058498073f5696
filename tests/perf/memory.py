"""What one large matrix holds in memory, from its plan to its report, with neither cluster nor store.

Each size is a process of its own, so that its high-water mark is its own: python -m tests.perf.memory CELLS.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from batchmatrix.engine.board import Board
from batchmatrix.ledger.replay import State
from batchmatrix.ledger.shard import MAX_ENTRIES, Header, decode_shard, digest_of, encode_shard, shard_key
from batchmatrix.model.cell import Plan
from batchmatrix.model.launch import AttemptId
from batchmatrix.model.record import Record
from batchmatrix.model.summary import Summary, TrialResult
from batchmatrix.plan.order import launch_order
from batchmatrix.publish.configmap import configmap_data
from batchmatrix.publish.csvs import cells_csv, trials_csv
from batchmatrix.publish.matrix_md import matrix_markdown
from batchmatrix.publish.summary_json import summary_json
from batchmatrix.summarise.summary import summarise
from tests.perf.expand import grid
from tests.perf.rig import measured, usage
from tests.perf.table import Table
from tests.support.engine import a_record
from tests.support.specs import a_plan

__all__ = ["Held", "memory", "table"]

SIZES = (1_000, 10_000)
LONGEST = 300.0


@dataclass(frozen=True, slots=True)
class Held:
    """Resident bytes at one step of a process: `resident` at its end, `peak` at most until then."""

    step: str
    cells: int
    resident: int
    peak: int


def memory(say: Callable[[str], None]) -> list[Held]:
    """All sizes. Raises RuntimeError where a process fails."""
    found: list[Held] = []
    for size in SIZES:
        say(f"memory: {size} cells")
        facts = measured("tests.perf.memory", str(size), what=f"memory, {size} cells", longest=LONGEST)
        found += [Held(**each) for each in facts]
    return found


def table(steps: Sequence[Held]) -> Table:
    """Each step above the process before it held anything, and how that grows."""
    found = Table("memory: one matrix of so many cells, all done", ("", "cells", "MiB held", "MiB at most"))
    base = {size: next(each.resident for each in steps if each.cells == size) for size in SIZES}
    for each in steps:
        above = (each.resident - base[each.cells]) / 2**20, (each.peak - base[each.cells]) / 2**20
        found.add(each.step, str(each.cells), *(f"{value:.1f}" for value in above))
    small, large = ([each for each in steps if each.cells == size][-1].peak - base[size] for size in SIZES)
    found.ratio(f"MiB at most, {SIZES[1] // SIZES[0]} times the cells", large / small)
    found.note(f"the process itself: {base[SIZES[1]] / 2**20:.0f} MiB resident before it holds anything")
    return found


def _steps(cells: int) -> Iterator[tuple[str, object]]:
    """One step after the other; what was made stays, but for the texts."""
    yield "nothing yet", None
    plan = a_plan(grid(cells), max_cells=cells)
    yield "plan", plan
    state = _replayed(plan)
    yield "and the ledger's records", state
    board = Board(plan, order=launch_order(plan), rules={}, records=state.records.values())
    if board.done != cells:
        raise RuntimeError(f"{cells} records made {board.done} results")
    yield "and the board", board
    summary = summarise(plan, _results(plan, board), units={}, complete=True, started="", finished="")
    yield "and the summary", summary
    _write(summary)
    yield "and its texts written", None


def _replayed(plan: Plan) -> State:
    """Records as they come out of shards, so that they share no text with each other that they would not."""
    state = State()
    pending: list[Record] = []
    for number, cell in enumerate(plan.cells):
        pending.append(replace(a_record(AttemptId(cell.hash, 0, 0), pod_uid=f"pod-{number}"), cell=cell.name))
        if len(pending) == MAX_ENTRIES or number == len(plan.cells) - 1:
            sequence = state.sequence + 1
            data = encode_shard(Header("writer", sequence, state.digest, "2026-01-01T00:00:00Z"), tuple(pending))
            _, entries = decode_shard(shard_key("p", sequence), data)
            state.apply(entries, sequence=sequence, digest=digest_of(data))
            pending = []
    return state


def _results(plan: Plan, board: Board) -> Iterator[TrialResult]:
    for cell in plan.cells:
        record = board.results[cell.hash, 0]
        yield TrialResult(cell.name, 0, "Done", 1, (record.log.state,), record)


def _write(summary: Summary) -> None:
    """One text after the other, as the reporter does."""
    for make in (summary_json, matrix_markdown, cells_csv, trials_csv):
        make(summary).encode()
    configmap_data(summary)


def _main(cells: int) -> None:
    steps = []
    kept: list[object] = []
    for step, made in _steps(cells):
        kept.append(made)
        gc.collect()
        now = usage()
        steps.append(Held(step, cells, now.resident, now.peak))
    sys.stdout.write(json.dumps([asdict(each) for each in steps]))


if __name__ == "__main__":
    _main(int(sys.argv[1]))
