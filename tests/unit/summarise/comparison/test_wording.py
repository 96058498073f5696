from __future__ import annotations

import pytest

from batchmatrix.model.evidence import Outcome
from batchmatrix.model.judging import FAILURES, Comparison, MetricRule, Word
from batchmatrix.summarise.comparison.wording import failure_line, metric_line, p_text, zero_means
from tests.support.comparisons import judged, row

AVOIDED = (
    "significan",
    "no change",
    "same",
    "noise",
    " ok",
    "passed,",
    "95 % sure",
    "trend",
    "almost",
    "p = 0",
    "p 0.000",
    "*",
)


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0312, "p 0.031"),
        (0.001, "p 0.001"),
        (0.00099, "p <0.001"),
        (0.0, "p <0.001"),
        (1.0, "p 1"),
        (0.0496, "p 0.0496"),
        (0.05, "p 0.05"),
        (0.9968, "p 0.997"),
    ],
)
def test_p_is_never_nought(p: float, text: str) -> None:
    assert p_text(p) == text


def test_what_nought_and_all_mean() -> None:
    assert zero_means(0, 5, (0.0, 0.434)) == "0 of 5 = up to 43 %"
    assert zero_means(5, 5, (0.566, 1.0)) == "5 of 5 = at least 57 %"
    assert zero_means(1000, 1000, (0.9962, 1.0)) == "1000 of 1000 = at least 99.6 %"
    assert zero_means(0, 1000, (0.0, 0.0038)) == "0 of 1000 = up to 0.4 %"
    assert zero_means(2, 5, (0.1, 0.8)) == ""
    assert zero_means(0, 0, None) == ""


def made(word: Word, **changes: object) -> Comparison:
    base: dict[str, object] = {
        "cell": "c", "baseline": "none", "metric": "t", "unit": "ms", "word": word, "reasons": (), "text": "",
        "n": 5, "n0": 5, "m": 12, "estimate": 0.041, "low": 0.02, "high": 0.063, "low90": 0.024, "high90": 0.058,
        "p": 0.003, "p_holm": 0.03, "p_equivalence": 1e-5, "p_equivalence_holm": 1e-4, "margin": 0.05,
    }  # fmt: skip
    return Comparison(**{**base, **changes})  # type: ignore[arg-type]


def test_the_order_is_effect_interval_word_n_p() -> None:
    assert metric_line(made(Word.SLOWER), []) == "+4.1 % [+2.0, +6.3] · slower · n 5 v 5 · p 0.03 (Holm, 12 cells)"


def test_equivalent_shows_the_interval_it_rests_on_and_the_margin() -> None:
    line = metric_line(made(Word.EQUIVALENT, estimate=0.006, low90=-0.009, high90=0.021, n=10, n0=10), [])
    assert line == ("+0.6 % [-0.9, +2.1] (90 %) · equivalent within ±5 % · n 10 v 10 · p <0.001 (Holm, 12 cells)")


def test_real_but_small() -> None:
    line = metric_line(made(Word.EQUIVALENT, reasons=("within-margin", "also-different")), [])
    assert "equivalent within ±5 %, real but small (p 0.03)" in line


def test_no_evidence_says_what_there_could_have_been() -> None:
    line = metric_line(
        made(
            Word.NO_EVIDENCE, estimate=0.038, low=-0.029, high=0.11, n=3, n0=3, m=1, p_holm=0.3,
            smallest_effect80=0.19, trials_for_margin=12,
        ),
        [],
    )  # fmt: skip
    assert line == (
        "+3.8 % [-2.9, +11] · no evidence either way · n 3 v 3 · p 0.3 · "
        "this run could only show 19 % or more; about 12 trials per cell would show 5 %"
    )


def test_more_trials_than_there_can_be() -> None:
    line = metric_line(made(Word.SLOWER, smallest_effect80=0.04), [])
    assert line.endswith("this run could show 4 % or more; more than 99,999 trials per cell would show 5 %")


def test_differences_have_their_unit() -> None:
    line = metric_line(made(Word.WORSE, scale="linear", unit="GiB", estimate=1.25, low=0.5, high=2.0), ["note"])
    assert line == "+1.25 GiB [+0.5, +2] · worse · n 5 v 5 · p 0.03 (Holm, 12 cells) · note"


def test_large_differences_have_no_exponent_and_a_fall_to_almost_nothing_is_not_one_to_nothing() -> None:
    line = metric_line(made(Word.SLOWER, scale="linear", unit="ms", estimate=1000.4, low=999.7, high=1001.1), [])
    assert line.startswith("+1000 ms [+1000, +1001] · slower")
    line = metric_line(made(Word.FASTER, estimate=-0.9969, low=-0.99702, high=-0.99678), [])
    assert line.startswith("-99.7 % [-99.7, -99.7] · faster")


def test_a_unit_cannot_break_the_line() -> None:
    line = metric_line(made(Word.WORSE, scale="linear", unit="G\x1b[31m\niB"), [])
    assert "\n" not in line
    assert "\x1b" not in line


def test_failures() -> None:
    line = failure_line(
        made(
            Word.BREAKS, metric=FAILURES, failed=4, rate=(0.376, 0.964), rate0=(0.0, 0.434), m=3, p_holm=0.021
        ),
        [],
    )  # fmt: skip
    assert line == (
        "fails more: 4 of 5 v 0 of 5 (0 of 5 = up to 43 %) · [38, 96] % v [0, 43] % · breaks · n 5 v 5 · "
        "p 0.021 (Holm, 3 cells)"
    )
    assert failure_line(made(Word.FIXES, failed=0, failed0=5), []).startswith("fails less: 0 of 5 v 5 of 5")


def test_words_to_avoid_are_in_no_line() -> None:
    up, wide = [110.0, 111.0, 109.0, 110.0], [70.0, 140.0, 90.0, 120.0]
    bad = Outcome.TIMEOUT
    matrix = {
        "none": [100.0, 101.0, 99.0, 100.0], "slow": up, "wide": wide, "equal": [100.0, 101.0, 99.5, 99.9],
        "fails": [bad, bad, bad, bad], "some": [100.0, 100.0, bad, bad], "flat": [1.0, 1.0, 1.0, 1.0],
        "zero": [0.0, 1.0, 2.0, 3.0], "lost": [100.0, 101.0, Outcome.NODE_LOST, Outcome.NODE_LOST],
    }  # fmt: skip
    for metric in (MetricRule("step_time_ms", "ms", "lower"), MetricRule("step_time_ms", "GiB", "higher", "linear")):
        found = judged(matrix, metric=metric)
        assert len({each.word for each in found.comparisons}) > 3
        for line in (found.headline, *found.warnings, *(each.text for each in found.comparisons)):
            assert line
            assert not [word for word in AVOIDED if word in line.lower()], line
    assert row(judged(matrix), "lost", FAILURES).text.endswith("2 trials not counted (NodeLost 2)")
