from __future__ import annotations

import pytest

from batchmatrix.base.pairs import key_values, last_with


@pytest.mark.parametrize(
    ("line", "pairs"),
    [
        ("A_1=12 b=-3 c=0.5 d=-1.25", {"A_1": 12, "b": -3, "c": 0.5, "d": -1.25}),
        (
            "a=95% b=1e5 c=1,5 d=+1 e=.5 f=5. g=nan",
            {"a": "95%", "b": "1e5", "c": "1,5", "d": "+1", "e": ".5", "f": "5.", "g": "nan"},
        ),
        ("a=1 b=2 a=3", {"a": 3, "b": 2}),
        ("x-y=1 p.q=2 (r=3)", {"y": 1, "q": 2, "r": "3)"}),
        ("a==1 b= 2 =3 c", {"a": "=1"}),
        ("a=b=1", {"a": "b=1"}),
        ("", {}),
        ("n=" + "9" * 5000, {"n": "9" * 5000}),
        ("n=00012 m=-0", {"n": 12, "m": 0}),
    ],
)
def test_pairs(line: str, pairs: dict[str, object]) -> None:
    found = key_values(line)
    assert (found, [type(value) for value in found.values()]) == (pairs, [type(value) for value in pairs.values()])
    assert list(found) == list(pairs)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("T a=1\nT a=2\nother", "T a=2"),
        ("x T", "x T"),
        ("T 1\rT 2\rbar", "T 2"),
        ("t\n", ""),
        ("", ""),
        ("T 1\u2028T 2", "T 2"),
    ],
)
def test_the_last_line_with_a_token(text: str, line: str) -> None:
    assert last_with(text, "T") == line
