"""What else may have made the difference: the machine, or the hour.

Trials that were not run side by side differ by whatever drifted between them, and more trials make that look surer,
not truer.
"""

from __future__ import annotations

from collections.abc import Sequence

from batchmatrix.base.clock import parse_rfc3339
from batchmatrix.model.record import Record
from batchmatrix.summarise.comparison.reasons import Reason

__all__ = ["confounds"]

FEW_NODES = 3
"""A side that used so many nodes has averaged over them."""


def confounds(cell: Sequence[Record], base: Sequence[Record], *, interleaved: bool) -> tuple[Reason, ...]:
    """The flags of one comparison, from the records that went into it.

    node: no node in common, while one side used fewer than three; not where the nodes of a side are not known.
    time: no stretch of time in common, each side's from its first start to its last end. Where the plan did not
    interleave the cells (`order: cells`), half of each side's trials must have run while the other side was under
    way; times that are not known show nothing then.
    """
    found = []
    if _apart(cell, base):
        found.append(Reason.CONFOUNDED_NODE)
    if _at_another_time(cell, base, interleaved=interleaved):
        found.append(Reason.CONFOUNDED_TIME)
    return tuple(found)


def _apart(cell: Sequence[Record], base: Sequence[Record]) -> bool:
    nodes, others = ({record.node for record in side if record.node} for side in (cell, base))
    return bool(nodes and others) and nodes.isdisjoint(others) and min(len(nodes), len(others)) < FEW_NODES


def _at_another_time(cell: Sequence[Record], base: Sequence[Record], *, interleaved: bool) -> bool:
    stretches, others = _stretches(cell), _stretches(base)
    if not stretches or not others:
        return not interleaved and bool(cell and base)
    if interleaved:
        whole, other = _hull(stretches), _hull(others)
        return not (whole[0] <= other[1] and other[0] <= whole[1])  # clusters give whole seconds
    return not (_beside(stretches, _hull(others)) and _beside(others, _hull(stretches)))


def _beside(stretches: Sequence[tuple[float, float]], whole: tuple[float, float]) -> bool:
    return 2 * sum(begin <= whole[1] and whole[0] <= end for begin, end in stretches) >= len(stretches)


def _hull(stretches: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return min(begin for begin, _ in stretches), max(end for _, end in stretches)


def _stretches(records: Sequence[Record]) -> list[tuple[float, float]]:
    found = []
    for record in records:
        begin = _seconds(record.started or record.created)
        end = _seconds(record.finished)
        if begin is not None and end is not None:
            found.append((begin, max(begin, end)))
    return found


def _seconds(text: str) -> float | None:
    try:
        return parse_rfc3339(text)
    except ValueError:
        return None
