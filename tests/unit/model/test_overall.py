from __future__ import annotations

import pytest

from batchmatrix.model.judging import FAILURES, Comparison, Word, overall


def rows(failures: Word | None, *metrics: Word) -> list[Comparison]:
    made = [(FAILURES, failures)] if failures else []
    made += [(f"m{number}", word) for number, word in enumerate(metrics)]
    return [Comparison("c", "b", metric, "", word, (), "", 3, 3) for metric, word in made]


@pytest.mark.parametrize(
    ("failures", "metrics", "word"),
    [
        (Word.BREAKS, (Word.FASTER,), Word.BREAKS),
        (Word.FIXES, (Word.SLOWER,), Word.FIXES),
        (Word.NO_EVIDENCE, (Word.FASTER, Word.SLOWER), Word.SLOWER),
        (Word.NO_EVIDENCE, (Word.EQUIVALENT, Word.WORSE), Word.WORSE),
        (Word.NO_EVIDENCE, (Word.NO_EVIDENCE, Word.FASTER), Word.FASTER),
        (Word.NO_EVIDENCE, (Word.BETTER,), Word.BETTER),
        (Word.NO_EVIDENCE, (Word.EQUIVALENT, Word.EQUIVALENT), Word.EQUIVALENT),
        (Word.NO_EVIDENCE, (Word.EQUIVALENT, Word.NOT_COMPARABLE), Word.EQUIVALENT),
        (Word.NO_EVIDENCE, (Word.EQUIVALENT, Word.NO_EVIDENCE), Word.NO_EVIDENCE),
        (Word.NO_EVIDENCE, (Word.NOT_COMPARABLE,), Word.NO_EVIDENCE),
        (Word.NO_EVIDENCE, (), Word.NO_EVIDENCE),
        (Word.NOT_COMPARABLE, (Word.NOT_COMPARABLE,), Word.NOT_COMPARABLE),
        (Word.NOT_COMPARABLE, (Word.EQUIVALENT,), Word.EQUIVALENT),
        (None, (), Word.NOT_COMPARABLE),
    ],
)
def test_one_word_for_a_cell(failures: Word | None, metrics: tuple[Word, ...], word: Word) -> None:
    assert overall(rows(failures, *metrics)) is word
    assert overall(reversed(rows(failures, *metrics))) is word
