"""Fixtures of the faults ring."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from tests.support.process import Process
from tests.support.world import SmallWorld


@pytest.fixture
async def start() -> AsyncIterator[Callable[[SmallWorld], Process]]:
    """Begins a process of the operator over a small world, each with a name of its own; they end with the test."""
    processes: list[Process] = []

    def begin(world: SmallWorld) -> Process:
        processes.append(Process(world, writer=f"writer-{len(processes)}"))
        return processes[-1]

    yield begin
    for process in processes:
        await process.end()
