"""Which side of a comparison looks better than it is, because of the trials that it lacks.

What fails is often what was slow, so that the trials that are left of a side flatter it. That only matters in one
direction: a cell that is slower although it lost its slow trials is slower, and one that is slower than a baseline
which lost them may be the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from batchmatrix.model.judging import Comparison
from batchmatrix.summarise.comparison.reasons import Reason
from batchmatrix.summarise.comparison.sample import Values

__all__ = ["MISSING", "Flattered", "flattered", "lacks"]

MISSING = 0.2
"""Share of a side's trials without a value from which on what is left may flatter it."""


@dataclass(frozen=True, slots=True)
class Flattered:
    """Why either side may look better than it is; empty where nothing says so."""

    cell: tuple[Reason, ...] = ()
    base: tuple[Reason, ...] = ()

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Those of both sides, each once."""
        return tuple(dict.fromkeys((*self.cell, *self.base)))


def flattered(cell: Values, base: Values, failures: Comparison | None) -> Flattered:
    """By missing values of a metric, and by what was shown of failures, whatever else may be the cause of that."""
    shown = failures.reasons if failures is not None else ()
    own, other = _missing(cell), _missing(base)
    if Reason.FAILS_MORE in shown:
        own = (Reason.FAILS_MORE, *own)
    if Reason.FAILS_LESS in shown:
        other = (Reason.FAILS_LESS, *other)
    return Flattered(own, other)


def lacks(count: int, planned: int) -> bool:
    """Whether so many of the planned trials are too many to do without."""
    return count > MISSING * planned


def _missing(side: Values) -> tuple[Reason, ...]:
    if not lacks(side.missing, side.planned):
        return ()
    return (Reason.SURVIVORS_ONLY,) if lacks(side.failed, side.planned) else (Reason.TRIALS_MISSING,)
