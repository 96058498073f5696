from __future__ import annotations

import pytest

from batchmatrix.model.judging import Word
from batchmatrix.summarise.comparison.decide import Shown, of_failures, of_metric
from batchmatrix.summarise.comparison.reasons import Reason
from batchmatrix.summarise.comparison.survivors import Flattered

SPEED = (Word.SLOWER, Word.FASTER)
YES, ALONE, NO = 0.01, 0.04, 0.5
"""A p that Holm's rule keeps at a level of 0.05, one that it does not (0.4), and one that never counted."""


def shown(p: float, equal: float = 1.0) -> Shown:
    return Shown(0.05, p, {YES: 0.03, ALONE: 0.4, NO: 1.0}[p], equal)


@pytest.mark.parametrize(
    ("p", "equal", "worse", "word", "reasons"),
    [
        (YES, 1.0, True, Word.SLOWER, ["difference-shown"]),
        (YES, 1.0, False, Word.FASTER, ["difference-shown"]),
        (NO, 0.05, True, Word.EQUIVALENT, ["within-margin"]),
        (NO, 0.051, True, Word.NO_EVIDENCE, ["not-shown"]),
        (YES, 0.01, True, Word.EQUIVALENT, ["within-margin", "also-different"]),
        (YES, 0.01, False, Word.EQUIVALENT, ["within-margin", "also-different"]),
        (ALONE, 1.0, True, Word.NO_EVIDENCE, ["counts-alone"]),
        (NO, 1.0, False, Word.NO_EVIDENCE, ["not-shown"]),
    ],
)
def test_numbers_alone(p: float, equal: float, worse: bool, word: Word, reasons: list[str]) -> None:
    assert of_metric(shown(p, equal), worse=worse, words=SPEED) == (word, tuple(reasons))


def test_at_the_level_is_shown() -> None:
    assert of_metric(Shown(0.05, 0.05, 0.05), worse=True, words=SPEED)[0] is Word.SLOWER
    assert of_failures(Shown(0.05, 0.05, 0.05), more=True, reachable=True)[0] is Word.BREAKS


@pytest.mark.parametrize("why", [Reason.SURVIVORS_ONLY, Reason.TRIALS_MISSING, Reason.FAILS_MORE])
@pytest.mark.parametrize(
    ("p", "equal", "worse", "word", "rest"),
    [
        (YES, 1.0, True, Word.SLOWER, ["difference-shown"]),
        (YES, 1.0, False, Word.NO_EVIDENCE, ["difference-shown"]),
        (NO, 0.01, True, Word.NO_EVIDENCE, ["within-margin"]),
        (YES, 0.01, True, Word.SLOWER, ["difference-shown"]),
        (YES, 0.01, False, Word.NO_EVIDENCE, ["within-margin", "also-different"]),
        (NO, 1.0, True, Word.NO_EVIDENCE, ["not-shown"]),
    ],
)
def test_survivors_may_be_slower_and_never_better(
    why: Reason, p: float, equal: float, worse: bool, word: Word, rest: list[str]
) -> None:
    found, reasons = of_metric(shown(p, equal), worse=worse, words=SPEED, flattered=Flattered(cell=(why,)))
    assert found is word
    assert list(reasons) == ([*rest, why] if word is Word.SLOWER else [why, *rest])


@pytest.mark.parametrize("why", [Reason.SURVIVORS_ONLY, Reason.TRIALS_MISSING, Reason.FAILS_LESS])
@pytest.mark.parametrize(
    ("p", "equal", "worse", "word", "rest"),
    [
        (YES, 1.0, True, Word.NO_EVIDENCE, ["difference-shown"]),
        (YES, 1.0, False, Word.FASTER, ["difference-shown"]),
        (NO, 0.01, True, Word.NO_EVIDENCE, ["within-margin"]),
        (YES, 0.01, True, Word.NO_EVIDENCE, ["within-margin", "also-different"]),
        (YES, 0.01, False, Word.FASTER, ["difference-shown"]),
        (ALONE, 1.0, False, Word.NO_EVIDENCE, ["counts-alone"]),
    ],
)
def test_against_survivors_a_cell_may_be_faster_and_never_slower(
    why: Reason, p: float, equal: float, worse: bool, word: Word, rest: list[str]
) -> None:
    found, reasons = of_metric(shown(p, equal), worse=worse, words=SPEED, flattered=Flattered(base=(why,)))
    assert found is word
    assert list(reasons) == ([*rest, why] if word is Word.FASTER else [why, *rest])


@pytest.mark.parametrize(("p", "equal"), [(YES, 1.0), (NO, 0.01), (YES, 0.01), (ALONE, 1.0), (NO, 1.0)])
@pytest.mark.parametrize("worse", [True, False])
def test_survivors_against_survivors_are_no_evidence(p: float, equal: float, worse: bool) -> None:
    both = Flattered((Reason.SURVIVORS_ONLY,), (Reason.TRIALS_MISSING,))
    found, reasons = of_metric(shown(p, equal), worse=worse, words=SPEED, flattered=both)
    assert (found, reasons[:2]) == (Word.NO_EVIDENCE, ("survivors-only", "trials-missing"))


@pytest.mark.parametrize("why", [Reason.CONFOUNDED_NODE, Reason.CONFOUNDED_TIME, Reason.RERUN_SELECTED])
@pytest.mark.parametrize(("p", "equal"), [(YES, 1.0), (NO, 0.01), (YES, 0.01), (ALONE, 1.0), (NO, 1.0)])
@pytest.mark.parametrize("worse", [True, False])
def test_what_may_have_another_cause_is_no_evidence(why: Reason, p: float, equal: float, worse: bool) -> None:
    alone = of_metric(shown(p, equal), worse=worse, words=SPEED)[1]
    assert of_metric(shown(p, equal), worse=worse, words=SPEED, capped=(why,)) == (Word.NO_EVIDENCE, (why, *alone))


def test_what_cannot_be_compared_is_not() -> None:
    found = of_metric(
        Reason.TOO_FEW_TRIALS,
        worse=True,
        words=SPEED,
        flattered=Flattered((Reason.SURVIVORS_ONLY,)),
        capped=(Reason.CONFOUNDED_NODE,),
    )
    assert found == (Word.NOT_COMPARABLE, ("too-few-trials", "survivors-only"))
    assert of_failures(Reason.NO_TRIALS, more=False, reachable=False) == (Word.NOT_COMPARABLE, ("no-trials",))


@pytest.mark.parametrize(
    ("p", "more", "reachable", "word", "reason"),
    [
        (YES, True, True, Word.BREAKS, "fails-more"),
        (YES, False, True, Word.FIXES, "fails-less"),
        (ALONE, True, True, Word.NO_EVIDENCE, "counts-alone"),
        (NO, False, True, Word.NO_EVIDENCE, "not-shown"),
        (NO, False, False, Word.NO_EVIDENCE, "out-of-reach"),
    ],
)
def test_failures(p: float, more: bool, reachable: bool, word: Word, reason: str) -> None:
    assert of_failures(shown(p), more=more, reachable=reachable) == (word, (reason,))
    capped = of_failures(shown(p), more=more, reachable=reachable, capped=(Reason.RERUN_SELECTED,))
    assert capped == (Word.NO_EVIDENCE, ("rerun-selected", reason))
