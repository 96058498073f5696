"""Judging in a process of its own: it gives what the same call gives here, and its end is never ours."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from batchmatrix.adapters.child import ChildAnalyst
from batchmatrix.base.errors import Unavailable
from batchmatrix.engine.analysis import analyse
from batchmatrix.model.judging import CheckRule, JudgingRules
from batchmatrix.ports.analyst import Judged
from tests.support.kube import until
from tests.support.summaries import expecting

FRAMES = "import sys; from batchmatrix.adapters.child.frames import read_frame, write_frame"
RULES = JudgingRules(checks=(CheckRule("loss", max=0.0),))


def python(program: str) -> tuple[str, ...]:
    return (sys.executable, "-c", program)


async def ask(analyst: ChildAnalyst, location: str = "") -> Judged:
    return await analyst.judge(expecting(), RULES, location=location, excerpts={})


def answering(then: str = "") -> tuple[str, ...]:
    """A process that tells its pid as the verdict of what it is asked, and then does something more.

    Asked with a path as the location it makes that file, and is busy for a minute.
    """
    return python(f"""
import os, signal, sys, time
from dataclasses import replace
from batchmatrix.adapters.child.frames import read_frame, write_frame
from batchmatrix.ports.analyst import Judged
while (request := read_frame(sys.stdin.buffer)) is not None:
    if request[2].startswith("/"):
        open(request[2], "w").close()
        time.sleep(60)
    write_frame(sys.stdout.buffer, Judged(replace(request[0], verdict=str(os.getpid()), reason=request[2]), {{}}))
    {then or "pass"}
""")


def is_there(pid: str) -> bool:
    return Path(f"/proc/{pid}").exists()


async def test_the_process_gives_what_judging_gives_here() -> None:
    summary, analyst = expecting(), ChildAnalyst(pages=False)
    judged = await analyst.judge(summary, RULES, location="s3://results", excerpts={})
    assert judged == analyse(summary, RULES, location="s3://results", pages=False)
    assert judged.summary.judgement is not None
    assert b"s3://results" in judged.files["matrix.json"]
    assert await ask(analyst) == analyse(summary, RULES, location="", pages=False)
    await analyst.close()


async def test_what_a_library_prints_is_no_part_of_an_answer() -> None:
    analyst = ChildAnalyst(
        pages=False,
        command=python("""
from batchmatrix.adapters.child import __main__
real = __main__.analyse
__main__.analyse = lambda *args, **words: (print("noise", flush=True), real(*args, **words))[1]
__main__.main()
"""),
    )
    assert await ask(analyst) == analyse(expecting(), RULES, location="", pages=False)
    await analyst.close()


async def test_one_process_judges_what_ends_together_and_goes_after_a_while() -> None:
    analyst = ChildAnalyst(command=answering(), rest=0.3)
    first, second = await asyncio.gather(ask(analyst), ask(analyst))
    assert first.summary.verdict == second.summary.verdict
    await until(lambda: not is_there(first.summary.verdict), 30)
    assert (await ask(analyst)).summary.verdict != first.summary.verdict
    await analyst.close()


async def test_one_that_died_while_it_waited_is_replaced_and_its_end_is_told(caplog: pytest.LogCaptureFixture) -> None:
    analyst = ChildAnalyst(command=answering("sys.stderr.write('no room'); os.kill(os.getpid(), signal.SIGKILL)"))
    first = (await ask(analyst)).summary.verdict
    worker = analyst._waiting
    assert worker is not None
    await until(lambda: not worker.lives, 30)
    assert (await ask(analyst)).summary.verdict != first
    await analyst.close()
    (told,) = {record.getMessage() for record in caplog.records if record.levelname == "WARNING"}
    assert told.startswith("the process that judges was ended by SIGKILL, perhaps for its memory: no room while it")


async def test_one_that_ends_in_good_order_after_its_answer_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    analyst = ChildAnalyst(command=answering("break"))
    first = (await ask(analyst)).summary.verdict
    await until(lambda: not is_there(first), 30)
    await analyst.close()
    assert caplog.records == []


async def test_one_that_has_become_large_does_not_stay() -> None:
    main = "from batchmatrix.adapters.child import __main__; __main__.LARGE = 1; __main__.main()"
    analyst = ChildAnalyst(pages=False, command=python(main))
    await ask(analyst)
    worker = analyst._waiting
    assert worker is not None
    await until(lambda: not worker.lives, 30)
    await analyst.close()


async def test_no_answer_is_given_to_another_question(tmp_path: Path) -> None:
    """One that was asked and is not waited for any more is ended."""
    analyst = ChildAnalyst(command=answering(), patience=2.0)
    first = (await ask(analyst, "first")).summary.verdict
    with pytest.raises(Unavailable, match="took more than 2 s"):
        await ask(analyst, str(tmp_path / "first"))
    assert not is_there(first)
    taken = tmp_path / "second"
    second = asyncio.create_task(ask(analyst, str(taken)))
    await until(taken.exists, 30)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert (await ask(analyst, "last")).summary.reason == "last"
    await analyst.close()


async def test_one_that_waits_ends_with_the_controller() -> None:
    analyst = ChildAnalyst(command=answering())
    pid = (await ask(analyst)).summary.verdict
    await analyst.close()
    assert not is_there(pid)


async def test_the_controller_does_not_wait_for_one_that_does_not_go() -> None:
    analyst = ChildAnalyst(command=(*answering()[:2], answering()[2] + "\ntime.sleep(60)"), rest=0.05)
    pid = (await ask(analyst)).summary.verdict
    await until(lambda: analyst._leaving, 30)
    async with asyncio.timeout(5):
        await analyst.close()
    assert not is_there(pid)


# asyncio's own loop keeps a process as long as its pipes, and warns of that in the end.
@pytest.mark.asyncio(loop_factories=["uvloop"])
async def test_what_another_process_holds_open_is_not_waited_for() -> None:
    leave = "import subprocess; subprocess.Popen(['sleep', '30'], stdin=-3, stdout=-3)"
    analyst = ChildAnalyst(command=python(f"{leave}; raise SystemExit('no room')"))
    async with asyncio.timeout(15):
        with pytest.raises(Unavailable, match="ended with exit code 1"):
            await ask(analyst)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import sys; sys.exit('no room left')", "ended with exit code 1: no room left"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "was ended by SIGKILL, perhaps for its memory"),
        ("import sys, time; sys.stdin.read(); time.sleep(60)", "took more than 2 s and was ended"),
        (f"{FRAMES}; read_frame(sys.stdin.buffer); write_frame(sys.stdout.buffer, 3)", "gave int and no result"),
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
