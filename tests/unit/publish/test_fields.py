"""Numbers and rows as text."""

from __future__ import annotations

import pytest

from batchmatrix.base.text import scalar_text
from batchmatrix.publish.fields import fitting, mean_text, number_text, short_name


@pytest.mark.parametrize(
    ("mean", "std", "text"),
    [
        (None, None, "-"),
        (12.3456, 0.234, "12.35 ± 0.23"),
        (12.3456, 0.0, "12.35 ± 0"),
        (12.3456, None, "12.35"),
        (123456.7, None, "123457"),
        (123456.7, 1234.5, "123457 ± 1234"),
        (1.5e9, 2.5e7, "1.500e+09 ± 2.5e+07"),
        (1.5e9, None, "1.5e+09"),
        (1.23456e-5, 2e-6, "1.235e-05 ± 2.0e-06"),
        (5.0, 1e-9, "5 ± 1.0e-09"),
        (0.001, 1e-7, "0.001 ± 1.0e-07"),
        (0.5, 1e-5, "0.500000 ± 0.000010"),
        (9999.7, None, "10000"),
        (9999.7, 0.0, "10000 ± 0"),
        (9999.4, None, "9999"),
        (0.0, 0.5, "0.00 ± 0.50"),
        (-3.25, 1.0, "-3.2 ± 1.0"),
        (1e300, 1e300, "1.000e+300 ± 1.0e+300"),
    ],
)
def test_a_mean_has_as_many_digits_as_its_deviation_allows(mean: float | None, std: float | None, text: str) -> None:
    assert mean_text(mean, std) == text


def test_scalars_read_as_in_yaml() -> None:
    assert [scalar_text(value) for value in (True, False, 8, 0.1, "a")] == ["true", "false", "8", "0.1", "a"]


def test_numbers_read_back_exactly() -> None:
    assert number_text(0.1 + 0.2) == "0.30000000000000004"
    assert [number_text(value) for value in (None, float("nan"), float("-inf"))] == ["", "", ""]


def test_rows_are_cut_at_their_ends_in_bytes() -> None:
    assert fitting(["ab", "ü", "c"], 6) == ["ab", "ü"]
    assert fitting(["ab", "ü", "c"], 8) == ["ab", "ü", "c"]
    assert fitting(["ab"], 2) == []


@pytest.mark.parametrize(
    ("name", "text"), [("short", "short"), ("", "-"), ("abcdefghijk", "abc…ghijk"), ("a\nb", "a b")]
)
def test_a_name_is_cut_in_its_middle(name: str, text: str) -> None:
    assert short_name(name, limit=9) == text
    assert len(short_name(name * 50, limit=20)) <= 20
