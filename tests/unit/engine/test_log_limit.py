"""What all logs of a matrix may take together: the rest is read and not kept, and every attempt has its record."""

from __future__ import annotations

import pytest

from batchmatrix.capture.timestamps import Block
from batchmatrix.engine.logbudget import LogBudget
from batchmatrix.engine.logstore import read_log
from batchmatrix.engine.recording import Recording
from batchmatrix.model.evidence import LogState, Outcome
from batchmatrix.model.metric import NO_RULES
from tests.support.logs import START, QuickClock
from tests.support.process import Process
from tests.support.stores import MemoryStore
from tests.support.world import Program, SmallWorld, records

LOG = b"loss=1\nloss=2\n"


@pytest.mark.parametrize("mode", ["auto", "follow"])
async def test_what_goes_beyond_is_read_and_not_kept_also_after_a_restart(mode: str) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program(seconds=60.0, log=LOG)
    metrics = [{"name": "loss", "from": "keyvalue", "required": True}]
    world.submit(trials=4, parallelism=1, order="cells", logs={"mode": mode}, metrics=metrics)
    process = Process(world, log_bytes=len(LOG) + 9)
    assert await process.run(900, until=lambda: world.status().get("trials", {}).get("done") == 2)
    await process.end()
    process = Process(world, writer="writer-1", log_bytes=len(LOG) + 9)
    assert await process.run(900, until=lambda: world.condition("Finished") == "True")
    await process.end()
    found = await records(world)
    assert [record.log.bytes for record in found] == [14, 9, 0, 0]
    assert [record.log.state for record in found] == [LogState.COMPLETE] + [LogState.TRUNCATED] * 3
    assert {record.outcome for record in found} == {Outcome.SUCCEEDED}
    assert [record.log.metrics[0].value for record in found] == [2.0] * 4
    cut = "the matrix's logs reach the operator's limits.logBytesPerMatrix: cut after 9 of 14 bytes"
    assert found[1].log.message == cut
    assert found[1].message == (
        "its log was cut at 9 bytes by the operator's limits.logBytesPerMatrix; raise that limit to keep the whole log"
    )
    kept = [part async for part in read_log(world.stores["default"], found[1].log.key)]
    assert b"".join(kept) == LOG[:9]


async def test_the_users_own_limit_is_named_where_that_is_the_one() -> None:
    world = SmallWorld()
    world.program = lambda _job: Program(log=LOG)
    world.submit(logs={"maxBytes": "5"})
    process = Process(world, log_bytes=6)
    assert await process.run(900, until=lambda: world.condition("Finished") == "True")
    await process.end()
    (record,) = await records(world)
    assert record.log.message == "longer than logs.maxBytes: cut after 5 of 14 bytes"
    assert "by spec.logs.maxBytes" in record.message


def test_logs_that_are_being_kept_count_and_none_counts_twice() -> None:
    budget = LogBudget(100, kept=20)
    one, two = budget.share("one"), budget.share("two")
    one.note(30)
    two.note(40)
    assert (one.room, two.room, budget.room) == (10, 10, 10)
    one.note(5)  # begun anew
    assert budget.room == 35
    budget.settle("one", 5)
    assert budget.room == 35
    two.note(99)
    assert budget.room == 0


async def test_which_limit_cut_a_log_is_known_to_the_process_that_ends_it() -> None:
    store, share = MemoryStore(), LogBudget(8).share("pod-uid")
    key = "ns/m/uid/logs/cell/0/pod-uid"
    first = Recording(store=store, clock=QuickClock(), prefix=key, rules=NO_RULES, max_bytes=99, share=share)
    await first.take(Block(LOG, [START, START]))
    again = LogBudget(8).share("pod-uid")
    second = Recording(store=store, clock=QuickClock(), prefix=key, rules=NO_RULES, max_bytes=99, share=again)
    assert await second.replay() is None
    assert again.room == 0
    captured = (await second.finish(proven=True)).captured
    assert (captured.capped, captured.limit) == (True, "the operator's limits.logBytesPerMatrix")
    assert captured.message.startswith(
        "the matrix's logs reach the operator's limits.logBytesPerMatrix: cut after 8 of "
    )
