from __future__ import annotations

import zlib

import pytest

from batchmatrix.capture.anchor import Anchor, Resume, Tail
from batchmatrix.capture.timestamps import Block
from tests.support.logs import START

SECOND = 10**9


def block(*lines: tuple[int, bytes]) -> Block:
    return Block(b"".join(data for _, data in lines), [time for time, _ in lines])


def anchor_of(*blocks: Block) -> Anchor | None:
    tail = Tail()
    for one in blocks:
        tail.feed(one)
    return tail.anchor


def test_the_last_line_is_the_anchor() -> None:
    assert anchor_of(block((1, b"a\n"), (2, b"bc\n"))) == Anchor(2, 1, 2, zlib.crc32(b"bc"), closed=True)
    assert anchor_of(block((1, b"a\n"), (2, b"bc"))) == Anchor(2, 1, 2, zlib.crc32(b"bc"), closed=False)
    assert anchor_of(block((1, b"\n"))) == Anchor(1, 1, 0, 0, closed=True)
    assert anchor_of() is None


def test_an_open_line_goes_on() -> None:
    whole = anchor_of(block((1, b"abcdef\n")))
    assert anchor_of(block((1, b"abc")), Block(b"def"), Block(b"\n")) == whole
    assert anchor_of(block((1, b"abc")), Block(b"def\n")) == whole


def test_lines_of_one_time_are_counted() -> None:
    found = anchor_of(block((1, b"a\n"), (2, b"a\n")), block((2, b"a\n"), (2, b"a\n")), block((2, b"a\n")))
    assert found is not None
    assert found.ordinal == 4


def test_since_is_a_second_early() -> None:
    assert Anchor(5 * SECOND + 1, 1, 0, 0, closed=True).since == 4.0


LOG = [(START, b"same\n"), (START, b"same\n"), (START, b"same\n"), (START + 1, b"\n"), (START + SECOND, b"end")]


@pytest.mark.parametrize("size", range(1, 20))
def test_going_on_anywhere_gives_the_rest(size: int) -> None:
    whole = block(*LOG)
    had, rest = whole.cut(size, inside=False)
    anchor = anchor_of(had)
    assert anchor is not None
    for first in range(len(whole.raw) + 1):
        resume = Resume(anchor)
        one, two = whole.cut(first, inside=False)
        out = [resume.feed(one), resume.feed(two)]
        assert resume.found
        assert out[0].raw + out[1].raw == rest.raw
        assert [*out[0].stamps, *out[1].stamps] == list(rest.stamps)


@pytest.mark.parametrize(
    "changed",
    [
        [(START, b"same\n"), (START, b"same\n")],
        [(START, b"same\n"), (START, b"same\n"), (START, b"sama\n")],
        [(START, b"same\n"), (START, b"same\n"), (START, b"same!\n")],
        [(START, b"same\n"), (START, b"same\n"), (START, b"sam\n")],
        [(START, b"same\n"), (START, b"same\n"), (START, b"same")],
        [(START + 1, b"same\n"), (START + 1, b"same\n"), (START + 1, b"same\n")],
    ],
)
def test_another_line_is_not_the_anchor(changed: list[tuple[int, bytes]]) -> None:
    anchor = anchor_of(block(*LOG[:3]))
    assert anchor is not None
    resume = Resume(anchor)
    assert resume.feed(block(*changed)).raw == b""
    assert not resume.found
    assert not resume.gone


def test_a_much_younger_line_says_that_the_anchor_is_gone() -> None:
    anchor = anchor_of(block(*LOG[:3]))
    assert anchor is not None
    resume = Resume(anchor)
    assert resume.feed(block((START + 2 * SECOND, b"x\n"))).raw == b""
    assert not resume.gone
    assert resume.feed(block((START + 2 * SECOND + 1, b"x\n"))).raw == b""
    assert resume.gone


def test_without_the_anchor_younger_lines_pass() -> None:
    anchor = anchor_of(block(*LOG[:3]))
    assert anchor is not None
    resume = Resume(anchor, later=True)
    assert resume.feed(block(*LOG)).raw == b"\nend"
    assert resume.feed(block((START, b"late\n"))).raw == b"late\n"
