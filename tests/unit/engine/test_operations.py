"""Reruns and cancels: asked for by annotation, done once, whatever happens meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from batchmatrix.base.errors import Unavailable
from batchmatrix.model.evidence import Outcome
from batchmatrix.model.observed import ContainerState, JobState
from tests.support.process import HOLD, Process
from tests.support.stores import Fault
from tests.support.world import REF, Program, SmallWorld, outcomes, records

Start = Callable[[SmallWorld], Process]

TWO: dict[str, Any] = {
    "axes": [{"name": "size", "values": [8, 16]}],
    "trials": 2,
    "order": "cells",
    "retention": {"jobs": "none"},
}


def finished(world: SmallWorld) -> Callable[[], bool]:
    return lambda: world.condition("Finished") == "True"


def handled(world: SmallWorld, token: str) -> Callable[[], bool]:
    return lambda: finished(world)() and token in world.status().get("operations", {}).values()


def reason(world: SmallWorld) -> str:
    (reason,) = {each["reason"] for each in world.status()["conditions"]}
    return str(reason)


def attempts(world: SmallWorld) -> list[str]:
    """Size, trial and attempt of every Job that was ever made."""
    return sorted(name.split("-", 1)[1] for name in world.made)


async def by_trial(world: SmallWorld) -> dict[tuple[str, int], list[tuple[int, int, Outcome]]]:
    """Attempt, rerun and outcome of the records of each trial."""
    found: dict[tuple[str, int], list[tuple[int, int, Outcome]]] = {}
    for record in await records(world):
        found.setdefault((record.cell, record.id.trial), []).append((record.id.attempt, record.rerun, record.outcome))
    return found


def first_fails(job: JobState) -> Program:
    """Cell s8's trial 1 fails the first time."""
    return Program(code=1 if (job.cell, job.id.trial, job.id.attempt) == ("s8", 1, 0) else 0)


GOOD, BAD = Outcome.SUCCEEDED, Outcome.UNEXPECTED_EXIT


@pytest.mark.parametrize("dropped", [False, True])
async def test_only_what_failed_runs_again_and_the_results_are_written_anew(start: Start, *, dropped: bool) -> None:
    world = SmallWorld()
    world.program = first_fails
    world.submit(**TWO)
    process = start(world)
    assert await process.run(60, until=finished(world))
    assert world.status()["verdict"] == "fail"
    if dropped:
        await process.run(HOLD + 60)
        assert not process.engine.runs
    world.annotate(rerun="t1")
    seen: list[str] = []

    def again() -> bool:
        seen.append(f"{world.status()['progress']} {reason(world)}")
        return handled(world, "t1")()

    assert await process.run(60, until=again)
    assert {"3/4 Running", "4/4 Succeeded"} <= set(seen)
    assert world.status()["operations"] == {"rerun": "t1"}
    assert (world.status()["verdict"], world.status()["retries"]) == ("pass", 1)
    trials = await by_trial(world)
    assert trials.pop(("s8", 1)) == [(0, 0, BAD), (1, 1, GOOD)]
    assert all(records == [(0, 0, GOOD)] for records in trials.values())
    assert ("Normal", "Rerun") in world.events
    prefix = f"{REF.prefix()}/runs/1/"
    whole = json.loads(world.stores["default"].objects[prefix + "matrix.json"])
    assert (whole["verdict"], whole["counts"]["succeeded"], whole["counts"]["attempts"]) == ("pass", 4, 5)
    assert json.loads(world.config_maps["demo-summary"]["summary.json"])["verdict"] == "pass"
    await process.run(HOLD + 600)
    assert len(world.made) == 5


@pytest.mark.parametrize(
    ("value", "again"),
    [
        ("t:failed", []),
        ("t:all", [("s8", 0), ("s8", 1), ("s16", 0), ("s16", 1)]),
        ("t:cells=s16", [("s16", 0), ("s16", 1)]),
        ("t:cells= s8 , s16,s8", [("s8", 0), ("s8", 1), ("s16", 0), ("s16", 1)]),
    ],
)
async def test_what_is_selected_runs_once_more_in_the_order_of_the_plan(
    start: Start, value: str, again: list[tuple[str, int]]
) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program()
    world.submit(**TWO, parallelism=1)
    process = start(world)
    assert await process.run(120, until=finished(world))
    world.annotate(rerun=value)
    assert await process.run(120, until=handled(world, "t"))
    assert len(world.made) == 4 + len(again)
    assert {key for key, found in (await by_trial(world)).items() if len(found) == 2} == set(again)
    assert all(found[1] == (1, 1, GOOD) for found in (await by_trial(world)).values() if len(found) == 2)
    first, then = ([name.rsplit("-", 1)[0] for name in made] for made in (world.made[:4], world.made[4:]))
    assert then == [name for name in first if name in then]


