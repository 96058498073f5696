"""Pairs of the last line that holds a token."""

from __future__ import annotations

import pytest

from batchmatrix.base.errors import InvalidSpec
from batchmatrix.model.metric import MetricDefinition, MetricValue, ReadingRules
from batchmatrix.parse.reader import MAX_LINE, LogReader, ParseReport
from batchmatrix.parse.token import LastLine

P99 = MetricDefinition(name="p99", source="token", token="LATENCY", key="p99_us", required=True, unit="us")
SAMPLES = MetricDefinition(name="samples", source="token", token="LATENCY")
RESETS = MetricDefinition(name="resets", source="token", token="FAULTS")


def read(*blocks: bytes) -> ParseReport:
    reader = LogReader(ReadingRules((P99, SAMPLES, RESETS)))
    for block in blocks:
        reader.write(block)
    return reader.result()


def values(report: ParseReport) -> list[float | None]:
    return [metric.value for metric in report.metrics]


def test_the_last_line_with_its_token_counts_and_no_other() -> None:
    log = b"LATENCY p99_us=1 samples=1\nFAULTS resets=9\nLATENCY p99_us=2.5\nLATENCY_ p99_us=-7 other=1\np99_us=8\n"
    report = read(log)
    assert values(report) == [-7.0, None, 9.0], "what an earlier line said of samples is not what the last one says"
    assert report.metrics[0] == MetricValue("p99", "latest", -7.0, 1, unit="us")
    assert report.missing == ()


def test_a_last_line_without_a_line_end_counts() -> None:
    assert values(read(b"FAULTS resets=1\nFAULTS res", b"ets=2")) == [None, None, 2.0]


@pytest.mark.parametrize("text", [b"95%", b"1,234", b"1e5", b"nan", b"inf", b"12us", b"+1", b"9" * 400 + b".0", b"1."])
def test_what_is_no_plain_number_is_counted_and_not_used(text: bytes) -> None:
    report = read(b"LATENCY p99_us=" + text + b"\n")
    assert (report.metrics[0].value, report.metrics[0].count, report.metrics[0].invalid) == (None, 0, 1)
    assert report.missing == ("p99",)


def test_a_line_without_the_key_gives_no_value_and_no_invalid_one() -> None:
    report = read(b"LATENCY other=1\n")
    assert (report.metrics[0].value, report.metrics[0].invalid, report.missing) == (None, 0, ("p99",))


def test_of_a_key_that_is_there_twice_the_last_value_counts() -> None:
    assert values(read(b"LATENCY p99_us=1 p99_us=2\n"))[0] == 2.0


def test_a_progress_bar_is_read_as_it_stands_at_its_end() -> None:
    assert values(read(b"LATENCY p99_us=1\rLATENCY p99_us=2\rdone\r\n"))[0] == 2.0


def test_only_one_line_is_kept_of_each_token() -> None:
    last = LastLine("T")
    for number in range(1000):
        last.read(b"x" * 1000 + b"\nT a=%d\n" % number + b"y" * 1000)
    assert last.values() == {"a": 999.0}
    assert len(last._line) < 10


def test_a_longer_line_is_not_looked_at_and_the_report_says_so() -> None:
    report = read(b"LATENCY p99_us=1\nLATENCY p99_us=2 " + b"x" * MAX_LINE + b"\n")
    assert (values(report)[0], report.long_lines) == (1.0, 1)


def test_a_line_that_was_begun_before_a_gap_is_not_read() -> None:
    reader = LogReader(ReadingRules((RESETS,)))
    reader.write(b"FAULTS resets=1\nFAULTS resets=2")
    reader.drop_line()
    reader.write(b"3\n")
    assert reader.result().metrics[0].value == 1.0


@pytest.mark.parametrize("token", ["", "a\nb", "a\r", "a\u2028b"])
def test_a_token_that_no_line_can_hold_is_refused(token: str) -> None:
    with pytest.raises(InvalidSpec, match=r"metrics\[m\]: token"):
        LogReader(ReadingRules((MetricDefinition(name="m", source="token", token=token),)))
