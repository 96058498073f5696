"""An edit of how results are read: what is recorded says something else, nothing runs for it, nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from batchmatrix.base.errors import LeaseLost
from batchmatrix.model.evidence import LogState, Outcome
from batchmatrix.model.observed import JobState
from tests.support.logs import Killed
from tests.support.process import Process
from tests.support.stores import Fault
from tests.support.world import REF, Kill, Program, SmallWorld, outcomes, records

Start = Callable[[SmallWorld], Process]
Json = dict[str, Any]

LOSS: Json = {"name": "loss", "from": "keyvalue", "required": True}
WORK: Json = {"image": "app:1", "command": ["run"]}


def program(job: JobState) -> Program:
    """Each trial has a loss of its own; trial 1 ends with exit code 3."""
    trial = job.id.trial
    return Program(seconds=5.0, code=3 if trial == 1 else 0, log=b"begin\nloss=%d acc=9%d\nend\n" % (trial, trial))


async def finished(world: SmallWorld, process: Process) -> None:
    generation = world.matrices[REF.uid]["metadata"]["generation"]

    def over() -> bool:
        seen = world.status().get("observedGeneration")
        return seen == generation and world.condition("Finished") == "True"

    assert await process.run(900, until=over), world.status()


async def ended(start: Start, **spec: Any) -> tuple[SmallWorld, Process]:
    """A world in which the first generation has come to its end."""
    world = SmallWorld()
    world.program = program
    world.submit(**spec)
    process = start(world)
    await finished(world, process)
    return world, process


def summary(world: SmallWorld) -> Json:
    found: Json = json.loads(world.config_maps["demo-summary"]["summary.json"])
    return found


def metrics(world: SmallWorld, cell: int = 0) -> Json:
    return {metric["name"]: metric for metric in summary(world)["cells"][cell]["metrics"]}


def reads(world: SmallWorld) -> list[str]:
    """Logs of which something was read from the store."""
    return [key for name, key in world.stores["default"].calls if name == "get" and "/logs/" in key]


async def results(world: SmallWorld) -> list[tuple[int, Outcome]]:
    return sorted((record.id.trial, record.outcome) for record in await records(world))


async def test_a_metric_that_is_added_is_read_from_the_logs_that_are_kept(start: Start) -> None:
    world, process = await ended(start, trials=3, workload=WORK)
    made = list(world.made)
    statuses = len(world.statuses)
    world.submit(trials=3, workload=WORK, metrics=[LOSS, {**LOSS, "name": "acc"}])
    await finished(world, process)
    assert world.made == made, "no GPU time for an edit of how results are read"
    assert metrics(world)["loss"]["n"] == 3
    assert metrics(world)["loss"]["mean"] == 1.0
    assert metrics(world)["acc"]["max"] == 92.0
    assert len(reads(world)) == 6  # the last chunk tells by which rules it was read, then the chunks of it are
    first = next(each for each in world.statuses[statuses:] if each["observedGeneration"] == 2)
    assert {each["type"]: each["status"] for each in first["conditions"]}["Reconciling"] == "True"
    assert "3 results are read anew" in first["message"]
    ledger = await world.ledger()
    written = [ledger.as_written(record.key) for record in ledger.records.values()]
    assert [record.log.metrics for record in written] == [(), (), ()], "records stay as they were written"
    assert ledger.twins == 0


async def test_exit_codes_are_judged_from_the_records_alone(start: Start) -> None:
    world, process = await ended(start, trials=2, workload=WORK, retry={"UnexpectedExit": {"limit": 0}})
    assert await results(world) == [(0, Outcome.SUCCEEDED), (1, Outcome.UNEXPECTED_EXIT)]
    assert world.status()["verdict"] == "fail"
    world.stores["default"].calls.clear()
    world.submit(trials=2, workload={**WORK, "allowedExitCodes": [0, 3]})
    await finished(world, process)
    assert await results(world) == [(0, Outcome.SUCCEEDED), (1, Outcome.SUCCEEDED)]
    assert world.status()["verdict"] == "pass"
    assert not reads(world)
    (turned,) = [record for record in await records(world) if record.turned]
    assert turned.message == "exit code 3, which is allowed; read anew by later rules, it was UnexpectedExit before"
    world.submit(trials=2, workload={**WORK, "allowedExitCodes": [3]})
    await finished(world, process)
    assert await results(world) == [(0, Outcome.UNEXPECTED_EXIT), (1, Outcome.SUCCEEDED)]
    assert len(world.made) == 2


async def test_rules_of_before_give_what_was_recorded_before(start: Start) -> None:
    world, process = await ended(start, trials=2, workload=WORK, metrics=[LOSS])
    before = await records(world)
    world.submit(trials=2, workload=WORK, metrics=[{**LOSS, "name": "nothing"}])
    await finished(world, process)
    assert (0, Outcome.INCOMPLETE) in await results(world)
    world.submit(trials=2, workload=WORK, metrics=[LOSS])
    await finished(world, process)
    assert await records(world) == before


async def test_a_result_that_reading_makes_worse_is_not_run_again(start: Start) -> None:
    world, process = await ended(start, workload=WORK)
    world.submit(workload=WORK, metrics=[{**LOSS, "name": "nothing"}], retry={"Incomplete": {"limit": 3}})
    await finished(world, process)
    assert await outcomes(world) == [(0, 0, Outcome.INCOMPLETE)]
    assert len(world.made) == 1
    assert "nothing" in world.status()["message"] or world.status()["verdict"] == "fail"


async def test_a_retry_that_was_due_is_not_needed_once_reading_makes_it_a_success(start: Start) -> None:
    world = SmallWorld()
    world.program = program
    retry = {"Incomplete": {"limit": 5}}
    wrong = [{**LOSS, "name": "los"}]
    world.submit(workload=WORK, metrics=wrong, retry=retry)
    process = start(world)
    await process.run(2)
    world.submit(workload=WORK, metrics=wrong, retry=retry, suspend=True)
    await process.run(60)
    assert await outcomes(world) == [(0, 0, Outcome.INCOMPLETE)]
    world.submit(workload=WORK, metrics=[LOSS], retry=retry)
    await finished(world, process)
    assert await outcomes(world) == [(0, 0, Outcome.SUCCEEDED)]
    assert len(world.made) == 1


async def test_a_retry_that_is_due_all_the_same_waits_for_the_reading(start: Start) -> None:
    world = SmallWorld()
    world.program = program
    spec: Json = {"workload": WORK, "retry": {"Incomplete": {"limit": 1}}}
    world.submit(**spec, metrics=[{**LOSS, "name": "los"}])
    process = start(world)
    await process.run(2)
    world.submit(**spec, metrics=[{**LOSS, "name": "los"}], suspend=True)
    await process.run(60)
    world.stores["default"].fault = lambda name, key: Fault.BEFORE if name == "get" and "/logs/" in key else None
    world.submit(**spec, metrics=[{**LOSS, "name": "lo"}])
    await process.run(60)
    assert len(world.made) == 1
    assert "1 result is read anew" in world.status()["message"]
    world.stores["default"].fault = None
    await finished(world, process)
    assert await outcomes(world) == [(0, 0, Outcome.INCOMPLETE), (0, 1, Outcome.INCOMPLETE)]


async def test_what_runs_during_the_edit_is_read_by_the_rules_in_force(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program(seconds=100.0, log=b"loss=4\n")
    world.submit(workload=WORK, metrics=[{**LOSS, "name": "los"}], logs={"mode": "follow"})
    process = start(world)
    await process.run(50)
    assert len(world.logs[world.pod().name].opens) == 1  # followed, and read by the old rules
    world.submit(workload=WORK, metrics=[LOSS], logs={"mode": "follow"})
    await finished(world, process)
    assert await outcomes(world) == [(0, 0, Outcome.SUCCEEDED)]
    assert metrics(world)["loss"]["mean"] == 4.0


async def test_a_trial_that_ended_out_of_the_plan_is_judged_once_it_is_back(start: Start) -> None:
    """While its cell is gone it is read by what is in force then, and in no report; that must not stick to it."""
    both: Json = {"axes": [{"name": "size", "values": [8, 32]}], "workload": {**WORK, "allowedExitCodes": [3]}}
    world = SmallWorld()
    world.program = lambda job: Program(seconds=50.0 if job.cell.endswith("32") else 5.0, code=3, log=b"loss=4\n")
    world.submit(**both, metrics=[LOSS])
    process = start(world)
    await process.run(20)
    pod = world.pod(next(job.name for job in world.jobs.values() if job.cell.endswith("32")))
    world.end_pod(pod, 3)  # before the edit is seen, so that it is no cancelled one
    world.submit(axes=[{"name": "size", "values": [8]}], workload=WORK, metrics=[{**LOSS, "name": "los"}])
    await finished(world, process)
    world.submit(**both, metrics=[LOSS])
    await finished(world, process)
    assert [record.outcome for record in await records(world)] == [Outcome.SUCCEEDED] * 2
    assert len(world.made) == 2
    assert metrics(world, 1)["loss"]["mean"] == 4.0


async def test_a_log_that_is_gone_from_the_store_is_said_and_proves_nothing(start: Start) -> None:
    world, process = await ended(start, trials=3, workload=WORK)
    gone, damaged, _ = sorted(key for key in world.stores["default"].objects if "/logs/" in key)
    del world.stores["default"].objects[gone]
    world.stores["default"].objects[damaged] = b"rubbish"
    world.submit(trials=3, workload={**WORK, "allowedExitCodes": [0, 3]}, metrics=[LOSS])
    await finished(world, process)
    assert [outcome for _, outcome in await results(world)].count(Outcome.LOG_LOST) == 2
    assert world.status()["verdict"] == "inconclusive"
    assert "cannot be read anew" in " ".join(record.message for record in await records(world))
    lost = [record for record in await records(world) if record.outcome is Outcome.LOG_LOST]
    assert {record.log.state for record in lost} == {LogState.COMPLETE}, "what was kept is not rewritten"


async def test_what_was_stopped_keeps_its_outcome_and_gets_its_metrics(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program(seconds=1e9, log=b"loss=4\n")
    world.submit(workload={**WORK, "timeout": "20s"})
    process = start(world)
    await finished(world, process)
    assert await outcomes(world) == [(0, 0, Outcome.TIMEOUT)]
    world.submit(workload={**WORK, "timeout": "20s", "allowedExitCodes": [143]}, metrics=[LOSS])
    await finished(world, process)
    assert await outcomes(world) == [(0, 0, Outcome.TIMEOUT)]
    assert metrics(world)["loss"]["mean"] == 4.0


async def small_edit(start: Start, kill: Kill | None) -> tuple[list[str], Json]:
    """An end, an edit that reads anew, and a process that dies at most once on the way; its calls and its end."""
    world, process = await ended(start, trials=3, workload=WORK, retention={"jobs": "none"})
    await process.run(100)
    world.calls.clear()
    world.kill = kill
    edited: Sequence[Json] = [LOSS]
    world.submit(trials=3, workload={**WORK, "allowedExitCodes": [0, 3]}, metrics=edited, retention={"jobs": "none"})
    for _ in range(3):
        try:
            await finished(world, process)
        except (Killed, LeaseLost):
            await process.end()
            process = start(world)
            if kill is not None and kill.when == "late":
                await world.land()
        else:
            break
    ledger = await world.ledger()
    assert ledger.twins == 0
    assert len(world.made) == 3
    found = sorted((record.id.trial, record.outcome, record.log.metrics[0].value) for record in ledger.records.values())
    return list(world.calls), {"records": found, "verdict": world.status()["verdict"], "metrics": metrics(world)}


async def test_a_process_may_die_at_any_call_of_an_edit(start: Start) -> None:
    calls, undisturbed = await small_edit(start, None)
    assert undisturbed["records"] == [(0, "Succeeded", 0.0), (1, "Succeeded", 1.0), (2, "Succeeded", 2.0)]
    assert sum("/ledger/" in call for call in calls) >= 1
    for number, call in enumerate(calls, start=1):
        for when in ("before", "after", "late"):
            if when == "late" and not call.startswith("put_new"):
                continue
            _, end = await small_edit(start, Kill(number, when))
            assert end == undisturbed, f"killed {when} call {number}: {call}"


async def test_no_mean_is_made_of_numbers_that_were_read_by_different_rules(start: Start) -> None:
    world, process = await ended(start, trials=3, workload=WORK, metrics=[LOSS])
    late = min(key for key in world.stores["default"].objects if "/logs/" in key)
    world.stores["default"].fault = lambda name, key: Fault.BEFORE if name == "get" and key == late else None
    world.submit(trials=3, workload=WORK, metrics=[{**LOSS, "strategy": "count"}])
    await process.run(60)
    assert "1 result is read anew" in world.status()["message"]
    assert (metrics(world)["loss"]["n"], metrics(world)["loss"]["max"]) == (2, 1.0)
    world.stores["default"].fault = None
    await finished(world, process)
    assert (metrics(world)["loss"]["n"], metrics(world)["loss"]["mean"]) == (3, 1.0)


async def test_a_reading_whose_commit_was_not_answered_counts_all_the_same(start: Start) -> None:
    world, process = await ended(start, trials=2, workload=WORK)
    fates = iter([Fault.AFTER])
    world.stores["default"].fault = lambda name, key: (
        next(fates, None) if name == "put_new" and "/ledger/" in key else None
    )
    world.submit(trials=2, workload={**WORK, "allowedExitCodes": [0, 3]})
    await finished(world, process)
    assert process.trouble
    assert (world.status()["verdict"], world.status()["trials"]["succeeded"]) == ("pass", 2)
    assert (await world.ledger()).twins == 0


@pytest.mark.parametrize(
    ("turned", "runs_again"),
    [
        ({"workload": {**WORK, "allowedExitCodes": [0, 3]}}, []),
        ({"metrics": [{"name": "never", "from": "keyvalue", "required": True}]}, ["t0", "t1"]),
    ],
    ids=["better", "worse"],
)
async def test_what_failed_is_what_the_new_reading_says(start: Start, turned: Json, runs_again: list[str]) -> None:
    before: Json = {
        "trials": 2,
        "workload": WORK,
        "retry": {"UnexpectedExit": {"limit": 0}, "Incomplete": {"limit": 0}},
    }
    world, process = await ended(start, **before)
    world.submit(**{**before, **turned})
    world.annotate(rerun="again")
    await finished(world, process)
    assert [name.rpartition("-")[0][-2:] for name in world.made[2:]] == runs_again
    assert (await world.ledger()).operations.keys() == {("rerun", "again")}