@pytest.mark.parametrize(
    ("annotation", "value", "words"),
    [
        ("rerun", "", "annotation batchmatrix.dev/rerun has no token; write one that was not used before"),
        ("rerun", ":all", "has no token"),
        ("rerun", "x" * 129, "has a token of 129 characters; write at most 128"),
        ("rerun", "t:everything", "'everything' is no selection; write nothing, or one of failed, all, cells=NAME"),
        ("rerun", "t:", "'' is no selection"),
        ("rerun", "2026-01-01T10:30:00Z", "'30:00Z' is no selection"),
        ("rerun", "t:cells=", "has an empty name"),
        ("rerun", "t:cells=s8,,s16", "has an empty name"),
        ("rerun", "t:cells=s8,s99", "there is no cell 's99' in generation 1; write names from the column CELL"),
        ("rerun", "a\nb", "cannot be shown"),
        ("cancel", "", "annotation batchmatrix.dev/cancel has no token"),
        ("cancel", "x" * 129, "has a token of 129 characters"),
    ],
)
async def test_what_cannot_be_done_is_said_once_and_changes_nothing(
    start: Start, annotation: str, value: str, words: str
) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program()
    world.submit(**TWO)
    process = start(world)
    assert await process.run(60, until=finished(world))
    await process.run(HOLD + 60)
    world.annotate(**{annotation: value})
    await process.run(5)
    assert words in world.status()["message"]
    assert "all 4 trials succeeded" in world.status()["message"]
    assert world.condition("Succeeded") == "True"
    assert world.events.count(("Warning", "Refused")) == 1
    world.calls.clear()
    world.changed(REF)
    await process.run(600)
    assert world.calls == []  # it counts as handled
    await process.end()
    process = start(world)
    await process.run(60)
    assert world.calls == []
    world.annotate(**{annotation: None})
    await process.run(5)
    assert len(world.made) == 4


