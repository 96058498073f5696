"""Row 12: the store does not answer for ten minutes: nothing is let go, nothing piles up, it is said, and it drains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from batchmatrix.engine.decide import SLACK
from batchmatrix.model.evidence import LogState, Outcome
from tests.support.process import Process
from tests.support.stores import Fault
from tests.support.world import Program, SmallWorld, records

Start = Callable[[SmallWorld], Process]

PARALLELISM = 3
TRIALS = 30
OUTAGE = 600.0
"""Seconds of the world's time: more than all backoffs need to come to their longest wait."""

READS = ("get", "list")


def down(what: str) -> Callable[[str, str], Fault | None]:
    """The fault of a store of which this part is out of order."""

    def fault(method: str, key: str) -> Fault | None:
        hit = {
            "everything": True,
            "every write": method not in READS,
            "the ledger": "/ledger/" in key,
            "the logs": "/logs/" in key,
        }[what]
        return Fault.BEFORE if hit else None

    return fault


async def recorded(world: SmallWorld) -> set[str]:
    """Pods of which the store holds a record."""
    store, world.stores["default"].fault = world.stores["default"].fault, None
    found = {record.pod_uid for record in await records(world)}
    world.stores["default"].fault = store
    return found


async def held(world: SmallWorld, before: set[str]) -> int:
    """Attempts without a record; each of them must still have its pod, with our finalizer on it."""
    durable = await recorded(world)
    gone = {f"pod-{name}" for name in world.logs} - world.pods.keys()
    let_go = gone | {uid for uid, pod in world.pods.items() if not pod.finalized}
    assert let_go <= durable, "a pod was let go before its record was durable"
    assert before <= durable
    return len(world.made) - len(durable)


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("what", ["everything", "every write", "the ledger", "the logs"])
async def test_ten_minutes_without_a_store(start: Start, what: str, *, restart: bool) -> None:
    world = SmallWorld()
    world.submit(trials=TRIALS, parallelism=PARALLELISM, retention={"jobs": "none"})
    world.program = lambda _job: Program(seconds=7.0)
    process = start(world)
    assert await process.run(60, until=lambda: world.status().get("trials", {}).get("done", 0) >= PARALLELISM)
    world.stores["default"].fault = down(what)
    before = await recorded(world)
    await process.run(OUTAGE / 2)
    assert 0 < await held(world, before) <= SLACK * PARALLELISM
    if restart:
        await process.end()
        process = start(world)
    made, calls = len(world.made), len(world.calls)
    await process.run(OUTAGE / 2)
    assert 0 < await held(world, before) <= SLACK * PARALLELISM
    assert len(world.made) == made
    assert "store memory://default cannot" in world.status()["message"]
    assert world.status()["conditions"][0]["reason"] in ("Running", "Pending")
    # No hot loop: each log, the shard and the pass come back at most every 30 s to a minute.
    assert len(world.calls) - calls < 20 * SLACK * PARALLELISM
    world.stores["default"].fault = None
    assert await process.run(300, until=lambda: world.condition("Finished") == "True"), world.status()
    found = await records(world)
    assert Counter(record.outcome for record in found) == {Outcome.SUCCEEDED: TRIALS}
    assert {record.log.state for record in found} == {LogState.COMPLETE}
    assert len({record.id for record in found}) == len(world.made) == TRIALS
    assert "cannot" not in world.status()["message"]
    assert not any(pod.finalized for pod in world.pods.values())


async def test_a_store_whose_first_reply_to_every_write_is_lost(start: Start) -> None:
    world = SmallWorld()
    world.submit(trials=TRIALS, parallelism=PARALLELISM, retention={"jobs": "none"})
    world.program = lambda _job: Program(seconds=7.0)
    met: set[tuple[str, str]] = set()

    def fault(method: str, key: str) -> Fault | None:
        first = method not in READS and (method, key) not in met
        met.add((method, key))
        return Fault.AFTER if first else None

    world.stores["default"].fault = fault
    process = start(world)
    assert await process.run(3600, until=lambda: world.condition("Finished") == "True"), world.status()
    found = await records(world)
    assert Counter(record.outcome for record in found) == {Outcome.SUCCEEDED: TRIALS}
    assert len({record.id for record in found}) == len(world.made) == TRIALS
    assert (await world.ledger()).twins == 0
