from __future__ import annotations

from typing import Any

import pytest

from batchmatrix.parse import jsonlines, prefix
from batchmatrix.parse.keyvalue import KeyValue
from batchmatrix.parse.number import number_of, number_of_text
from batchmatrix.parse.pattern import Pattern


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"1", 1.0),
        (b"-1.5e3", -1500.0),
        (b"+.5", 0.5),
        (b"5.", 5.0),
        (b" 7 ", 7.0),
        (b"1E-2", 0.01),
        *[
            (text, None)
            for text in (b"", b"nan", b"inf", b"-Infinity", b"1_000", b"1,234.5", b"95%", b"0x10", b"1e999")
        ],
        *[(text, None) for text in (b".", b"e5", b"--1", b"1 2", b"\xd9\xa3")],
    ],
)
def test_number_of_text(text: bytes, value: float | None) -> None:
    assert number_of_text(text) == value


@pytest.mark.parametrize(
    ("item", "value"),
    [
        *[(1, 1.0), (0.5, 0.5), ("0.5", 0.5), (True, None), (False, None), (None, None), ([1], None), ({}, None)],
        *[("x", None), (float("nan"), None), (float("inf"), None), (10**400, None), ("\ud800", None)],
    ],
)
def test_number_of(item: Any, value: float | None) -> None:
    assert number_of(item) == value


class TestPrefix:
    @pytest.mark.parametrize(
        ("line", "pair"),
        [
            (b'::metric {"name":"acc","value":0.91,"unit":"","step":3}', ("acc", 0.91)),
            (b'  ::metric\t{"value":"2","name":"a b"}', ("a b", 2.0)),
            (b'::metric{"name":"x","value":1}', ("x", 1.0)),
            (b'::metric {"name":"x","value":NaN}', ("x", None)),
            (b'::metric {"name":"x","value":null}', ("x", None)),
            (b'::metrics {"name":"x","value":1}', None),
            (b'+ echo ::metric {"name":"x","value":1}', None),
            (b"", None),
        ],
    )
    def test_read(self, line: bytes, pair: tuple[str, float | None] | None) -> None:
        assert prefix.read(line) == pair

    @pytest.mark.parametrize(
        "rest",
        [b"", b"x", b"[1]", b'{"name":1,"value":2}', b'{"name":"x"}', b"[" * 60_000, b'{"name":"x","value":1} y'],
    )
    def test_malformed(self, rest: bytes) -> None:
        with pytest.raises(ValueError):
            prefix.read(b"::metric " + rest)


class TestJson:
    @pytest.mark.parametrize(
        ("line", "key", "found"),
        [
            (b'{"loss": 0.5}', "loss", (0.5,)),
            (b'  {"loss": "0.5"}\r', "loss", (0.5,)),
            (b'{"eval": {"loss": 2}}', "eval.loss", (2.0,)),
            (b'{"eval.loss": 1, "eval": {"loss": 2}}', "eval.loss", (1.0,)),
            (b'{"eval": 3}', "eval.loss", None),
            (b'{"loss": NaN}', "loss", (None,)),
            (b'{"loss": "bad"}', "loss", (None,)),
            (b'{"loss": true}', "loss", (None,)),
            (b'{"other": 1}', "loss", None),
            (b'{"l\\u006fss": 4}', "loss", (4.0,)),
        ],
    )
    def test_lookup(self, line: bytes, key: str, found: tuple[float | None] | None) -> None:
        item = jsonlines.read(line)
        assert item is not None
        assert jsonlines.lookup(item, key) == found

    @pytest.mark.parametrize(
        "line", [b"", b"text", b"[1]", b'{"a":', b"{" * 60_000, b'{"a":' + b"1" * 5000 + b"}", b'x {"a":1}']
    )
    def test_other_lines_are_skipped(self, line: bytes) -> None:
        assert jsonlines.read(line) is None


