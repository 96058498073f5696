"""From numbers to a word, in a fixed order.

Not comparable; equivalent; slower or faster; no evidence. What missing trials may have made is withheld, and everything
where something else may have made the difference. Failures are decided before times, since a cell that
fails more has only its survivors' times to show.
"""

from __future__ import annotations

from dataclasses import dataclass

from batchmatrix.model.judging import Word
from batchmatrix.summarise.comparison.reasons import Reason
from batchmatrix.summarise.comparison.survivors import Flattered

__all__ = ["Shown", "Verdict", "of_failures", "of_metric"]

Verdict = tuple[Word, tuple[Reason, ...]]
"""The word, and why: the reason that decided first."""

_NOBODY = Flattered()


@dataclass(frozen=True, slots=True)
class Shown:
    """What the tests of one comparison gave."""

    level: float
    p: float
    p_holm: float
    p_equivalence_holm: float = 1.0


def of_metric(
    shown: Shown | Reason,
    *,
    worse: bool,
    words: tuple[Word, Word],
    flattered: Flattered = _NOBODY,
    capped: tuple[Reason, ...] = (),
) -> Verdict:
    """The word for one metric of one cell.

    `shown` is a reason where the two cannot be compared; `worse` the side to which the estimate lies, `words` what a
    change for the worse and one for the better are called. A cell that is `flattered` is not called better, one whose
    baseline is, not worse, and neither is equivalent; `capped` keeps a cell from being called anything.
    """
    if isinstance(shown, Reason):
        return Word.NOT_COMPARABLE, (shown, *flattered.reasons)
    withheld, differs = flattered.reasons, shown.p_holm <= shown.level
    stands = differs and not (flattered.base if worse else flattered.cell)
    if shown.p_equivalence_holm <= shown.level:
        word, why = Word.EQUIVALENT, (Reason.WITHIN_MARGIN, *((Reason.ALSO_DIFFERENT,) if differs else ()))
        if withheld and stands:  # what is left of the trials speaks against that difference, and shows it all the same
            word, why = words[0] if worse else words[1], (Reason.DIFFERENCE_SHOWN,)
    elif differs:
        word, why = words[0] if worse else words[1], (Reason.DIFFERENCE_SHOWN,)
    else:
        word, why = Word.NO_EVIDENCE, (_short(shown),)
    if withheld:
        why, word = ((*why, *withheld), word) if stands else ((*withheld, *why), Word.NO_EVIDENCE)
    return (Word.NO_EVIDENCE, (*capped, *why)) if capped else (word, why)


def of_failures(shown: Shown | Reason, *, more: bool, reachable: bool, capped: tuple[Reason, ...] = ()) -> Verdict:
    """The word for how often trials fail; `more` is the side to which the rates lie."""
    if isinstance(shown, Reason):
        return Word.NOT_COMPARABLE, (shown,)
    if shown.p_holm <= shown.level:
        word = Word.BREAKS if more else Word.FIXES
        why = Reason.FAILS_MORE if more else Reason.FAILS_LESS
        return (Word.NO_EVIDENCE, (*capped, why)) if capped else (word, (why,))
    return Word.NO_EVIDENCE, (*capped, _short(shown) if reachable else Reason.OUT_OF_REACH)


def _short(shown: Shown) -> Reason:
    return Reason.COUNTS_ALONE if shown.p <= shown.level else Reason.NOT_SHOWN
