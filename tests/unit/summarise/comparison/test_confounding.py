from __future__ import annotations

from typing import Any

import pytest

from batchmatrix.base.clock import format_rfc3339
from batchmatrix.model.record import Record
from batchmatrix.summarise.comparison.confounding import confounds
from batchmatrix.summarise.comparison.reasons import Reason
from tests.support.records import START, a_record

NODE, TIME = Reason.CONFOUNDED_NODE, Reason.CONFOUNDED_TIME


def ran(*places: tuple[str, float, float], **changes: Any) -> list[Record]:
    """Records by node, start and end in seconds after START."""
    return [
        a_record(node=node, started=format_rfc3339(START + begin), finished=format_rfc3339(START + end), **changes)
        for node, begin, end in places
    ]


def flags(cell: list[Record], base: list[Record], *, interleaved: bool = True) -> tuple[Reason, ...]:
    assert set(confounds(base, cell, interleaved=interleaved)) == set(confounds(cell, base, interleaved=interleaved))
    return confounds(cell, base, interleaved=interleaved)


def on(*nodes: str) -> list[Record]:
    return ran(*((node, 0.0, 60.0) for node in nodes))


@pytest.mark.parametrize(
    ("cell", "base", "flagged"),
    [
        (("a", "a", "a"), ("b", "b", "b"), True),
        (("a", "a", "b"), ("b", "c", "c"), False),
        (("a", "b", "a"), ("c", "d", "e"), True),
        (("a", "b", "c"), ("d", "e", "f"), False),
        (("a",), ("a",), False),
        (("", ""), ("b", "b"), False),
        (("a", ""), ("b",), True),
    ],
)
def test_nodes(cell: tuple[str, ...], base: tuple[str, ...], flagged: bool) -> None:
    assert flags(on(*cell), on(*base)) == ((NODE,) if flagged else ())


@pytest.mark.parametrize(("begin", "flagged"), [(0.0, False), (59.0, False), (60.0, False), (61.0, True), (1e6, True)])
def test_a_common_stretch_of_time(begin: float, flagged: bool) -> None:
    cell, base = ran(("a", 0, 20), ("a", 40, 60)), ran(("a", begin, begin + 20))
    assert flags(cell, base) == ((TIME,) if flagged else ())


def test_both() -> None:
    assert flags(ran(("a", 0, 10)), ran(("b", 20, 30))) == (NODE, TIME)


def test_trials_of_less_than_a_second_in_the_same_second_are_side_by_side() -> None:
    assert flags(ran(("a", 5, 5)), ran(("a", 5, 5))) == ()


def test_times_that_are_not_known_show_nothing_against_a_fair_order() -> None:
    unknown = [a_record(started="", created="", finished="")]
    assert flags(unknown, on("gpu-1")) == ()
    assert flags(unknown, on("gpu-1"), interleaved=False) == (TIME,)
    assert flags([a_record(started="no time", finished="at all")], on("gpu-1")) == ()


def test_cell_after_cell_is_no_fair_order_unless_they_ran_side_by_side_all_the_same() -> None:
    first = ran(("a", 0, 20), ("a", 20, 40), ("a", 40, 60))
    second = ran(("a", 55, 75), ("a", 75, 95), ("a", 95, 115))
    assert flags(first, second) == ()  # some stretch of time is common
    assert flags(first, second, interleaved=False) == (TIME,)
    beside = ran(("a", 1, 21), ("a", 22, 42), ("a", 43, 63))
    assert flags(first, beside, interleaved=False) == ()


def test_without_records_there_is_nothing_to_flag() -> None:
    assert flags([], on("a")) == ()
    assert flags([], [], interleaved=False) == ()
