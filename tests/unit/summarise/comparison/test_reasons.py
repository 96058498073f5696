"""The reference lists every word and every code, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from batchmatrix.model.judging import Word
from batchmatrix.summarise.comparison.reasons import MEANINGS, Reason

PAGE = Path(__file__).resolve().parents[4] / "docs/reference/verdicts.md"


def section(title: str) -> str:
    return PAGE.read_text().partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_every_reason_has_its_meaning_and_its_row() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (.*) \|$", section("Reasons"), re.MULTILINE)
    assert dict(rows) == {reason.value: MEANINGS[reason] for reason in Reason}
    assert [code for code, _ in rows] == [reason.value for reason in Reason]


def test_every_word_has_its_row() -> None:
    first = [line.split("|")[1] for line in section("Words").splitlines() if line.startswith("| `")]
    assert sorted(re.findall(r"`([a-z ]+)`", " ".join(first))) == sorted(Word)


def test_codes_leave_the_process_and_stay() -> None:
    assert sorted(Reason) == [
        "also-different", "confounded-node", "confounded-time", "counts-alone", "difference-shown", "fails-less",
        "fails-more", "no-baseline", "no-direction", "no-spread", "no-trials", "not-positive", "not-shown",
        "out-of-range", "out-of-reach", "rerun-selected", "survivors-only", "too-few-trials", "trials-missing",
        "within-margin",
    ]  # fmt: skip
