"""What ends the process in good order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["stop_on_signals", "unless_stopped"]

T = TypeVar("T")

TIDY_SECONDS = 2.0
"""How long what was stopped may tidy up, before it is stopped in that too."""


def stop_on_signals(stop: asyncio.Event) -> None:
    """Have a kubelet's SIGTERM and a terminal's SIGINT set `stop`, whoever had them before; from the running loop."""
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)


async def unless_stopped(work: Coroutine[Any, Any, T], stop: asyncio.Event) -> T | None:
    """What `work` gives or raises; None where `stop` was set first, and `work` has been ended."""
    task, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((task, stopping), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        while not task.done():
            task.cancel()
            await asyncio.wait((task,), timeout=TIDY_SECONDS)
        await asyncio.gather(task, return_exceptions=True)  # whatever came of it, nobody waits for it any more
        return None
    finally:
        task.cancel()
        stopping.cancel()
