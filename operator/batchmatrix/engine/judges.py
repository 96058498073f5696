"""Has a finished run judged, and goes on without where that cannot be had."""

from __future__ import annotations

import logging
from dataclasses import replace

from batchmatrix.base.errors import Unavailable
from batchmatrix.base.text import one_line
from batchmatrix.engine.excerpts import excerpts_of
from batchmatrix.engine.policy import judging_rules
from batchmatrix.engine.run import Run
from batchmatrix.engine.tables import tables_of
from batchmatrix.model.judging import NO_RULES, Judgement, JudgingRules
from batchmatrix.model.summary import Summary
from batchmatrix.ports.analyst import Analyst, Judged

__all__ = ["TRIES", "run_judged"]

logger = logging.getLogger(__name__)

TRIES = 3
"""Times that a run is given to be judged; then it ends without, or one that cannot be judged would never end."""


def _rules(run: Run) -> JudgingRules:
    """How the spec in force has its results judged."""
    if run.matrix is None or run.plan is None:
        return NO_RULES
    return judging_rules(run.matrix, run.plan.cells)


async def run_judged(run: Run, summary: Summary, analyst: Analyst, *, location: str) -> Judged:
    """The complete `summary` judged, with all its files.

    Raises Unavailable where that cannot be had now. After TRIES such tries it is given without judgement: with a
    verdict that is never better than what the outcomes alone and the rules that nobody could look at allow.
    """
    rules = _rules(run)
    if run.judged is not None and run.judged[:2] == (summary, rules):
        return run.judged[2]  # it could not be published; to judge it again would take as long again
    try:
        excerpts = await excerpts_of(run.store, summary) if analyst.pages else {}
        judged = await analyst.judge(summary, rules, location=location, excerpts=excerpts)
    except Unavailable as error:
        run.unjudged += 1
        if run.unjudged < TRIES:
            raise
        logger.warning("results are published unjudged: %s", error, extra={"matrix": run.ref.name})
        judged = _unjudged(summary, rules, str(error), location)
    else:
        run.judged = summary, rules, judged
    run.unjudged = 0
    return judged


def _unjudged(summary: Summary, rules: JudgingRules, why: str, location: str) -> Judged:
    why = f"its results could not be judged: {one_line(why, limit=200)}"
    severities = [*(check.severity for check in rules.checks), *(each.severity for each in rules.gates)]
    deciding = "fail" in severities
    word = "inconclusive" if deciding and summary.verdict == "pass" else summary.verdict
    reason = why if word != summary.verdict else f"{summary.reason}; {why}"
    summary = replace(summary, verdict=word, reason=reason, judgement=Judgement(warnings=(why,)))
    # All tables: one of before a rerun must not stay, least of all a junit.xml that passes.
    return Judged(summary, tables_of(summary, rules, location=location))
