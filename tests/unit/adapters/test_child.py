"""Judging in a process of its own: it gives what the same call gives here, and its end is never ours."""

from __future__ import annotations

import sys

import pytest

from batchmatrix.adapters.child import ChildAnalyst
from batchmatrix.base.errors import Unavailable
from batchmatrix.engine.analysis import analyse
from batchmatrix.model.judging import CheckRule, JudgingRules
from tests.support.summaries import expecting

RULES = JudgingRules(checks=(CheckRule("loss", max=0.0),))


def python(program: str) -> tuple[str, ...]:
    return (sys.executable, "-c", program)


async def test_the_process_gives_what_judging_gives_here() -> None:
    summary = expecting()
    judged = await ChildAnalyst(pages=False).judge(summary, RULES, location="s3://results", excerpts={})
    assert judged == analyse(summary, RULES, location="s3://results", pages=False)
    assert judged.summary.judgement is not None
    assert b"s3://results" in judged.files["matrix.json"]


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import sys; sys.exit('no room left')", "ended with exit code 1: no room left"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "was ended by SIGKILL, perhaps for its memory"),
        ("import sys, time; sys.stdin.read(); time.sleep(60)", "took more than 2 s and was ended"),
        ("import pickle, sys; sys.stdout.buffer.write(pickle.dumps(3))", "gave int and no result"),
        ("print('no pickle')", "gave no result that can be read"),
    ],
    ids=["fails", "killed", "hangs", "something else", "not an answer"],
)
async def test_one_that_ends_badly_can_be_asked_again(program: str, words: str) -> None:
    with pytest.raises(Unavailable, match=words):
        await ChildAnalyst(command=python(program), patience=2.0).judge(expecting(), RULES, location="", excerpts={})


async def test_one_that_cannot_be_started_can_be_asked_again() -> None:
    with pytest.raises(Unavailable, match="cannot be started"):
        await ChildAnalyst(command=("/nowhere/python",)).judge(expecting(), RULES, location="", excerpts={})
