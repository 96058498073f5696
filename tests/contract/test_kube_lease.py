"""The lease against a server that keeps one, under a clock that the test owns, and under real stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from batchmatrix.adapters.kube.client import Client
from batchmatrix.adapters.kube.lease import Lease
from batchmatrix.base.errors import LeaseLost
from tests.support.kube import Api, Request, scripted, status, until


class Keeper:
    """One Lease object with optimistic concurrency, as the API server keeps it."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.version = 0
        self.writes = 0
        self.down = False
        self.lose_reply = False

    def hold(self, identity: str, *, duration: int = 3) -> None:
        """Somebody else writes it."""
        self.version += 1
        spec = {
            "holderIdentity": identity,
            "leaseDurationSeconds": duration,
            "acquireTime": "2026-11-23T07:00:00.000000Z",
            "renewTime": f"2026-11-23T07:00:00.{self.version:06d}Z",
            "leaseTransitions": 4,
        }
        self.lease = {"metadata": {"name": "l", "resourceVersion": str(self.version)}, "spec": spec}

    @property
    def spec(self) -> dict[str, Any]:
        assert self.lease is not None
        spec: dict[str, Any] = self.lease["spec"]
        return spec

    async def script(self, seen: Request, raw: web.Request) -> web.StreamResponse:
        if self.down:
            return status(503)
        if seen.method == "GET":
            return status(404, "NotFound") if self.lease is None else web.json_response(self.lease)
        if seen.method == "POST" and self.lease is not None:
            return status(409, "AlreadyExists")
        if seen.method == "PUT":
            if self.lease is None:
                return status(404, "NotFound")
            if seen.body["metadata"]["resourceVersion"] != str(self.version):
                return status(409, "Conflict")
        self.version += 1
        self.writes += 1
        seen.body["metadata"]["resourceVersion"] = str(self.version)
        self.lease = seen.body
        if self.lose_reply:
            self.lose_reply = False
            assert raw.transport is not None
            raw.transport.close()
        return web.json_response(self.lease)


