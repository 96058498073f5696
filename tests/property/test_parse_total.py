"""No log makes the metric reader raise, and where a log is cut makes no difference."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from batchmatrix.model.metric import METRIC_STRATEGIES, MetricDefinition, ReadingRules
from batchmatrix.parse.reader import LogReader, ParseReport
from tests.support.logs import pieces

FRAGMENTS = st.sampled_from(
    [
        *[b"::metric ", b'{"name":"a","value":', b"1e5", b"NaN", b"}", b"\n", b"\r\n", b"a=", b"a: ", b"-1.5", b" "],
        *[b"\xff\x00", b"inf", b"[[", b'"', b"ERR 7", b",", b"%", b'{"a":{"b":3}}', b"1" * 400, b"x" * 30],
        *[b"\x1b[3", b"1m", b"\x1b]0;", b"\x07", b"\x1b", b"\0", b"STATS ", b"\r"],
    ]
)
LOGS = st.one_of(st.binary(max_size=300), st.lists(FRAGMENTS, max_size=40).map(b"".join))
DEFINITIONS = [
    MetricDefinition(
        name=f"{source}-{strategy}",
        source=source,
        key=key,
        pattern=r"ERR (\S+)",
        strategy=strategy,
        warmup=n,
        token="STATS" if source == "token" else "",
    )
    for source, key in [("prefix", "a"), ("json", "a.b"), ("keyvalue", "a"), ("regex", ""), ("token", "a")]
    for n, strategy in enumerate(METRIC_STRATEGIES[:8])
]


def read(*blocks: bytes) -> ParseReport:
    reader = LogReader(ReadingRules(tuple(DEFINITIONS), end_marker="a=1\na"))
    for block in blocks:
        reader.write(block)
    return reader.result()


@given(LOGS)
def test_any_bytes_are_read(log: bytes) -> None:
    for metric in read(log).metrics:
        assert metric.value is None or math.isfinite(metric.value)


@given(LOGS, st.lists(st.integers(1, 20), max_size=30))
def test_cuts_make_no_difference(log: bytes, sizes: list[int]) -> None:
    assert read(*pieces(log, sizes)) == read(log)
