"""Whatever goes wrong in whatever order: what a commit returned from is in the ledger, once, and the chain holds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from enum import Enum

from hypothesis import event, given, settings
from hypothesis import strategies as st

from batchmatrix.base.errors import AlreadyExists, Unavailable
from batchmatrix.ledger.errors import Conflict
from batchmatrix.ledger.replay import State, replay
from batchmatrix.ledger.shard import decode_shard, shard_key
from batchmatrix.ledger.writer import Ledger
from tests.support.ledgers import FixedClock, a_record, an_intent, an_operation
from tests.support.stores import MemoryStore


class Fate(Enum):
    """What becomes of one request."""

    DONE = "done"
    REFUSED = "not done, Unavailable"
    REPLY_LOST = "done, Unavailable"
    REPEATED = "done, and repeated by the client"
    LATE = "Unavailable, and done when other things have happened"
    KILLED_BEFORE = "not done, the process dies"
    KILLED_AFTER = "done, the process dies"
    KILLED_LATE = "the process dies, and it is done when other things have happened"


class Killed(BaseException):
    """The process is gone."""


@dataclass
class World:
    """What the processes share."""

    objects: dict[str, bytes] = field(default_factory=dict)
    flying: list[tuple[str, bytes]] = field(default_factory=list)
    """Creations that reach the store later than their sender thinks."""
    fates: list[Fate] = field(default_factory=list)

    def land(self) -> None:
        for key, data in self.flying:
            self.objects.setdefault(key, data)
        self.flying.clear()


class UnluckyStore(MemoryStore):
    """One process's way to the store."""

    def __init__(self, world: World) -> None:
        super().__init__(world.objects)
        self.world = world

    async def put_new(self, key: str, data: bytes) -> None:
        fate = self.world.fates.pop(0) if self.world.fates else Fate.DONE
        event(fate.name)
        match fate:
            case Fate.REFUSED:
                raise Unavailable("refused")
            case Fate.KILLED_BEFORE:
                raise Killed
            case Fate.LATE | Fate.KILLED_LATE:
                self.world.flying.append((key, data))
                raise Killed if fate is Fate.KILLED_LATE else Unavailable("late")
            case _:
                pass
        try:
            await super().put_new(key, data)
        except AlreadyExists:
            if fate is Fate.DONE or fate is Fate.REPEATED:
                raise
        if fate is Fate.REPLY_LOST:
            raise Unavailable("reply lost")
        if fate is Fate.KILLED_AFTER:
            raise Killed
        if fate is Fate.REPEATED:
            raise AlreadyExists(key)


@dataclass(frozen=True)
class Step:
    """One process commits these records; some of its requests go wrong."""

    process: int
    numbers: list[int]
    fates: list[Fate]
    land: bool
    """Late creations reach the store first."""


STEPS = st.lists(
    st.builds(
        Step,
        process=st.sampled_from([0, 0, 0, 1]),
        numbers=st.lists(st.integers(0, 7), min_size=1, max_size=4),
        fates=st.lists(st.sampled_from(list(Fate)), max_size=2),
        land=st.booleans(),
    ),
    min_size=1,
    max_size=14,
)


async def history(steps: list[Step]) -> None:
    world = World()
    starts = 0
    names = {0: "", 1: ""}
    returned: set[str] = set()
    handled: set[tuple[str, str]] = set()

    async def start(process: int) -> Ledger:
        nonlocal starts
        starts += 1
        names[process] = f"start-{starts}"
        return await Ledger.open(UnluckyStore(world), "p", writer=names[process], clock=FixedClock(starts))

    running = [await start(0), await start(1)]
    for number, step in enumerate(steps):
        if step.land:
            world.land()
        world.fates = list(step.fates)
        ledger = running[step.process]
        entries = [a_record(n, message=f"step {number}") for n in step.numbers]
        intents = [an_intent(n) for n in step.numbers]
        operations = [an_operation(n, message=f"step {number}") for n in step.numbers]
        before = dict(ledger.records)
        try:
            await ledger.commit([*operations, *intents, *entries])
        except Unavailable:
            assert dict(ledger.records).items() >= before.items()
        except Killed:
            running[step.process] = await start(step.process)
        except Conflict:
            event("Conflict")
            key = shard_key("p", ledger.sequence + 1)
            writer = decode_shard(key, world.objects[key])[0].writer
            assert writer != names[step.process], "a process is never in conflict with itself"
            running[step.process] = await start(step.process)
        else:
            returned |= {entry.key for entry in entries}
            handled |= {entry.key for entry in operations}
            assert ledger.records.keys() >= {entry.key for entry in entries}
            assert not ledger.pending
    world.land()
    state = await replay(MemoryStore(world.objects), "p")
    assert state.twins == 0, "nothing is in the ledger twice"
    assert state.records.keys() >= returned, "nothing that a commit returned from is lost"
    assert state.operations.keys() >= handled
    assert all(len(records) == 1 for records in state.attempts.values())
    assert all(len(intents) == 1 for intents in state.intents.values())
    for ledger in running:
        assert_part_of(state, ledger)


def assert_part_of(durable: State, ledger: Ledger) -> None:
    """What a process shows as durable is so, and with these very bytes."""
    for key, record in ledger.records.items():
        assert durable.records[key] == record
    for name, operation in ledger.operations.items():
        assert durable.operations[name] == operation


@settings(max_examples=400, deadline=None)
@given(STEPS)
def test_any_history_keeps_every_record_once(steps: list[Step]) -> None:
    asyncio.run(history(steps))