async def test_a_token_is_handled_once_also_when_it_comes_back(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program()
    world.submit(**TWO)
    process = start(world)
    assert await process.run(60, until=finished(world))
    for token in ("a", "b", "a", "b:cells=s8"):
        world.annotate(rerun=f"{token}:all" if ":" not in token else token)
        await process.run(HOLD + 60)
        await process.end()
        process = start(world)
        await process.run(60)
        assert world.status()["operations"] == {"rerun": token[0]}
    assert len(world.made) == 4 * 3


async def test_tokens_that_were_there_before_the_matrix_do_nothing(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program()
    world.submit(**TWO)
    world.annotate(cancel="old", rerun="old:all")
    process = start(world)
    assert await process.run(60, until=finished(world))
    assert (world.status()["verdict"], len(world.made)) == ("pass", 4)
    assert world.status()["operations"] == {"cancel": "old", "rerun": "old"}
    await process.end()
    process = start(world)
    world.annotate(rerun="new:all")
    await process.run(60)
    assert len(world.made) == 8


async def test_a_cancel_that_came_while_nothing_could_be_written_is_not_taken_for_an_old_one(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program()
    store = world.stores["default"]
    store.fault = lambda name, _key: Fault.BEFORE if name == "list" else None
    world.submit(**TWO)
    world.annotate(rerun="old:all")
    process = start(world)
    await process.run(5)
    assert "cannot list" in world.status()["message"]
    world.annotate(cancel="now")
    await process.run(5)
    store.fault = None
    await process.run(120)
    assert reason(world) == "Cancelled"
    assert world.made == []
    operations = (await world.ledger()).operations.values()
    assert [(entry.action, entry.token) for entry in operations] == [("seen", "old"), ("cancel", "now")]


async def test_a_trial_that_runs_is_run_again_after_that(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program(seconds=30)
    world.submit(trials=2, parallelism=1, order="cells")
    process = start(world)
    await process.run(10)
    await process.end()
    process = start(world)  # it must look at what runs before it counts
    world.annotate(rerun="t:all")
    await process.run(10)
    assert (len(world.made), world.status()["running"]) == (1, 1)
    assert await process.run(300, until=handled(world, "t"))
    assert await by_trial(world) == {
        ("s8", 0): [(0, 0, GOOD), (1, 1, GOOD)],
        ("s8", 1): [(0, 1, GOOD)],
    }  # fmt: skip


async def test_retries_count_anew_after_a_rerun(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program(code=1)
    world.submit(retry={"UnexpectedExit": {"limit": 1}})
    process = start(world)
    assert await process.run(60, until=finished(world))
    world.annotate(rerun="t")
    assert await process.run(60, until=handled(world, "t"))
    assert await by_trial(world) == {("s8", 0): [(0, 0, BAD), (1, 0, BAD), (2, 1, BAD), (3, 1, BAD)]}


async def test_a_rerun_that_comes_with_an_edit_may_name_its_cells_and_waits_for_it(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program()
    world.submit(**TWO)
    process = start(world)
    assert await process.run(60, until=finished(world))
    store = world.stores["default"]
    store.fault = lambda name, key: Fault.BEFORE if name == "put_new" and "/runs/2" in key else None
    world.submit(**{**TWO, "axes": [{"name": "size", "values": [8, 32]}]})
    world.annotate(rerun="t:cells=s32,s8")
    await process.run(20)
    assert "no cell" not in world.status()["message"]
    store.fault = None
    assert await process.run(120, until=handled(world, "t"))
    trials = await by_trial(world)
    assert {key: len(found) for key, found in trials.items()} == {
        ("s8", 0): 2, ("s8", 1): 2, ("s16", 0): 1, ("s16", 1): 1, ("s32", 0): 1, ("s32", 1): 1,
    }  # fmt: skip


async def test_infrastructure_and_what_expect_says_decide_what_failed_means(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda job: Program(code=0 if job.cell in ("must-fail", "any") else 1)
    cells = [
        {"name": "must-fail", "expect": {"outcome": "fail"}},
        {"name": "fails", "expect": {"outcome": "fail"}, "extraEnv": {"X": "1"}},
        {"name": "any", "expect": {"outcome": "any"}, "extraEnv": {"X": "2"}},
        {"name": "hangs", "expect": {"outcome": "any"}, "extraEnv": {"X": "3"}},
        {"name": "bad", "extraEnv": {"X": "4"}},
    ]
    world.submit(axes=[], cells=cells, workload={"image": "app:1", "command": ["run"]})
    process = start(world)
    assert await process.run(60, until=finished(world))
    world.annotate(rerun="t")
    assert await process.run(60, until=handled(world, "t"))
    again = {key[0] for key, found in (await by_trial(world)).items() if len(found) == 2}
    assert again == {"must-fail", "bad"}


# -- cancel


async def test_cancel_ends_what_runs_with_its_log_and_starts_nothing(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda job: Program(seconds=5.0 if job.id.trial == 0 else 500.0)
    world.submit(trials=5, parallelism=2, order="cells", retention={"jobs": "none"})
    process = start(world)
    await process.run(20)
    assert len(world.made) == 3
    world.annotate(cancel="stop")
    assert await process.run(120, until=finished(world))
    assert len(world.made) == 3
    assert (reason(world), world.condition("Succeeded"), world.condition("Stalled")) == ("Cancelled", "False", "True")
    assert [outcome for _, _, outcome in await outcomes(world)] == [GOOD, Outcome.CANCELLED, Outcome.CANCELLED]
    assert all(record.log.sha256 for record in await records(world))
    message = world.status()["message"]
    assert message.startswith("cancelled (token stop): 2 trials ended early, 2 without a result; annotation")
    assert world.status()["verdict"] == "inconclusive"
    assert (world.status()["progress"], world.status()["outcomes"]) == ("3/5", {"Cancelled": 2, "Succeeded": 1})
    assert ("Normal", "Cancel") in world.events
    assert "cancelled by annotation batchmatrix.dev/cancel (token stop)" in (await records(world))[1].message
    await process.run(HOLD + 600)
    assert not process.engine.runs
    assert not world.pods
    await process.end()
    process = start(world)
    world.calls.clear()
    await process.run(600)
    assert world.calls == []
    assert len(world.made) == 3


async def test_after_a_cancel_an_edit_starts_nothing_and_a_rerun_brings_back_what_lacks(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda job: Program(seconds=5.0 if job.id.trial == 0 or job.id.attempt else 500.0)
    spec: dict[str, Any] = {"parallelism": 2, "order": "cells", "retention": {"jobs": "none"}}
    world.submit(trials=5, **spec)
    process = start(world)
    await process.run(20)
    world.annotate(cancel="stop")
    assert await process.run(120, until=finished(world))
    world.submit(trials=6, **spec)
    await process.run(120)
    assert (len(world.made), reason(world), world.status()["observedGeneration"]) == (3, "Cancelled", 2)
    await process.end()
    process = start(world)
    world.program = lambda _job: Program()
    world.annotate(rerun="again")
    assert await process.run(300, until=handled(world, "again"))
    assert (reason(world), world.status()["progress"]) == ("Succeeded", "6/6")
    trials = await by_trial(world)
    assert trials.pop(("s8", 0)) == [(0, 0, GOOD)]
    assert trials.pop(("s8", 1)) == trials.pop(("s8", 2)) == [(0, 0, Outcome.CANCELLED), (1, 1, GOOD)]
    assert list(trials.values()) == [[(0, 1, GOOD)]] * 3
    world.submit(trials=7, **spec)
    await process.run(60)
    assert (len(world.made), reason(world)) == (8, "Cancelled")  # of the new trial nobody said that it may run


async def test_of_a_cancelled_matrix_some_cells_may_come_back(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program()
    world.submit(**TWO, suspend=True)
    process = start(world)
    await process.run(5)
    world.annotate(cancel="stop")
    assert await process.run(60, until=finished(world))
    assert (reason(world), world.made) == ("Cancelled", [])
    world.submit(**TWO)
    world.annotate(rerun="some:cells=s16")
    await process.run(60)
    assert set(await by_trial(world)) == {("s16", 0), ("s16", 1)}
    assert (reason(world), world.condition("Finished"), world.status()["progress"]) == ("Cancelled", "True", "2/4")


async def test_a_cancel_waits_for_the_store_and_nothing_starts_meanwhile(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program(seconds=30)
    world.submit(trials=9, parallelism=2, order="cells")
    process = start(world)
    await process.run(10)
    store = world.stores["default"]
    store.fault = lambda name, key: Fault.BEFORE if "ledger" in key else None
    world.annotate(cancel="stop")
    await process.run(100)
    assert len(world.made) == 2
    assert world.sent("kill") == []
    assert "cannot put_new" in world.status()["message"]
    store.fault = None
    assert await process.run(120, until=finished(world))
    assert (len(world.made), reason(world)) == (2, "Cancelled")
    assert [outcome for _, _, outcome in await outcomes(world)] == [GOOD, GOOD]  # they had ended before


async def test_a_cancel_whose_answer_was_lost_holds_although_its_token_is_gone(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program(seconds=30)
    world.submit(trials=9, parallelism=1, order="cells")
    process = start(world)
    await process.run(10)
    store = world.stores["default"]
    store.fault = lambda name, key: Fault.AFTER if name == "put_new" and "ledger" in key else None
    world.annotate(cancel="stop")
    await process.run(0.5)
    world.annotate(cancel=None)
    store.fault = None
    assert await process.run(120, until=finished(world))
    assert reason(world) == "Cancelled"
    assert world.status()["operations"] == {"cancel": "stop"}
    operations = (await world.ledger()).operations
    assert list(operations) == [("cancel", "stop")]


async def test_a_rerun_whose_answer_was_lost_is_the_one_that_is_in_the_ledger(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program(seconds=8)
    world.submit(trials=2, parallelism=1, order="cells")
    process = start(world)
    await process.run(4)
    store = world.stores["default"]
    answered = False
    store.fault = lambda name, key: Fault.AFTER if name == "put_new" and "ledger" in key and not answered else None
    world.annotate(rerun="t:all")
    await process.run(1)
    world.matrices[REF.uid]["metadata"]["annotations"].clear()  # nobody asks for it a second time
    world.known[REF.uid] = world.matrices[REF.uid]
    answered = True
    assert await process.run(120, until=handled(world, "t"))
    assert await by_trial(world) == {("s8", 0): [(0, 0, GOOD), (1, 1, GOOD)], ("s8", 1): [(0, 1, GOOD)]}


async def test_a_record_that_becomes_durable_beside_a_token_counts(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program(seconds=8)
    world.submit(trials=2, parallelism=1, order="cells")
    process = start(world)
    store = world.stores["default"]

    def lose(name: str, key: str) -> Fault | None:
        if name != "put_new" or "ledger" not in key:
            return None
        store.fault = None
        world.annotate(rerun="t:cells=nobody")
        return Fault.AFTER

    store.fault = lose
    assert await process.run(60, until=handled(world, "t"))
    assert world.status()["progress"] == "2/2"
    assert len(world.made) == 2


async def test_attempts_that_are_pending_or_being_deleted_are_cancelled(start: Start) -> None:
    world = SmallWorld()
    world.submit(trials=4, parallelism=3, order="cells")
    process = start(world)
    await process.run(5)
    waiting = {"phase": "Pending", "container": ContainerState("waiting", reason="ContainerCreating")}
    world.start_pod(world.job("t0-a0"), **waiting)
    world.delete_pod(world.start_pod(world.job("t1-a0")))
    await process.run(5)  # and of t2 there is no pod at all
    world.annotate(cancel="stop")
    await process.run(2)
    for pod in list(world.pods.values()):
        assert pod.deleting_since is not None
        world.end_pod(pod, 143)
    assert await process.run(HOLD, until=finished(world))
    assert {(trial, outcome) for trial, _, outcome in await outcomes(world)} == {
        (trial, Outcome.CANCELLED) for trial in range(3)
    }
    assert len(world.made) == 3


async def test_cancelled_and_then_deleted(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program(seconds=500)
    world.submit(trials=3, parallelism=2)
    process = start(world)
    await process.run(10)
    world.annotate(cancel="stop")
    await process.run(0.5)
    world.remove()
    await process.run(HOLD + 120)
    assert [outcome for _, _, outcome in await outcomes(world)] == [Outcome.CANCELLED] * 2
    assert (len(world.made), world.pods, process.engine.runs) == (2, {}, {})


async def test_a_rerun_right_after_a_cancel_does_not_keep_what_runs_from_being_ended(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda job: Program(seconds=5.0 if job.id.attempt or job.id.trial else 500.0)
    world.submit(trials=2, parallelism=1, order="cells")
    process = start(world)
    await process.run(10)
    store = world.stores["default"]
    shards = [key for key in store.objects if "ledger" in key]
    # the cancel is durable, and nothing of what follows from it
    store.fault = lambda name, key: Fault.BEFORE if len(shards) + 1 == ledgers(store) and "ledger" in key else None
    world.annotate(cancel="stop")
    await process.run(3)
    assert ledgers(store) == len(shards) + 1
    await process.end()
    world.annotate(rerun="again")
    store.fault = None
    process = start(world)
    assert await process.run(120, until=handled(world, "again"))
    assert await by_trial(world) == {
        ("s8", 0): [(0, 0, Outcome.CANCELLED), (1, 1, GOOD)],
        ("s8", 1): [(0, 1, GOOD)],
    }  # fmt: skip
    assert reason(world) == "Succeeded"


def ledgers(store: Any) -> int:
    return sum("ledger" in key for key in store.objects)


async def test_asked_for_both_at_once_the_cancel_holds(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program()
    world.submit(**TWO)
    process = start(world)
    assert await process.run(60, until=finished(world))
    world.annotate(cancel="both", rerun="both:all")
    await process.run(60)
    assert (len(world.made), reason(world)) == (4, "Succeeded")
    assert "token both came together with a cancel, which holds; write another token" in world.status()["message"]


async def test_a_cancel_ends_a_preflight_and_a_rerun_begins_with_it_again(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda job: Program(seconds=500.0 if job.name.endswith("-preflight-0") else 5.0)
    world.submit(**TWO, preflight={"command": ["check"]})
    process = start(world)
    await process.run(10)
    world.annotate(cancel="stop")
    assert await process.run(120, until=finished(world))
    assert (reason(world), len(world.made)) == ("Cancelled", 1)
    world.annotate(rerun="again")
    assert await process.run(120, until=handled(world, "again"))
    assert (reason(world), len(world.made)) == ("Succeeded", 6)
    assert [name.rpartition("demo-")[2] for name in world.made[:2]] == ["preflight-0", "preflight-1"]


async def test_a_token_that_is_refused_does_not_open_what_a_failed_preflight_has_closed(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda job: Program(code=1 if "preflight" in job.name else 0)
    world.submit(**TWO, preflight={"command": ["check"]})
    process = start(world)
    await process.run(30)
    assert reason(world) == "PreflightFailed"
    world.annotate(rerun="t:everything")
    await process.run(30)
    assert len(world.made) == 1
    world.annotate(rerun="u")
    await process.run(30)
    assert (len(world.made), reason(world)) == (2, "PreflightFailed")


async def test_a_cancel_of_what_is_done_changes_no_result(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program()
    world.submit(**TWO)
    process = start(world)
    assert await process.run(60, until=finished(world))
    world.annotate(cancel="late")
    await process.run(60)
    assert (reason(world), world.status()["verdict"]) == ("Succeeded", "pass")
    assert world.status()["operations"] == {"cancel": "late"}


async def test_a_retry_that_is_due_does_not_run_after_a_cancel(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program(code=1)
    world.refuse = lambda call: Unavailable("quota") if call.startswith("create") and call.endswith("-a1") else None
    world.submit(retry={"UnexpectedExit": {"limit": 5}})
    process = start(world)
    await process.run(20)
    world.annotate(cancel="stop")
    assert await process.run(120, until=finished(world))
    assert await outcomes(world) == [(0, 0, BAD)]
    assert world.status()["verdict"] == "fail"


async def test_a_rerun_that_was_cancelled_before_it_began_is_told_to_those_who_judge(start: Start) -> None:
    """The trial has no result any more, and that somebody asked for another one is not forgotten."""
    world = SmallWorld()
    world.program = first_fails
    world.submit(**TWO)
    process = start(world)
    assert await process.run(60, until=finished(world))
    world.refuse = lambda call: Unavailable("quota") if call.startswith("create") else None
    world.annotate(rerun="t1")
    await process.run(20)
    world.annotate(rerun=None, cancel="stop")
    assert await process.run(120, until=handled(world, "stop"))
    assert (await by_trial(world))["s8", 1] == [(0, 0, BAD)]
    whole = json.loads(world.stores["default"].objects[f"{REF.prefix()}/runs/1/matrix.json"])
    (lacking,) = [each for each in whole["trials"] if "outcome" not in each]
    assert (lacking["cell"], lacking["trial"], lacking["attempts"], lacking["rerun"]) == ("s8", 1, 1, 1)
    assert {each["rerun"] for each in whole["trials"] if each is not lacking} == {0}


async def test_an_invalid_spec_keeps_nobody_from_cancelling(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program(seconds=20)
    world.submit(trials=20, parallelism=1)
    process = start(world)
    await process.run(30)
    world.submit(trials=0, parallelism=1)
    world.annotate(cancel="stop")
    await process.run(120)
    assert len(world.made) == 2
    assert [outcome for _, _, outcome in await outcomes(world)] == [GOOD, Outcome.CANCELLED]
    assert reason(world) == "InvalidSpec"
    assert "; cancelled (token stop)" in world.status()["message"]


async def test_a_matrix_without_any_plan_can_be_cancelled(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program()
    world.submit(trials=0)
    process = start(world)
    await process.run(5)
    world.annotate(cancel="stop", rerun="t:all")
    await process.run(5)
    assert world.status()["operations"] == {"cancel": "stop", "rerun": "t"}
    world.submit(trials=2)
    await process.run(60)
    assert (world.made, reason(world)) == ([], "Cancelled")
    world.annotate(rerun="u")
    await process.run(60)
    assert (len(world.made), reason(world)) == (2, "Succeeded")
