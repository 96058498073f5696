"""The time is the API server's, whatever this machine's clock says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from batchmatrix.adapters.kube.clock import ServerClock

TRUE = 1_800_000_000.0


@dataclass
class Machine:
    """A machine that has been up for a while; its wall clock is off by so much."""

    up: float = 1000.0
    off: float = 0.0

    @property
    def true(self) -> float:
        return TRUE + self.up

    def clock(self) -> ServerClock:
        return ServerClock(wall=lambda: self.true + self.off, monotonic=lambda: self.up)

    def date(self, *, late: float = 0.0) -> str:
        return format_datetime(datetime.fromtimestamp(int(self.true - late), UTC), usegmt=True)


def test_the_machines_clock_counts_until_the_server_has_answered() -> None:
    machine = Machine(off=-500.0)
    clock = machine.clock()
    assert clock.now() == machine.true - 500.0
    clock.heard(machine.date(), sent=machine.up)
    assert clock.now() == pytest.approx(machine.true, abs=1.0)


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
def test_a_clock_that_is_set_changes_nothing(jump: float) -> None:
    machine = Machine()
    clock = machine.clock()
    clock.heard(machine.date(), sent=machine.up)
    machine.off += jump
    machine.up += 100.0
    assert clock.now() == pytest.approx(machine.true, abs=1.0)


@pytest.mark.parametrize("fraction", [0.0, 0.3, 0.999])
def test_it_is_never_ahead_never_goes_back_and_soon_hardly_behind(fraction: float) -> None:
    machine = Machine(up=1000.0 + fraction)
    clock = machine.clock()
    clock.heard(machine.date(), sent=machine.up)
    before = clock.now()
    for step in range(1, 400):
        machine.up += 0.1
        late = (step % 7) / 10
        clock.heard(machine.date(late=late), sent=machine.up - late)
        assert before + 0.1 - 1e-6 <= clock.now() <= machine.true
        before = clock.now()
    assert clock.now() == pytest.approx(machine.true, abs=0.2)


def test_a_server_whose_clock_is_another_is_followed() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.heard(machine.date(), sent=machine.up)
    clock.heard(machine.date(late=60.0), sent=machine.up)
    assert clock.now() == pytest.approx(machine.true - 60.0, abs=1.0)


@pytest.mark.parametrize("late", [3.0, 30.0, 3600.0])
def test_an_answer_that_is_read_late_takes_nothing_back(late: float) -> None:
    machine = Machine()
    clock = machine.clock()
    clock.heard(machine.date(), sent=machine.up)
    sent, date = machine.up + 5.0, machine.date(late=-5.0)
    machine.up = sent + late
    clock.heard(date, sent=sent)
    assert clock.now() == pytest.approx(machine.true, abs=1.0)


@pytest.mark.parametrize("behind", [0.5, 1.0])
def test_of_servers_that_differ_a_little_the_one_behind_takes_nothing_back(behind: float) -> None:
    machine = Machine()
    clock = machine.clock()
    clock.heard(machine.date(), sent=machine.up)
    machine.up += 5.0
    now = clock.now()
    clock.heard(machine.date(late=behind), sent=machine.up)
    assert clock.now() == now


@pytest.mark.parametrize("date", ["", "yesterday", "Wed, 99 Nov 2026 23:16:13 GMT", "Mon, 01 Jan 0001 00:00:00 +9999"])
def test_a_date_that_cannot_be_read_is_passed_over(date: str) -> None:
    machine = Machine()
    clock = machine.clock()
    clock.heard(machine.date(), sent=machine.up)
    now = clock.now()
    clock.heard(date, sent=machine.up)
    assert clock.now() == now
