"""A judgement without comparisons, for a matrix whose cells are held against limits alone."""

from __future__ import annotations

from batchmatrix.model.judging import Judgement, JudgingRules
from batchmatrix.model.summary import Summary

__all__ = ["compare"]


def compare(summary: Summary, rules: JudgingRules) -> Judgement:
    """Nothing is held against the baseline but what gates ask for."""
    return Judgement(baseline=rules.baseline)
