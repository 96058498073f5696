"""What a finished matrix comes to: its checks and gates count, and a judge that cannot be had ends no promise."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from batchmatrix.base.errors import Unavailable
from batchmatrix.engine.analysis import Inline
from batchmatrix.engine.excerpts import EXCERPT
from batchmatrix.engine.judges import TRIES
from batchmatrix.model.judging import JudgingRules
from batchmatrix.model.observed import JobState
from batchmatrix.model.summary import Summary
from batchmatrix.ports.analyst import Judged
from tests.support.process import Process
from tests.support.world import REF, Program, SmallWorld

Start = Callable[[SmallWorld], Process]
Json = dict[str, Any]

LOSS: Json = {"name": "loss", "from": "keyvalue", "required": True}
WORK: Json = {"image": "app:1", "command": ["run"]}


class Absent:
    """A judge that cannot be had so many times."""

    pages = True

    def __init__(self, times: int) -> None:
        self.left = times
        self.asked = 0
        self.excerpts: dict[tuple[str, int], str] = {}

    async def judge(
        self, summary: Summary, rules: JudgingRules, *, location: str, excerpts: Mapping[tuple[str, int], str]
    ) -> Judged:
        self.excerpts = dict(excerpts)
        self.asked += 1
        if self.left:
            self.left -= 1
            raise Unavailable("the process that judges was ended by SIGKILL")
        return await Inline(pages=False).judge(summary, rules, location=location, excerpts=excerpts)

    async def close(self) -> None: ...


def program(job: JobState) -> Program:
    return Program(seconds=5.0, log=b"loss=%d\n" % (job.id.trial + 1))


def a_world(**spec: Any) -> SmallWorld:
    """One cell of two trials, with a loss of 1 and of 2."""
    world = SmallWorld()
    world.program = program
    world.submit(workload=WORK, metrics=[LOSS], trials=2, **spec)
    return world


async def over(world: SmallWorld, process: Process) -> Json:
    generation = world.matrices[REF.uid]["metadata"]["generation"]

    def finished() -> bool:
        same = world.status().get("observedGeneration") == generation
        return same and world.condition("Finished") == "True"

    assert await process.run(900, until=finished), world.status()
    return world.status()


def stored(world: SmallWorld, name: str, generation: int = 1) -> bytes:
    return world.stores["default"].objects[f"{REF.prefix()}/runs/{generation}/{name}"]


@pytest.mark.parametrize(
    ("check", "verdict", "words"),
    [
        ({"metric": "loss", "max": 2.0}, "pass", "1 check passed"),
        ({"metric": "loss", "max": 1.5}, "fail", "1 check failed"),
        ({"metric": "loss", "max": 1.5, "severity": "warn"}, "pass", "all 2 trials succeeded"),
    ],
    ids=["kept", "broken", "only shown"],
)
async def test_a_check_decides(start: Start, check: Json, verdict: str, words: str) -> None:
    world = a_world(checks=[check])
    status = await over(world, start(world))
    assert (status["verdict"], words in status["message"]) == (verdict, True), status["message"]
    matrix = json.loads(stored(world, "matrix.json"))
    assert matrix["verdict"] == verdict
    assert [each["status"] for each in matrix["judgement"]["findings"]] == ["fail" if check["max"] < 2 else "pass"]
    assert matrix["recommendedExitCode"] == (3 if verdict == "fail" else 0)


async def test_other_limits_change_the_verdict_and_run_nothing(start: Start) -> None:
    world = a_world(checks=[{"metric": "loss", "max": 2.0}])
    process = start(world)
    assert (await over(world, process))["verdict"] == "pass"
    world.submit(workload=WORK, metrics=[LOSS], trials=2, checks=[{"metric": "loss", "max": 1.0}])
    assert (await over(world, process))["verdict"] == "fail"
    assert len(world.made) == 2
    assert json.loads(stored(world, "matrix.json"))["verdict"] == "pass"
    assert json.loads(stored(world, "matrix.json", 2))["verdict"] == "fail"


async def test_every_file_of_the_report_is_there_before_it_is_finished(start: Start) -> None:
    world = a_world()
    await over(world, start(world))
    folder = f"{REF.prefix()}/runs/1/"
    names = {key.removeprefix(folder) for key in world.stores["default"].objects if key.startswith(folder)}
    assert {"matrix.json", "matrix.md", "cells.csv", "trials.csv", "metrics.csv", "junit.xml"} <= names


async def test_a_judge_that_comes_back_is_asked_again(start: Start) -> None:
    world = a_world(checks=[{"metric": "loss", "max": 2.0}])
    world.analyst = absent = Absent(TRIES - 1)
    status = await over(world, start(world))
    assert (status["verdict"], absent.asked) == ("pass", TRIES)


async def test_without_a_judge_it_ends_and_passes_nothing_that_had_to_be_judged(start: Start) -> None:
    world = a_world(checks=[{"metric": "loss", "max": 2.0}])
    world.analyst = Absent(99)
    status = await over(world, start(world))
    assert status["verdict"] == "inconclusive"
    assert "could not be judged: the process that judges was ended by SIGKILL" in status["message"]
    assert json.loads(stored(world, "matrix.json"))["verdict"] == "inconclusive"
    assert b'errors="1"' in stored(world, "junit.xml"), "every cell is as expected, and it is no pass"


async def test_without_a_judge_outcomes_alone_still_decide_where_nothing_else_was_asked(start: Start) -> None:
    world = a_world()
    world.analyst = Absent(99)
    status = await over(world, start(world))
    assert status["verdict"] == "pass"
    assert "could not be judged" in status["message"]


async def test_what_has_failed_stays_failed_without_a_judge(start: Start) -> None:
    world = a_world(checks=[{"metric": "loss", "max": 2.0}])
    world.program = lambda _job: Program(seconds=5.0, code=3, log=b"loss=1\n")
    world.analyst = Absent(99)
    assert (await over(world, start(world)))["verdict"] == "fail"


async def test_a_page_from_before_a_rerun_does_not_stay_where_none_is_drawn(start: Start) -> None:
    world = a_world()
    objects = world.stores["default"].objects
    folder = f"{REF.prefix()}/runs/1"
    objects[f"{folder}/report.html"] = objects[f"{folder}/plots/exit-codes.svg"] = b"all is well"
    await over(world, start(world))
    assert [key for key in objects if key.startswith((f"{folder}/report.html", f"{folder}/plots/"))] == []


async def test_whoever_draws_the_report_has_the_end_of_what_failed(start: Start) -> None:
    world = a_world()
    world.program = lambda job: Program(
        seconds=5.0, code=3 * job.id.trial, log=b"loss=1\n" + b"x" * 9000 + b"\nTraceback: no room\n"
    )
    world.analyst = absent = Absent(0)
    await over(world, start(world))
    ((place, text),) = absent.excerpts.items()
    assert place[1] == 1
    assert (len(text), text[-20:]) == (EXCERPT, "\nTraceback: no room\n")


async def test_a_log_that_cannot_be_read_leaves_its_excerpt_out(start: Start) -> None:
    world = a_world()
    world.program = lambda _job: Program(seconds=5.0, code=3, log=b"loss=1\n")
    world.analyst = absent = Absent(0)
    process = start(world)
    store = world.stores["default"]
    read = store.get

    async def broken(key: str) -> bytes:
        if key.endswith(".log.zst"):
            raise Unavailable("the store does not answer")
        return await read(key)

    store.get = broken  # type: ignore[method-assign]
    assert (await over(world, process))["verdict"] == "fail"
    assert absent.excerpts == {}


async def test_what_was_judged_is_published_once_the_store_takes_it_and_not_judged_again(start: Start) -> None:
    world = a_world(checks=[{"metric": "loss", "max": 2.0}])
    world.analyst = absent = Absent(0)
    store = world.stores["default"]
    put, refused = store.put, 0

    async def full(key: str, data: bytes) -> None:
        nonlocal refused
        refused += 1
        if refused <= 3:
            raise Unavailable("the store is full")
        await put(key, data)

    store.put = full  # type: ignore[method-assign]
    assert (await over(world, start(world)))["verdict"] == "pass"
    assert (refused > 3, absent.asked) == (True, 1)
