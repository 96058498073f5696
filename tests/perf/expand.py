"""Large grids made into plans: seconds and memory for 10^4 and 10^5 cells, and what a refused one costs.

CPU and memory of this process alone; no cluster, no store. Both must grow in step with the cells.
"""

from __future__ import annotations

import gc
import itertools
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from batchmatrix.base.errors import InvalidSpec
from batchmatrix.base.ids import digest
from batchmatrix.model.v1alpha1 import BatchMatrix, parse_matrix
from batchmatrix.plan.expand import expand as expand_grid
from batchmatrix.plan.pin import dump_plan
from tests.perf.table import Table
from tests.support.specs import a_plan, matrix_object

__all__ = ["Timing", "expand", "table"]

SIZES = (10_000, 100_000)
MOST = 100_000
FLOOR = "floor: product, one digest each"
RULES = 100
"""Excludes, and as many overrides, in the grid with rules."""


@dataclass(frozen=True, slots=True)
class Timing:
    """One piece of work on one grid."""

    what: str
    cells: int
    seconds: float
    mib: float | None
    """Most memory that was held at one time for it, what it returns included, where it was watched."""


def grid(cells: int, *, rules: int = 0) -> BatchMatrix:
    """A matrix of `cells` cells: a mitigation, an environment and three parameters; a rule fits one value of one."""
    small = cells // (4 * 5 * 50)
    axes = [
        {"name": "mitigation", "values": ["none", "tf32-off", "nccl-ring", ["tf32-off", "nccl-ring"]]},
        {"name": "environment", "values": ["local", *({"image": f"registry.example/app:{i}"} for i in range(4))]},
        {"name": "batch_size", "values": list(range(50))},
        {"name": "lr", "values": [(i + 1) / 1000 for i in range(min(small, 50))]},
        {"name": "depth", "values": list(range(small // min(small, 50)))},
    ]
    spec: dict[str, Any] = {"axes": axes}
    if rules:
        # no cell has depth 99, so every rule is looked at for every cell
        spec["exclude"] = [{"batch_size": i % 50, "depth": 99} for i in range(rules)]
        spec["overrides"] = [{"match": {"batch_size": i % 50}, "set": {"steps": i + 1}} for i in range(rules)]
    return parse_matrix(matrix_object(**spec, workload={"image": "registry.example/app:1", "command": ["run"]}))


def beyond() -> BatchMatrix:
    """The smallest grid of eight axes with more than 10^9 cells."""
    axes = [{"name": f"a{i}", "values": list(range(14))} for i in range(8)]
    return parse_matrix(matrix_object(axes=axes, workload={"image": "registry.example/app:1"}))


def expand(say: Callable[[str], None]) -> list[Timing]:
    """All timings. Raises RuntimeError where a grid has not the size that it should have."""
    found = []
    for size in SIZES:
        say(f"expand: {size} cells")
        matrix = grid(size)
        planned = partial(a_plan, matrix, max_cells=MOST)
        found.append(_timed(FLOOR, size, partial(_floor, matrix)))
        found.append(_timed("expand", size, partial(_expanded, matrix, size), memory=True))
        found.append(_timed(f"expand, {2 * RULES} rules", size, partial(_expanded, grid(size, rules=RULES), size)))
        found.append(_timed("plan", size, planned, memory=True))
        found.append(_timed("plan.json", size, partial(dump_plan, planned())))
    found.append(_timed(f"refuse {14**8:,} cells", 14**8, _refused))
    return found


def _floor(matrix: BatchMatrix) -> object:
    """Every combination as a dict, and one digest of it."""
    names = [axis.name for axis in matrix.spec.axes]
    products = itertools.product(*([str(value) for value in axis.values] for axis in matrix.spec.axes))
    return [(digest(values), values) for values in (dict(zip(names, each, strict=True)) for each in products)]


def _expanded(matrix: BatchMatrix, size: int) -> object:
    found = expand_grid(matrix.spec, max_cells=MOST)
    if len(found.combinations) != size:
        raise RuntimeError(f"a grid of {size} cells has {len(found.combinations)}")
    return found


def _refused() -> None:
    try:
        expand_grid(beyond().spec, max_cells=MOST)
    except InvalidSpec:
        return
    raise RuntimeError("a grid of 14^8 cells was not refused")


def _timed(what: str, cells: int, work: Callable[[], object], *, memory: bool = False) -> Timing:
    """Once for the time; with `memory` once more, watched, which makes everything slower."""
    gc.collect()
    begin = time.process_time()
    made = work()
    seconds = time.process_time() - begin
    del made
    if not memory:
        return Timing(what, cells, seconds, None)
    gc.collect()
    tracemalloc.start()
    try:
        made = work()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    del made
    return Timing(what, cells, seconds, peak / 2**20)


def table(timings: Sequence[Timing]) -> Table:
    """The timings, and how they grow."""
    found = Table("expand: CPU and memory without any I/O", ("", "cells", "s", "MiB"))
    for each in timings:
        found.add(each.what, str(each.cells), f"{each.seconds:.2f}", "" if each.mib is None else f"{each.mib:.1f}")
    small, large = SIZES
    by = {(each.what, each.cells): each for each in timings}
    for what in ("expand", "plan"):
        one, other = by[what, small], by[what, large]
        found.ratio(f"{what}, {large // small} times the cells: seconds", other.seconds / one.seconds)
        if one.mib is not None and other.mib is not None:
            found.ratio(f"{what}, {large // small} times the cells: MiB", other.mib / one.mib)
    rules = by[f"expand, {2 * RULES} rules", large]
    found.ratio(f"expand, {2 * RULES} rules / none", rules.seconds / by["expand", large].seconds)
    found.ratio("plan / floor", by["plan", large].seconds / by[FLOOR, large].seconds)
    return found