class Hands:
    """A clock that the test turns, beside the real one that waits go by."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def leasing(
    keeper: Keeper, identity: str = "pod/op", *, clock: Any = None, duration: float = 3
) -> AsyncIterator[tuple[Lease, list[str], Api]]:
    lost: list[str] = []
    more = {} if clock is None else {"clock": clock}
    async with scripted(keeper.script) as api, Client(api.access(), fence=None) as client:
        yield (
            Lease(client, namespace="n", name="l", identity=identity, lost=lost.append, duration=duration, **more),
            lost,
            api,
        )


async def test_a_lease_that_nobody_has_is_made() -> None:
    keeper = Keeper()
    async with leasing(keeper) as (lease, _lost, _api):
        with pytest.raises(LeaseLost, match="not held"):
            lease.check()
        await lease.acquire()
        lease.check()
    assert (keeper.spec["holderIdentity"], keeper.spec["leaseDurationSeconds"]) == ("pod/op", 3)
    assert keeper.spec["leaseTransitions"] == 0


@pytest.mark.parametrize("holder", ["pod/op", ""])
async def test_our_own_and_a_released_one_are_taken_at_once(holder: str) -> None:
    keeper = Keeper()
    keeper.hold(holder, duration=3600)
    async with leasing(keeper) as (lease, _lost, _api):
        await asyncio.wait_for(lease.acquire(), 1.5)
        lease.check()
    assert (keeper.spec["holderIdentity"], keeper.spec["leaseTransitions"]) == ("pod/op", 5)


async def test_a_foreign_one_is_waited_out_by_the_local_clock_and_its_own_duration() -> None:
    keeper, clock = Keeper(), Hands()
    keeper.hold("other/op", duration=20)
    async with leasing(keeper, clock=clock) as (lease, _lost, api):
        task = asyncio.create_task(lease.acquire())
        await until(lambda: len(api.requests) >= 2)
        clock.now += 19.9
        await until(lambda: len(api.requests) >= 4)
        assert keeper.writes == 0
        keeper.hold("other/op", duration=20)  # alive after all: the wait begins anew
        await until(lambda: len(api.requests) >= 6)
        clock.now += 19.9
        await until(lambda: len(api.requests) >= 8)
        assert keeper.writes == 0
        clock.now += 0.2
        await asyncio.wait_for(task, 5)
        lease.check()
    assert keeper.spec["holderIdentity"] == "pod/op"


async def test_of_two_who_waited_one_gets_it() -> None:
    keeper = Keeper()
    async with leasing(keeper, "a/op") as (first, _lost, _api), leasing(keeper, "b/op") as (second, _lost2, _api2):
        tasks = [asyncio.create_task(first.acquire()), asyncio.create_task(second.acquire())]
        done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(0)
        assert len(done) == 1
        assert first.held != second.held
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_the_deadline_counts_from_when_the_renewal_was_sent() -> None:
    keeper, clock = Keeper(), Hands()

    async def slow(seen: Request, raw: web.Request) -> web.StreamResponse:
        if seen.method != "GET":
            clock.now += 1.0  # on its way there
            answer = await keeper.script(seen, raw)
            clock.now += 1.0  # on its way back
            return answer
        return await keeper.script(seen, raw)

    async with scripted(slow) as api, Client(api.access(), fence=None) as client:
        lease = Lease(client, namespace="n", name="l", identity="i", lost=print, duration=10, clock=clock)
        sent = clock.now
        await lease.acquire()
        clock.now = sent + 10 - 2 - 0.01  # a fifth of the duration is left as a margin
        lease.check()
        clock.now = sent + 10 - 2
        with pytest.raises(LeaseLost):
            lease.check()


async def test_it_is_renewed_while_it_is_held() -> None:
    keeper = Keeper()
    async with leasing(keeper, duration=1) as (lease, lost, _api):
        await lease.acquire()
        task = asyncio.create_task(lease.hold())
        await until(lambda: keeper.writes >= 5)
        lease.check()
        assert lost == []
        assert keeper.spec["acquireTime"] != keeper.spec["renewTime"]
        task.cancel()


async def test_one_that_was_taken_by_another_is_lost_at_once_and_only_once() -> None:
    keeper = Keeper()
    async with leasing(keeper, duration=1) as (lease, lost, _api):
        await lease.acquire()
        keeper.hold("other/op")
        await asyncio.wait_for(lease.hold(), 5)
        assert lost == ["it was taken by other/op"]
        with pytest.raises(LeaseLost):
            lease.check()
        writes = keeper.writes
        await lease.release()
        assert keeper.writes == writes
        assert keeper.spec["holderIdentity"] == "other/op"


async def test_a_second_process_of_our_own_name_is_another_holder() -> None:
    keeper = Keeper()
    async with leasing(keeper, duration=1) as (old, lost, _api), leasing(keeper, duration=1) as (new, lost2, _api2):
        await old.acquire()
        await new.acquire()
        await asyncio.wait_for(old.hold(), 5)
        assert lost == ["it was taken by pod/op"]
        new.check()
        assert lost2 == []


async def test_a_renewal_whose_reply_was_lost_is_ours() -> None:
    keeper = Keeper()
    async with leasing(keeper, duration=2) as (lease, lost, api):
        await lease.acquire()
        task = asyncio.create_task(lease.hold())
        keeper.lose_reply = True
        await until(lambda: keeper.writes >= 4, 8)
        assert lost == []
        lease.check()
        assert [seen.method for seen in api.requests].count("GET") >= 1
        task.cancel()


async def test_a_server_that_is_down_for_a_moment_costs_nothing_and_for_long_the_lease() -> None:
    keeper = Keeper()
    async with leasing(keeper, duration=4) as (lease, lost, api):
        await lease.acquire()
        task = asyncio.create_task(lease.hold())
        keeper.down = True
        asked = len(api.requests)
        await until(lambda: len(api.requests) > asked)
        keeper.down = False
        writes = keeper.writes
        await until(lambda: keeper.writes > writes)
        assert lost == []
        keeper.down = True
        await asyncio.wait_for(task, 8)
        assert lost == ["it could not be renewed in time"]
        assert not lease.held


async def test_one_that_is_gone_is_lost() -> None:
    keeper = Keeper()
    async with leasing(keeper, duration=1) as (lease, lost, _api):
        await lease.acquire()
        keeper.lease = None
        await asyncio.wait_for(lease.hold(), 5)
        assert len(lost) == 1


async def test_who_slept_past_the_deadline_may_not_act_and_gives_up() -> None:
    keeper, clock = Keeper(), Hands()
    async with leasing(keeper, clock=clock, duration=1) as (lease, lost, _api):
        await lease.acquire()
        task = asyncio.create_task(lease.hold())
        await asyncio.sleep(0)
        clock.now += 60  # stopped and woken: nobody took it, but that is not known yet
        with pytest.raises(LeaseLost):
            lease.check()
        await asyncio.wait_for(task, 5)
        assert lost == ["it could not be renewed in time"]


async def test_a_released_one_is_free_at_once() -> None:
    keeper = Keeper()
    async with leasing(keeper, duration=30) as (lease, _lost, _api):
        await lease.acquire()
        await lease.release()
        with pytest.raises(LeaseLost):
            lease.check()
    assert keeper.spec["holderIdentity"] == ""
    async with leasing(keeper, "next/op", duration=30) as (lease, _lost, _api):
        await asyncio.wait_for(lease.acquire(), 1.5)
        lease.check()


async def test_a_renewal_that_was_given_up_on_its_way_and_arrived_keeps_nobody_out() -> None:
    keeper = Keeper()
    async with leasing(keeper) as (lease, _, _):
        await lease.acquire()
        keeper.version += 1
        assert keeper.lease is not None
        keeper.lease["metadata"]["resourceVersion"] = str(keeper.version)
        await lease.release()
        assert keeper.spec["holderIdentity"] == ""


async def test_what_another_one_took_is_not_given_away() -> None:
    keeper = Keeper()
    async with leasing(keeper) as (lease, _, _):
        await lease.acquire()
        keeper.hold("pod/other")
        await lease.release()
        assert keeper.spec["holderIdentity"] == "pod/other"


class Conflicting(Keeper):
    """Conflicts with every write after the first, and holds back what it is asked then."""

    async def script(self, seen: Request, raw: web.Request) -> web.StreamResponse:
        if seen.method == "GET" and self.writes:
            await asyncio.sleep(3600)
        if seen.method == "PUT":
            return status(409, "Conflict")
        return await super().script(seen, raw)


async def test_a_read_that_hangs_holds_up_no_stop() -> None:
    async with leasing(Conflicting()) as (lease, _, _):
        await lease.acquire()
        await asyncio.wait_for(lease.release(), 2)


async def test_a_read_that_hangs_lets_the_holder_know_in_time_that_the_lease_is_lost() -> None:
    async with leasing(Conflicting()) as (lease, lost, _):
        await lease.acquire()
        await asyncio.wait_for(lease.hold(), 4)
        assert lost == ["it could not be renewed in time"]
