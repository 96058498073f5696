"""Why a comparison has the word that it has: codes for programs, each with its meaning for people."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["MEANINGS", "Reason"]


class Reason(StrEnum):
    """The values leave the process (matrix.json): never rename one. docs/reference/verdicts.md lists them."""

    # not comparable
    NO_BASELINE = "no-baseline"
    NO_TRIALS = "no-trials"
    TOO_FEW_TRIALS = "too-few-trials"
    NOT_POSITIVE = "not-positive"
    NO_SPREAD = "no-spread"
    NO_DIRECTION = "no-direction"
    OUT_OF_RANGE = "out-of-range"
    # shown
    FAILS_MORE = "fails-more"
    FAILS_LESS = "fails-less"
    DIFFERENCE_SHOWN = "difference-shown"
    WITHIN_MARGIN = "within-margin"
    ALSO_DIFFERENT = "also-different"
    # not shown
    NOT_SHOWN = "not-shown"
    COUNTS_ALONE = "counts-alone"
    OUT_OF_REACH = "out-of-reach"
    # withheld
    SURVIVORS_ONLY = "survivors-only"
    TRIALS_MISSING = "trials-missing"
    CONFOUNDED_NODE = "confounded-node"
    CONFOUNDED_TIME = "confounded-time"
    RERUN_SELECTED = "rerun-selected"


MEANINGS = {
    Reason.NO_BASELINE: "no cell that could be its baseline agrees with it on all other axes and on the hardware",
    Reason.NO_TRIALS: "one side has no trial that counts",
    Reason.TOO_FEW_TRIALS: "one side has fewer values than `compare.minTrials`",
    Reason.NOT_POSITIVE: "a value is 0 or negative and has no logarithm; `scale: linear` compares differences",
    Reason.NO_SPREAD: "all values of a side are the same on both sides, so nothing says how far trials scatter",
    Reason.NO_DIRECTION: "neither `direction` nor the unit says which way is better",
    Reason.OUT_OF_RANGE: "the numbers are too large or too small for a result",
    Reason.FAILS_MORE: "trials of the cell fail more often than those of the baseline",
    Reason.FAILS_LESS: "trials of the cell fail less often than those of the baseline",
    Reason.DIFFERENCE_SHOWN: "the two sides differ, at the level that holds for all cells together",
    Reason.WITHIN_MARGIN: "the difference is smaller than the margin, at the level that holds for all cells together",
    Reason.ALSO_DIFFERENT: "and it is not nought: real, but small",
    Reason.NOT_SHOWN: "neither a difference nor equivalence could be shown",
    Reason.COUNTS_ALONE: "it would count if this were the only cell; not after looking at all of them",
    Reason.OUT_OF_REACH: "with so many trials no result at all could have shown a difference in failures",
    Reason.SURVIVORS_ONLY: "more than 20 % of a side's trials failed, and those that are left flatter that side",
    Reason.TRIALS_MISSING: "more than 20 % of a side's trials have no value for another cause than failing",
    Reason.CONFOUNDED_NODE: "the two ran on different nodes, and one of them on fewer than three",
    Reason.CONFOUNDED_TIME: "the two did not run at the same time",
    Reason.RERUN_SELECTED: "only some trials of a side were run again, which selects among its results",
}
"""What each code says. It is the text of the reference, and of the reason in a line of the report."""
