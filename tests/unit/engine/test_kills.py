"""The process may die between any two of its calls, and nothing is lost or done twice for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from batchmatrix.base.errors import LeaseLost
from batchmatrix.engine.logstore import read_log
from batchmatrix.model.observed import JobState
from tests.support.logs import Killed
from tests.support.process import HOLD, Process
from tests.support.world import Kill, Program, SmallWorld

Start = Callable[[SmallWorld], Process]


@dataclass(frozen=True)
class End:
    """What a run came to, for comparison."""

    records: Counter[tuple[str, int, int, str]]
    logs: dict[str, str]
    """By pod: state and bytes."""
    made: Counter[str]
    released: frozenset[str]
    verdict: str
    outcomes: dict[str, int]


def programs(job: JobState) -> Program:
    """Trial 0 succeeds, trial 1 fails and then succeeds, trial 2 never ends."""
    if job.id.trial == 0:
        return Program(seconds=5.0, log=b"good\n")
    if job.id.trial == 1:
        return Program(seconds=4.0, code=1 if job.id.attempt == 0 else 0, log=b"tries\n" * (1 + job.id.attempt))
    return Program(seconds=1e9, log=b"hangs\n")


async def small_run(start: Start, kill: Kill | None, *, mode: str) -> tuple[SmallWorld, End]:
    """A run that meets a retry and a timeout, over which the process dies at most once."""
    world = SmallWorld()
    world.program = programs
    world.kill = kill
    world.submit(
        trials=3,
        parallelism=3,
        order="cells",
        logs={"mode": mode},
        retry={"UnexpectedExit": {"limit": 1}},
        retention={"jobs": "none"},
        workload={"image": "app:1", "command": ["run"], "timeout": "20s"},
    )

    def over() -> bool:
        return world.condition("Finished") == "True" and not world.jobs and not world.pods

    process = start(world)
    for _ in range(4):
        try:
            assert await process.run(600, until=over), f"not over after {kill}: {world.status()}"
        except (Killed, LeaseLost):
            await process.end()
            await world.clock.move_to(world.clock.time + 1.0)  # the time without a process
            process = start(world)
            if kill is not None and kill.when == "late":
                # A Job may be sent so late that the trial has long been recorded: its name has to be there still.
                await process.run(HOLD / 2 if world.calls[kill.call - 1].startswith("create") else 1.0)
                await world.land()
        else:
            break
    ledger = await world.ledger()
    assert ledger.twins == 0
    logs: dict[str, str] = {}
    for record in ledger.records.values():
        raw = b""
        if record.log.key:
            raw = b"".join([part async for part in read_log(world.stores["default"], record.log.key)])
        logs[record.pod] = f"{record.log.state} {raw!r}"
    status = world.status()
    return world, End(
        records=Counter((each.pod, each.id.trial, each.id.attempt, each.outcome) for each in ledger.records.values()),
        logs=logs,
        made=Counter(world.made),
        released=frozenset(world.sent("release")),
        verdict=status["verdict"],
        outcomes=status["outcomes"],
    )


@pytest.mark.parametrize("mode", ["follow", "auto"])
@pytest.mark.parametrize("when", ["before", "after", "late"])
async def test_a_process_may_die_at_any_call(start: Start, when: str, mode: str) -> None:
    world, undisturbed = await small_run(start, None, mode=mode)
    calls = list(world.calls)
    assert undisturbed.outcomes == {"Succeeded": 2, "Timeout": 1}
    assert sorted(undisturbed.made.values()) == [1] * 4
    assert sorted(undisturbed.records.values()) == [1] * 4
    assert {state.split()[0] for state in undisturbed.logs.values()} == {"complete"}
    assert {call.split()[0] for call in calls} >= {"create", "kill", "release", "delete", "put_new", "put", "status"}
    deleted = next(call.removeprefix("kill ") for call in calls if call.startswith("kill "))
    written = [number for number, call in enumerate(calls, 1) if "/logs/" in call and deleted in call]
    unproven = range(calls.index(f"kill {deleted}") + 1, written[-1] + 1)
    assert written[0] < unproven[0], "what is known of a log is sealed before its pod is killed"
    for number, call in enumerate(calls, start=1):
        if when == "late" and call.split()[0] not in ("put_new", "create"):
            continue
        _, end = await small_run(start, Kill(number, when), mode=mode)
        if number in unproven and end.logs[deleted] == undisturbed.logs[deleted].replace("complete", "truncated"):
            # Every byte is there; but the container went with its pod, and nobody can prove that it was the last.
            end.logs[deleted] = undisturbed.logs[deleted]
        assert end == undisturbed, f"killed {when} call {number}: {call}"
