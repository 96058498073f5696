"""Times at the edges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchmatrix.base.clock import format_rfc3339, parse_rfc3339


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0.0),
        ("2026-11-22T07:00:00Z", 1795330800.0),
        ("2026-11-22T08:00:00+01:00", 1795330800.0),
        ("2026-11-22T07:00:00.5Z", 1795330800.5),
        ("2026-11-22T07:00:00.000001999Z", 1795330800.000001),
        ("2026-11-22T07:00:00.123456789+00:00", 1795330800.123456),
        ("0001-01-01T00:00:00Z", -62135596800.0),
    ],
)
def test_times_as_kubernetes_writes_them(text: str, seconds: float) -> None:
    assert parse_rfc3339(text) == seconds


@pytest.mark.parametrize("text", ["", "now", "2026-11-22T07:00:00", "2026-11-22", "2026-13-01T00:00:00Z", "1795330800"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_rfc3339(text)


@pytest.mark.parametrize(("digits", "text"), [(0, "00Z"), (3, "00.999Z"), (6, "00.999500Z")])
def test_formatting_cuts_and_does_not_round(digits: int, text: str) -> None:
    assert format_rfc3339(1795330800.9995, digits=digits) == f"2026-11-22T07:00:{text}"


@given(st.integers(0, 4 * 10**15))
def test_a_formatted_time_is_read_back_to_the_microsecond(micros: int) -> None:
    seconds = micros / 10**6
    text = format_rfc3339(seconds, digits=6)
    assert abs(parse_rfc3339(text) - seconds) < 1.1e-6
    assert format_rfc3339(parse_rfc3339(text), digits=6) == text
