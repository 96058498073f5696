"""What the meter is told of a ledger: every record once, when it is durable, by the process that made it so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from batchmatrix.adapters.telemetry.metrics import PrometheusMeter
from batchmatrix.base.errors import Unavailable
from batchmatrix.ledger.errors import Conflict
from batchmatrix.ledger.writer import Ledger
from batchmatrix.model.evidence import Captured, LogState, Outcome
from batchmatrix.model.record import Record
from tests.support.ledgers import FixedClock, a_record, an_intent
from tests.support.metrics import scrape
from tests.support.stores import Fault, MemoryStore


async def opened(store: MemoryStore, meter: PrometheusMeter, writer: str = "one") -> Ledger:
    return await Ledger.open(store, "p", writer=writer, clock=FixedClock(), meter=meter)


def attempt(number: int, **changes: Any) -> Record:
    """One of several attempts of the same trial."""
    base = a_record(1)
    changes = {"outcome": Outcome.SUCCEEDED, "pod_uid": f"pod-{number}", **changes}
    return replace(base, id=replace(base.id, attempt=number), **changes)


async def test_a_record_counts_once_however_often_it_is_given_and_never_after_a_restart() -> None:
    store, meter = MemoryStore(), PrometheusMeter()
    ledger = await opened(store, meter)
    log = Captured(LogState.TRUNCATED, bytes=1000)
    await ledger.commit([an_intent(1), attempt(0, outcome=Outcome.TIMEOUT, log=log)])
    await ledger.commit([attempt(0, outcome=Outcome.TIMEOUT, log=log)])
    seen = scrape(meter)
    assert seen.by("attempts_total", "outcome") == {"Timeout": 1}
    assert seen.by("logs_total", "state") == {"truncated": 1}
    assert (seen("log_bytes_total"), seen("ledger_commit_seconds_count")) == (1000, 1)
    next_meter = PrometheusMeter()
    ledger = await opened(store, next_meter, "two")
    await ledger.commit([attempt(0, outcome=Outcome.TIMEOUT, log=log)])
    assert scrape(next_meter).by("attempts_total", "outcome") == {}


async def test_a_lost_reply_counts_once_and_only_when_it_is_known() -> None:
    store, meter = MemoryStore(), PrometheusMeter()
    ledger = await opened(store, meter)
    store.fault = lambda name, _key: Fault.AFTER if name == "put_new" else None
    with pytest.raises(Unavailable):
        await ledger.commit([attempt(0)])
    assert scrape(meter).by("attempts_total", "outcome") == {}
    assert scrape(meter)("ledger_commit_seconds_count") == 0
    store.fault = None
    await ledger.commit([attempt(0)])
    assert scrape(meter).by("attempts_total", "outcome") == {"Succeeded": 1}


async def test_a_shard_that_another_process_wrote_counts_there_and_not_here() -> None:
    store, mine, other = MemoryStore(), PrometheusMeter(), PrometheusMeter()
    ledger = await opened(store, mine)
    await (await opened(store, other, "two")).commit([attempt(0)])
    with pytest.raises(Conflict):
        await ledger.commit([attempt(1)])
    assert scrape(mine).by("attempts_total", "outcome") == {}
    assert scrape(other).by("attempts_total", "outcome") == {"Succeeded": 1}


async def test_a_retry_is_what_the_operator_tried_again_and_no_rerun_and_no_second_pod() -> None:
    meter = PrometheusMeter()
    ledger = await opened(MemoryStore(), meter)
    await ledger.commit([attempt(0), a_record(2)])
    await ledger.commit([replace(attempt(0), pod_uid="pod-0-second")])
    assert scrape(meter)("retries_total") == 0
    await ledger.commit([attempt(1)])
    await ledger.commit([replace(attempt(1), pod_uid="pod-1-second")])
    assert scrape(meter)("retries_total") == 1
    await ledger.commit([attempt(2, rerun=1)])
    assert scrape(meter)("retries_total") == 1
    await ledger.commit([attempt(3, rerun=1)])
    assert scrape(meter)("retries_total") == 2