class TestKeyValue:
    @pytest.mark.parametrize(
        ("line", "values"),
        [
            (b"loss=0.5", [0.5]),
            (b"loss: 0.5", [0.5]),
            (b"epoch=3 loss=0.5, loss = 1e-3; (loss:-2)", [0.5, 0.001, -2.0]),
            (b"loss=0.5.", [0.5]),
            (b"loss=3/10", [3.0]),
            (b"a=loss=5", [5.0]),
            (b"loss=1 loss=2", [1.0, 2.0]),
            (b"x|loss=1", []),
            (b"train/loss=1 my.loss=1 my-loss=1 aloss=1 loss_max=1 loss.x=1 Loss=1", []),
            (b"loss==0.9", []),
            (b"loss=high loss=info loss=nano", []),
            (b"loss=nan loss=-inf loss=Infinity", [None, None, None]),
            (b"loss=1,234.5", [None]),
            (b"loss=95%", [None]),
            (b"loss=12.5ms", [None]),
            (b"loss=12:30", [None]),
            (b"loss=1_000", [None]),
            (b"loss=1.2.3", [None]),
            (b"loss=0x1F", [None]),
            (b"loss=1e999", [None]),
            (b"\xff\xfeloss=4\xff", [4.0]),
        ],
    )
    def test_read(self, line: bytes, values: list[float | None]) -> None:
        assert list(KeyValue("loss").read(line)) == values

    def test_many_lines(self) -> None:
        assert list(KeyValue("loss").read(b"loss=1\nloss=\n2\nloss\n=3\nxloss=4\nloss=5")) == [1.0, 5.0]

    @pytest.mark.timeout(5)
    @pytest.mark.parametrize("part", [b"loss", b"loss ", b"1", b"loss=1", b"loss=1e", b" ", b"=", b"loss\t=", b"nan"])
    def test_linear_time(self, part: bytes) -> None:
        list(KeyValue("loss").read(b"loss=" + part * (2_000_000 // len(part))))

    @pytest.mark.parametrize(
        ("key", "value"), [("a", 1.0), ("a.b", 2.0), ("train/loss", 3.0), ("größe", 4.0), ("x+", 5.0)]
    )
    def test_names_are_taken_whole_whatever_is_in_them(self, key: str, value: float) -> None:
        assert list(KeyValue(key).read("a=1 a.b=2 train/loss=3 größe=4 x+=5".encode())) == [value]


class TestPattern:
    @pytest.mark.parametrize(
        ("pattern", "line", "found"),
        [
            (r"p99 (\d+) us", b"p99 120 us", (120.0,)),
            (r"(min|max) (?P<value>\S+)", b"max 7", (7.0,)),
            (r"took (\S+)", b"took 12ms", (None,)),
            (r"ERROR", b"an ERROR", (1.0,)),
            (r"a(\d)?b", b"ab", None),
            (r"x (\d+)", b"y 1", None),
            (r"(\d+)µs", "12µs".encode(), (12.0,)),
            (r"v (.)", b"v \xff", None),
        ],
    )
    def test_read(self, pattern: str, line: bytes, found: tuple[float | None] | None) -> None:
        assert Pattern(pattern).read(line) == found

    @pytest.mark.parametrize("pattern", ["(", "(?=x)", r"(a)\1", "(a{1000}){1000}", "x" * 1025, "\ud800"])
    def test_refused(self, pattern: str) -> None:
        with pytest.raises(ValueError):
            Pattern(pattern)

    @pytest.mark.parametrize(
        ("pattern", "lines", "may"),
        [
            (r"^x (\d+)$", b"a\nx 1\nb", True),
            (r"^x (\d+)$", b"a\nx 1 \nb", False),
            (r"^x (\d+)$", b"a\nx 1\r\nb", True),
            (r"\Ax (\d+)\z", b"a\nx 1\nb", True),
            (r"(?-m)^x (?P<value>\d+)", b"a\nx 1\nb", True),
            (r"^x (?P<value>\d+)", b"a\nx 1\nb", True),
            (r"^x|y$", b"a\n1x\ny1", False),
        ],
    )
    def test_no_line_is_passed_over(self, pattern: str, lines: bytes, may: bool) -> None:
        assert Pattern(pattern).may_match(lines) is may

    @pytest.mark.timeout(5)
    def test_linear_time(self) -> None:
        assert Pattern(r"(a*)*b").read(b"a" * 65_000) is None
