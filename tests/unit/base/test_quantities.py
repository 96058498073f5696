"""Durations and quantities."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchmatrix.base.quantities import (
    DURATION_PATTERN,
    QUANTITY_PATTERN,
    format_duration,
    format_quantity,
    parse_duration,
    parse_quantity,
    scale_quantity,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("0s", 0),
        ("250ms", 0.25),
        ("90s", 90),
        ("20m", 1200),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("1m1ms", 60.001),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "-5s", "5 s", "5d", "1h\n", "s", "1e3s", ".5s", "5µs", "٥s", "00", "20m5"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write for example"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("2", "2"),
        ("500m", "0.5"),
        ("1.5Gi", "1610612736"),
        ("64Ki", "65536"),
        ("3k", "3000"),
        ("1E", "1e18"),
        ("1Ei", str(2**60)),
    ],
)
def test_quantities(text: str, number: str) -> None:
    assert parse_quantity(text) == Decimal(number)


@pytest.mark.parametrize("text", ["", "-1", "1 Gi", "1gi", "1K", "1e3", "Gi", "1Gi\n", "1..5", "٥Gi", "1mi"])
def test_what_is_no_quantity_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write for example"):
        parse_quantity(text)


@given(st.one_of(st.from_regex(QUANTITY_PATTERN, fullmatch=True), st.text("0123456789.mkKGi", max_size=6)))
def test_the_pattern_takes_what_the_parser_takes(text: str) -> None:
    matches = re.fullmatch(QUANTITY_PATTERN, text) is not None
    try:
        parse_quantity(text)
    except ValueError:
        assert not matches
    else:
        assert matches


@given(st.one_of(st.from_regex(DURATION_PATTERN, fullmatch=True), st.text("0123456789.msh", max_size=6)))
def test_the_duration_pattern_takes_what_the_parser_takes(text: str) -> None:
    matches = re.fullmatch(DURATION_PATTERN, text) is not None
    try:
        assert parse_duration(text) >= 0
    except ValueError:
        assert not matches
    else:
        assert matches


@pytest.mark.parametrize(
    ("text", "factor", "scaled"),
    [
        ("64Gi", "1.5", "103079215104"),
        ("500m", "1.5", "750m"),
        ("1", "1.5", "1500m"),
        ("2", "2", "4"),
        ("1m", "1.5", "2m"),
        ("1001", "1.5", "1502"),
        ("0", "1.5", "0"),
        ("1E", "1E+3", "1000000000000000000000"),
    ],
)
def test_scaling(text: str, factor: str, scaled: str) -> None:
    assert scale_quantity(text, Decimal(factor)) == scaled


@given(st.decimals(0, 10**20, allow_nan=False, places=4))
def test_a_formatted_quantity_is_a_quantity_and_never_less(number: Decimal) -> None:
    text = format_quantity(number)
    assert re.fullmatch(QUANTITY_PATTERN, text)
    assert 0 <= parse_quantity(text) - number < 1


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.25, "250ms"), (90, "1m30s"), (3600, "1h"), (5400, "1h30m"), (31_622_400, "8784h")],
)
def test_a_duration_is_written_as_it_is_read(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
    assert parse_duration(text) == seconds
