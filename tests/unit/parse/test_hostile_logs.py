"""Logs as programs really write them: colours, Windows line ends, NUL bytes, bytes that are no text, endless lines.

Every form gives the value that stands there, or says that it did not read it; none gives another number.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from batchmatrix.model.metric import MetricDefinition, ReadingRules
from batchmatrix.parse.plain import plain
from batchmatrix.parse.reader import LogReader, ParseReport

FORMS = {
    "prefix": b'::metric {"name":"m","value":%s}',
    "json": b'{"m": %s}',
    "keyvalue": b"step=3 m=%s",
    "regex": b"took %s",
    "token": b"STATS m=%s",
}
MARKS = {"prefix": b"::metric", "json": b"{", "keyvalue": b"m", "regex": b"took", "token": b"STATS"}
RED, OFF, BOLD = b"\x1b[1;31m", b"\x1b[0m", b"\x1b[38;2;10;20;30m"


def read(form: str, log: bytes, *, step: int = 10**9) -> ParseReport:
    metric = MetricDefinition(
        name="m", source=form, pattern=r"^took (\S+)$", token="STATS" if form == "token" else "", strategy="latest"
    )
    reader = LogReader(ReadingRules((metric,)))
    for begin in range(0, len(log), step):
        reader.write(log[begin : begin + step])
    return reader.result()


def value(form: str, log: bytes) -> float | None:
    return read(form, log).metrics[0].value


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def line(form: str, number: bytes = b"12.5") -> bytes:
    return FORMS[form] % number


def test_windows_line_ends(form: str) -> None:
    assert value(form, line(form, b"1.5") + b"\r\n" + line(form) + b"\r\n") == 12.5
    assert value(form, line(form) + b"\r") == 12.5


def test_colours_around_the_line_and_around_the_value(form: str) -> None:
    assert value(form, RED + line(form) + OFF + b"\r\n") == 12.5
    assert value(form, line(form, BOLD + b"12.5" + OFF) + b"\n") == 12.5
    assert value(form, line(form).replace(MARKS[form], RED + MARKS[form] + OFF, 1) + b"\n") == 12.5
    assert value(form, line(form, b"12" + OFF + b".5") + b"\n") == 12.5


def test_other_sequences_of_terminals(form: str) -> None:
    for before in (
        b"\x1b]0;title\x07",
        b"\x1b]8;;http://x\x1b\\",
        b"\x1b[2K\x1b[1G",
        b"\x1b(B",
        b"\x1b[?25l",
        b"\x1b7",
    ):
        assert value(form, before + line(form) + b"\x1b[K\n") == 12.5, before


def test_a_sequence_that_never_ends_takes_no_other_line_with_it(form: str) -> None:
    assert value(form, b"\x1b]0;" + b"x" * 100 + b"\n" + line(form) + b"\n\x1b[38;5") == 12.5


def test_padding_of_nul_bytes(form: str) -> None:
    assert value(form, b"\0" * 5000 + line(form) + b"\0\0\n") == 12.5
    assert value(form, line(form) + b"\n" + b"\0" * 5000) == 12.5


def test_a_nul_byte_inside_of_a_number_makes_no_other_number(form: str) -> None:
    report = read(form, line(form, b"12\x005") + b"\n")
    assert report.metrics[0].value is None
    assert report.metrics[0].invalid == (0 if form in ("prefix", "json") else 1)
    assert report.malformed == (form == "prefix")


def test_bytes_that_are_no_text_before_it(form: str) -> None:
    log = b"\xff\xfe\x80 caf\xe9\n" + line(form) + b"\n\xf0\x9f\n"
    assert value(form, log) == 12.5


@pytest.mark.parametrize("number", [b"95%", b"1,234.5", b"12us", "12µs".encode(), "90％".encode(), "20°".encode()])
def test_a_number_is_never_read_by_half(form: str, number: bytes) -> None:
    quoted = b'"' + number + b'"' if form in ("prefix", "json") else number
    metric = read(form, line(form, quoted) + b"\n").metrics[0]
    assert (metric.value, metric.invalid) == (None, 1)


def test_a_line_of_ten_megabytes_is_said_and_hides_nothing(form: str) -> None:
    huge = line(form, b"7") + b"x" * 10_000_000 + b"\n"
    report = read(form, huge + line(form) + b"\n" + huge, step=65_536)
    assert (report.metrics[0].value, report.metrics[0].count, report.long_lines) == (12.5, 1, 2)


def cuts(log: bytes) -> Iterator[int]:
    yield from range(1, len(log))


def test_it_makes_no_difference_where_the_log_is_cut(form: str) -> None:
    log = b"\0" + RED + line(form) + OFF + b"\r\n\x1b]0;t\x07" + line(form, b"3") + b"\0\n"
    for step in cuts(log):
        assert read(form, log, step=step) == read(form, log)


@pytest.mark.timeout(5)
@pytest.mark.parametrize("part", [b"\x1b", b"\x1b[", b"\x1b]", b"\x1b[0", b"\0", b"\x1b]x\x1b", b"\x1b[ ", b"0;"])
def test_linear_time(part: bytes) -> None:
    plain(b"\x1b[" + part * (4_000_000 // len(part)))
