"""A cell and its baseline as they go into a comparison."""

from __future__ import annotations

from dataclasses import dataclass

from batchmatrix.model.judging import CompareRule
from batchmatrix.model.record import Record
from batchmatrix.summarise.comparison.confounding import confounds
from batchmatrix.summarise.comparison.reasons import Reason
from batchmatrix.summarise.comparison.sample import Trials

__all__ = ["Flags", "Pair", "flags"]

_FLAGS = {Reason.CONFOUNDED_NODE: "node", Reason.CONFOUNDED_TIME: "time"}
_NOTES = {
    Reason.CONFOUNDED_NODE: "no node in common, so it may be the machine's",
    Reason.CONFOUNDED_TIME: "not run side by side, so it may be the hour's",
    Reason.RERUN_SELECTED: "only some trials were run again",
}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two cells, the first held against the second."""

    cell: str
    baseline: str
    own: Trials
    other: Trials
    interleaved: bool
    """Their trials were started in an order that mixes the two."""


@dataclass(frozen=True, slots=True)
class Flags:
    """What speaks against a comparison besides its numbers."""

    confounded: tuple[str, ...]
    """`node`, `time`."""
    capped: tuple[Reason, ...]
    """Why it can be no evidence at best."""
    notes: tuple[str, ...]


def flags(pair: Pair, own: tuple[Record, ...], other: tuple[Record, ...], rule: CompareRule) -> Flags:
    """Of one comparison, from the records that went into it."""
    found = confounds(own, other, interleaved=pair.interleaved)
    rerun = (Reason.RERUN_SELECTED,) if pair.own.selected or pair.other.selected else ()
    capped = rerun if rule.allow_confounded else (*found, *rerun)
    notes = tuple(_NOTES[reason] for reason in (*found, *rerun))
    return Flags(tuple(_FLAGS[reason] for reason in found), capped, notes)
