from __future__ import annotations

import pytest

from batchmatrix.capture.timestamps import Block, Splitter
from tests.support.logs import LOST, START, stamped


def split(*data: bytes, resumed: bool = False) -> tuple[bytes, list[int], str]:
    splitter = Splitter(resumed=resumed)
    blocks = [splitter.feed(piece) for piece in data]
    splitter.close()
    raw = b"".join(block.raw for block in blocks)
    return raw, [stamp for block in blocks for stamp in block.stamps], splitter.foreign


def test_lines_and_their_times() -> None:
    wire = stamped(START) + b"one\n" + stamped(START + 1) + b"\n" + stamped(START + 2 * 10**9) + b"three"
    assert split(wire) == (b"one\n\nthree", [START, START + 1, START + 2 * 10**9], "")


@pytest.mark.parametrize(
    ("time", "nanoseconds"),
    [
        (b"1970-01-01T00:00:00Z", 0),
        (b"1970-01-01T00:00:01.5Z", 1_500_000_000),
        (b"1970-01-01T00:00:00.000000001Z", 1),
        (b"1970-01-01T02:00:00.25+02:00", 250_000_000),
        (b"2026-11-23T06:30:00.123456789-05:30", 1_795_435_200_123_456_789),
    ],
)
def test_forms_of_time(time: bytes, nanoseconds: int) -> None:
    assert split(time + b" x\n") == (b"x\n", [nanoseconds], "")


def test_a_change_of_zone_in_the_same_second() -> None:
    wire = (
        b"1970-01-01T02:00:00.000000001Z a\n1970-01-01T02:00:00.000000001+02:00 b\n1970-01-01T02:00:00.000000002Z c\n"
    )
    assert split(wire)[1] == [7_200_000_000_001, 1, 7_200_000_000_002]


@pytest.mark.parametrize(
    "line",
    [
        LOST,
        b"",
        b"2026-13-01T00:00:00Z x",
        b"0001-01-01T00:00:00Z x",
        b"9999-01-01T00:00:00Z x",
        b"2026-11-23T07:00:00Z",
        b"2026-11-23T07:00:00.1234567890Z x",
        b"2026-11-23 07:00:00Z x",
        b" 2026-11-23T07:00:00Z x",
    ],
)
def test_a_line_without_a_time_is_no_log(line: bytes) -> None:
    raw, stamps, foreign = split(line + b"\n" + stamped(START) + b"x\n")
    assert (raw, stamps) == (b"x\n", [START])
    assert foreign


@pytest.mark.parametrize("cut", range(len(LOST) + 1))
def test_an_error_text_alone(cut: int) -> None:
    assert split(LOST[:cut], LOST[cut:]) == (b"", [], LOST.decode())


def test_a_time_in_the_middle_of_a_line_is_content() -> None:
    inner = b"a" + stamped(START + 5) + b"b"
    assert split(stamped(START) + inner + b"\n") == (inner + b"\n", [START], "")


def test_a_line_that_begins_like_a_time() -> None:
    inner = stamped(START + 5) + b"b\n"
    assert split(stamped(START) + inner) == (inner, [START], "")


def test_a_resumed_stream_may_begin_in_the_middle_of_a_line() -> None:
    wire = b"rest of an old line\n" + stamped(START) + b"x\n"
    assert split(wire, resumed=True) == (b"x\n", [START], "")
    assert split(wire, resumed=False)[2] == "rest of an old line"
    assert split(LOST, resumed=True)[2] == LOST.decode()


def test_only_the_first_text_of_a_resumed_stream_may_be_the_rest_of_a_line() -> None:
    assert split(stamped(START) + b"x\n" + LOST, resumed=True)[2] == LOST.decode()
    assert split(b"rest\n" + LOST + b"\n" + stamped(START) + b"x\n", resumed=True)[2]


def test_nothing_but_a_time_is_a_line_of_no_bytes() -> None:
    assert split(stamped(START)) == (b"", [], "")


def test_what_is_held_back_is_bounded() -> None:
    splitter = Splitter(resumed=False)
    splitter.feed(stamped(START))
    for _ in range(100):
        assert len(splitter.feed(b"x" * 100_000).raw) == 100_000
    foreign = Splitter(resumed=False)
    for _ in range(100):
        assert foreign.feed(b"x" * 100_000).raw == b""
    foreign.close()
    assert len(foreign.foreign) <= 1024


@pytest.mark.parametrize("inside", [True, False])
def test_cut_shares_out_the_times(inside: bool) -> None:
    raw = b"a\n\nbc\nd"
    starts = [0, 2, 3, 6][1 if inside else 0 :]
    block = Block(raw, starts)
    for size in range(len(raw) + 1):
        head, rest = block.cut(size, inside=inside)
        assert head.raw + rest.raw == raw
        assert list(head.stamps) == [start for start in starts if start < size]
        assert list(rest.stamps) == [start for start in starts if start >= size]
