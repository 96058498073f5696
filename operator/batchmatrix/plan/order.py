"""In which order trials are started."""

from __future__ import annotations

import hashlib

from batchmatrix.model.cell import Plan

__all__ = ["launch_order"]


def _rank(seed: str, trial: int, cell_hash: str) -> bytes:
    return hashlib.sha256(f"{seed}/{trial}/{cell_hash}".encode()).digest()


def launch_order(plan: Plan) -> list[tuple[int, int]]:
    """Every (index of the cell, trial) of the plan once, in the order in which they are to be started.

    `cells` is cell after cell. `rounds` is trial 0 of every cell, then trial 1, and so on; inside a round cells
    are sorted by a digest of the plan's order seed, the trial and the cell, so every round has another order, and
    it is the same in every process and language.
    """
    if plan.order == "cells":
        return [(index, trial) for index, cell in enumerate(plan.cells) for trial in range(cell.trials)]
    rounds = max((cell.trials for cell in plan.cells), default=0)
    result: list[tuple[int, int]] = []
    for trial in range(rounds):
        ranked = sorted(
            (_rank(plan.order_seed, trial, cell.hash), index)
            for index, cell in enumerate(plan.cells)
            if trial < cell.trials
        )
        result += [(index, trial) for _, index in ranked]
    return result
