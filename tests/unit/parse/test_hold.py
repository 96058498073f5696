from __future__ import annotations

import pytest

from batchmatrix.model.evidence import HoldRequest
from batchmatrix.parse.hold import both, read


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        (b"::hold until=2026-01-01T00:00:00Z", HoldRequest(until=1767225600.0)),
        (b"  ::hold\tuntil=2026-01-01T01:00:00.5+01:00 \r", HoldRequest(until=1767225600.5)),
        (b"::hold for=1h30m", HoldRequest(seconds=5400.0)),
        (b"::hold for=0s", HoldRequest(seconds=0.0)),
        (b"::hold", HoldRequest()),
        (b"::hold until=tomorrow", HoldRequest()),
        (b"::hold until=2026-01-01T00:00:00", HoldRequest()),
        (b"::hold until=" + b"9" * 5000, HoldRequest()),
        (b"::hold for=\xff\x00", HoldRequest()),
        (b"::hold for=5 minutes", HoldRequest()),
        (b"::hold please", HoldRequest()),
    ],
)
def test_a_line_with_the_mark_asks_for_a_hold(line: bytes, asked: HoldRequest) -> None:
    assert read(line) == asked


@pytest.mark.parametrize("line", [b"", b"::holding for=5m", b"+ echo ::hold for=5m", b"::metric {}", b":: hold for=5m"])
def test_other_lines_ask_for_nothing(line: bytes) -> None:
    assert read(line) is None


def test_of_two_lines_the_longer_counts_of_each_kind() -> None:
    first, second = HoldRequest(until=5.0), HoldRequest(until=3.0, seconds=7.0)
    assert both(first, second) == both(second, first) == HoldRequest(until=5.0, seconds=7.0)
    assert both(first, HoldRequest()) == first
    assert both(None, None) is None
