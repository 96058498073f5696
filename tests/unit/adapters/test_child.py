"""Judging in a process of its own: it gives what the same call gives here, and its end is never ours."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path

import pytest

from batchmatrix.adapters.child import ChildAnalyst
from batchmatrix.base.errors import Unavailable
from batchmatrix.engine.analysis import analyse
from batchmatrix.model.judging import CheckRule, JudgingRules
from batchmatrix.ports.analyst import Judged
from tests.support.summaries import expecting

FRAMES = "import os; from batchmatrix.adapters.child.frames import framed"
RULES = JudgingRules(checks=(CheckRule("loss", max=0.0),))


def python(program: str) -> tuple[str, ...]:
    return (sys.executable, "-c", program)


async def ask(analyst: ChildAnalyst) -> Judged:
    return await analyst.judge(expecting(), RULES, location="", excerpts={})


def answering(then: str = "") -> tuple[str, ...]:
    """A process that tells its pid as the verdict of what it is asked, and then does something more."""
    return python(f"""
import os, sys
from dataclasses import replace
from batchmatrix.adapters.child.frames import framed, read_frame
from batchmatrix.ports.analyst import Judged
while (request := read_frame(sys.stdin.buffer)) is not None:
    os.write(1, framed(Judged(replace(request[0], verdict=str(os.getpid())), {{}})))
    {then or "pass"}
""")


def is_there(pid: str) -> bool:
    return Path(f"/proc/{pid}").exists()


async def until_gone(pid: str) -> None:
    async with asyncio.timeout(30):
        while is_there(pid):  # noqa: ASYNC110 - the end of a process is no event of ours
            await asyncio.sleep(0.02)


async def test_the_process_gives_what_judging_gives_here() -> None:
    summary, analyst = expecting(), ChildAnalyst(pages=False)
    judged = await analyst.judge(summary, RULES, location="s3://results", excerpts={})
    assert judged == analyse(summary, RULES, location="s3://results", pages=False)
    assert judged.summary.judgement is not None
    assert b"s3://results" in judged.files["matrix.json"]
    assert await ask(analyst) == analyse(summary, RULES, location="", pages=False)
    await analyst.close()


async def test_what_a_library_prints_is_no_part_of_an_answer() -> None:
    noisy = "from batchmatrix.adapters.child import __main__"
    wrapped = "real = __main__.analyse; __main__.analyse = lambda *a, **k: (print('noise'), real(*a, **k))[1]"
    analyst = ChildAnalyst(pages=False, command=python(f"{noisy}; {wrapped}; __main__.main()"))
    assert await ask(analyst) == analyse(expecting(), RULES, location="", pages=False)
    await analyst.close()


async def test_one_process_judges_what_ends_together_and_goes_after_a_while() -> None:
    analyst = ChildAnalyst(command=answering(), rest=0.3)
    first, second = await asyncio.gather(ask(analyst), ask(analyst))
    assert first.summary.verdict == second.summary.verdict
    await until_gone(first.summary.verdict)
    assert (await ask(analyst)).summary.verdict != first.summary.verdict
    await analyst.close()


async def test_one_that_died_while_it_waited_is_replaced() -> None:
    analyst = ChildAnalyst(command=answering("os._exit(1)"))
    first = (await ask(analyst)).summary.verdict
    await until_gone(first)
    other = first
    async with asyncio.timeout(30):
        while other == first:
            with contextlib.suppress(Unavailable):  # its end may be known a moment later: then it can be asked again
                other = (await ask(analyst)).summary.verdict
    await analyst.close()


async def test_one_that_waits_ends_with_the_controller() -> None:
    analyst = ChildAnalyst(command=answering())
    pid = (await ask(analyst)).summary.verdict
    await analyst.close()
    assert not is_there(pid)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import sys; sys.exit('no room left')", "ended with exit code 1: no room left"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "was ended by SIGKILL, perhaps for its memory"),
        ("import sys, time; sys.stdin.read(); time.sleep(60)", "took more than 2 s and was ended"),
        (f"{FRAMES}; os.write(1, framed(3)); os.read(0, 1 << 20); os.read(0, 1)", "gave int and no result"),
        ("import os; os.write(1, bytes(7) + b'\\x01?')", "gave no result that can be read"),
        ("import os; os.write(1, bytes(7))", "gave no whole answer"),
        ("print('no answer')", "gave no whole answer"),
    ],
    ids=["fails", "killed", "hangs", "something else", "no pickle", "cut off", "not an answer"],
)
async def test_one_that_ends_badly_can_be_asked_again(program: str, words: str) -> None:
    with pytest.raises(Unavailable, match=words):
        await ChildAnalyst(command=python(program), patience=2.0).judge(expecting(), RULES, location="", excerpts={})


async def test_one_that_cannot_be_started_can_be_asked_again() -> None:
    with pytest.raises(Unavailable, match="cannot be started"):
        await ChildAnalyst(command=("/nowhere/python",)).judge(expecting(), RULES, location="", excerpts={})
