"""The Lease on a real control plane, held by real processes that are stopped and killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.cluster import Json, Kube
from tests.support.wait import Pending, wait_for

ROOT = Path(__file__).resolve().parents[2]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(kube: Kube, kubeconfig: Path) -> Iterator[Start]:
    """Start a process that acts while it holds the Lease."""
    running: list[subprocess.Popen[str]] = []

    def _start(identity: str, *, duration: int = 3) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.support.lease_holder", str(kubeconfig), kube.namespace, identity]
        path = os.pathsep.join((str(ROOT / "operator"), str(ROOT)))
        process = subprocess.Popen(
            [*command, str(duration)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path},
        )
        running.append(process)
        return process

    yield _start
    for process in running:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def acquired(process: subprocess.Popen[str]) -> int:
    """The resourceVersion at which the process got the Lease; waits for it."""
    assert process.stdout is not None
    word, version = process.stdout.readline().split()
    assert word == "acquired"
    return int(version)


def writes(kube: Kube, identity: str) -> list[int]:
    """resourceVersions of all that the process made."""
    maps = kube.list("configmaps")
    return [int(each["metadata"]["resourceVersion"]) for each in maps if each["metadata"]["name"].startswith(identity)]


def acting(kube: Kube, identity: str, *, more_than: int = 0) -> None:
    wait_for(
        lambda: len(writes(kube, identity)) > more_than or Pending(len(writes(kube, identity))),
        timeout=20,
        what=f"{identity} to act",
    )


def lease(kube: Kube) -> Json:
    spec: Json = kube.get("leases", "one")["spec"]
    return spec


def test_a_holder_that_was_stopped_does_not_write_after_another_took_over(kube: Kube, start: Start) -> None:
    first = start("first")
    acquired(first)
    acting(kube, "first")
    first.send_signal(signal.SIGSTOP)
    second = start("second")
    taken = acquired(second)
    acting(kube, "second")
    assert lease(kube)["holderIdentity"] == "second"
    before = len(writes(kube, "first"))
    first.send_signal(signal.SIGCONT)
    assert first.wait(20) == 3
    assert first.stdout is not None
    assert first.stdout.read() == "stopped\n"
    # A request that had left before the stop may have been carried out, but none that was sent after it.
    assert len(writes(kube, "first")) == before
    assert max(writes(kube, "first")) < taken
    acting(kube, "second", more_than=len(writes(kube, "second")))


def test_a_holder_that_slept_past_its_time_stops_even_where_nobody_took_over(kube: Kube, start: Start) -> None:
    first = start("first", duration=2)
    acquired(first)
    acting(kube, "first")
    first.send_signal(signal.SIGSTOP)
    renewed = lease(kube)["renewTime"]
    stopped = len(writes(kube, "first"))
    end = time.monotonic() + 3.0
    wait_for(lambda: time.monotonic() > end, timeout=10, what="the deadline to pass")
    first.send_signal(signal.SIGCONT)
    assert first.wait(20) == 3
    assert lease(kube)["renewTime"] == renewed
    assert len(writes(kube, "first")) == stopped


def test_a_killed_holders_successor_in_the_same_container_goes_on_at_once(kube: Kube, start: Start) -> None:
    first = start("pod-op", duration=600)
    acquired(first)
    acting(kube, "pod-op")
    first.kill()
    first.wait()
    before = lease(kube)
    second = start("pod-op", duration=600)
    acquired(second)  # the test's own time limit is far below 600 s
    after = lease(kube)
    assert after["leaseTransitions"] == before["leaseTransitions"] + 1
    assert after["acquireTime"] > before["acquireTime"]
