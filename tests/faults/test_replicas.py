"""Two processes of which one acts: row 20."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from aiohttp import web

from tests.support.faults.bench import Bench
from tests.support.faults.matrices import plain
from tests.support.faults.plays import PodPlay, Trial
from tests.support.faults.proxy import Call, Exchange, Proxy
from tests.support.operators import Operator
from tests.support.wait import Pending, wait_for

Stage = Callable[..., AbstractContextManager[Bench]]
Undisturbed = Callable[..., Any]

SHORT = {"lease": {"name": "batchmatrix", "duration": "5s"}}


def slowly(trial: Trial) -> PodPlay:
    """The last trials run while the processes take turns."""
    return PodPlay(delay="30s") if trial.trial else PodPlay()


def holder(case: Bench) -> str:
    lease = case.kube.find("leases", "batchmatrix")
    return str(lease["spec"]["holderIdentity"]) if lease else ""


def waits(case: Bench, proxy: Proxy) -> None:
    """The second process is there and stands by."""
    wait_for(lambda: len(proxy.made("get leases")) >= 2 or Pending(case.kinds()), timeout=90, what="it to stand by")


def writes(proxy: Proxy, *, since: float = 0.0) -> list[Call]:
    return [call for call in proxy.calls if call.what.mutating and call.time > since]


def test_row_20_a_surge_hands_over_and_repeats_nothing(stage: Stage, undisturbed: Undisturbed) -> None:
    matrix = plain("turns", trials=2, parallelism=2)
    expected = undisturbed(matrix, slowly)
    with stage(play=slowly) as case:
        other, proxy = case.second()
        case.operator.start()
        case.kube.create("batchmatrices", matrix)
        case.wait(lambda: case.records() or Pending(case.kinds()), what="a trial to be recorded")
        other.start()
        waits(case, proxy)
        assert writes(proxy) == []
        case.operator.stop()
        wait_for(lambda: holder(case) == identity(other) or Pending(holder(case)), timeout=60, what="the hand-over")
        case.operator = other
        case.settled("turns")
        case.ends_as("turns", expected, calls=[*case.api.calls, *proxy.calls])
        assert len({record["writer"] for record in case.records()}) == 2


def test_row_20_a_holder_that_was_stopped_past_its_lease_sends_nothing_when_it_wakes(
    stage: Stage, undisturbed: Undisturbed
) -> None:
    matrix = plain("turns", trials=2, parallelism=2)
    expected = undisturbed(matrix, slowly)
    with stage(play=slowly, settings=SHORT) as case:
        other, proxy = case.second()
        case.operator.start()
        case.kube.create("batchmatrices", matrix)
        case.wait(lambda: case.records() or Pending(case.kinds()), what="a trial to be recorded")
        other.start()
        waits(case, proxy)
        case.operator.signal(signal.SIGSTOP)
        wait_for(lambda: holder(case) == identity(other) or Pending(holder(case)), timeout=90, what="the take-over")
        wait_for(lambda: writes(proxy)[2:] or Pending(case.kinds()), timeout=90, what="the other one to act")
        sent = len(writes(case.api))
        case.operator.signal(signal.SIGCONT)
        wait_for(lambda: case.operator.died() or Pending("alive"), timeout=60, what="the woken one to end")
        assert len(writes(case.api)) == sent
        case.operator = other
        case.settled("turns")
        case.ends_as("turns", expected, calls=[*case.api.calls, *proxy.calls])


def test_row_20_a_create_that_arrives_late_meets_its_name(stage: Stage, undisturbed: Undisturbed) -> None:
    """It was on its way when its sender was stopped, and arrives when another one has done all of it."""
    matrix = plain("late", cells=1, trials=2, parallelism=1, retention={"jobs": "none"})
    expected = undisturbed(matrix, lambda _trial: PodPlay())
    arrive = threading.Event()
    with stage(settings=SHORT) as case:
        other, proxy = case.second()

        async def on_its_way(exchange: Exchange) -> web.StreamResponse:
            case.operator.signal(signal.SIGSTOP)
            await asyncio.to_thread(arrive.wait, 120)
            return await exchange.forward()

        late = case.api.add(on_its_way, "create jobs", first=2)
        case.operator.start()
        case.kube.create("batchmatrices", matrix)
        case.until_done(late)
        (_, sent) = case.api.made("create jobs")
        other.start()
        wait_for(
            lambda: sent.what.name in {record["job"] for record in case.records()} or Pending(case.kinds()),
            timeout=120,
            what="the other one to have a record of the same attempt",
        )
        arrive.set()
        wait_for(lambda: sent.committed is not None or Pending("on its way"), timeout=30, what="it to arrive")
        assert sent.committed == 409
        case.operator.signal(signal.SIGCONT)
        wait_for(lambda: case.operator.died() or Pending("alive"), timeout=60, what="the woken one to end")
        case.operator = other
        case.settled("late")
        case.ends_as("late", expected, calls=[*case.api.calls, *proxy.calls])


def identity(operator: Operator) -> str:
    return f"00000000-{operator.pod}/operator"
