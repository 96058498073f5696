"""The targets of the simulation notice each way to be wrong."""

from __future__ import annotations

import pytest

from tests.perf.judges import JUDGES
from tests.perf.verdict_run import run
from tests.perf.verdict_targets import missed
from tests.perf.verdicts import agree, families, of_failures, scenarios

REPEATS = 300


def silent(text: str) -> None:
    """Progress is for people."""


def short(judge: str) -> str:
    """What a judge misses in one scenario and in families of ten cells."""
    one = scenarios(JUDGES[judge], REPEATS, silent, only="C")
    many = families(JUDGES[judge], REPEATS, silent, cells=(10,))
    return "\n".join(missed(one, many, []))


def test_the_product_reaches_them() -> None:
    assert short("product") == ""


@pytest.mark.parametrize(
    ("judge", "what"),
    [
        ("never", "C, n 5: shows +5 % in 0 %"),
        ("never", "C, n 10: shows that it is equivalent in 0 %"),
        ("never", "normal, n 5, 10 cells: shows +15 % in 0 %"),
        ("unadjusted", "normal, n 10, 10 cells: false alarms"),
        ("not-seen-is-same", "C, n 3: false equivalents"),
    ],
)
def test_whoever_is_wrong_misses_them(judge: str, what: str) -> None:
    assert what in short(judge)


def test_failures_reach_theirs_and_worse_figures_would_not() -> None:
    found = of_failures((3, 5))
    assert missed([], [], found) == []
    found[0].differs.update({0.0: 0.051, 0.5: 0.0})
    assert [text.partition(":")[2][:8] for text in missed([], [], found)] == [" false a", " power 0"]


def test_what_is_simulated_is_what_compare_says() -> None:
    assert agree(3) == 18


def test_nobody_else_judges() -> None:
    with pytest.raises(RuntimeError, match="--judge: 'me' is none of product, never"):
        run("me", 10, silent)
