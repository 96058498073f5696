"""Processes of the operator that need not load Python's modules first: each is forked from one that has.

Where kills are tested, most of the machine's time would go into that. A pod of the e2e ring begins as a user's does.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock

from batchmatrix.engine.analysis import Inline

__all__ = ["Fork"]

PRELOADED = [
    "batchmatrix.__main__",
    "batchmatrix.cli.main",
    "batchmatrix.controller.command",
    "batchmatrix.controller.main",
    "batchmatrix.engine.analysis",
    "uvloop",
]
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(PRELOADED)


class Fork:
    """`batchmatrix` with these arguments and this environment; what it prints goes to the end of `log`."""

    def __init__(self, arguments: Sequence[str], *, env: Mapping[str, str], log: Path) -> None:
        self._process = _context.Process(target=_run, args=([*arguments], {**env}, str(log)), daemon=True)
        log.touch()
        self._lock = Lock()  # one exit status is told once: two threads must not ask for it at the same time
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid
        self._handle = os.pidfd_open(self.pid)

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens where the process has ended."""
        try:
            signal.pidfd_send_signal(self._handle, number)
        except ProcessLookupError:
            return

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        with self._lock:
            return self._process.exitcode

    def wait(self, timeout: float) -> int:
        """The exit status, once it has ended. Raises TimeoutError after `timeout` seconds."""
        self._process.join(timeout)
        status = self.poll()
        if status is None:
            raise TimeoutError(f"process {self.pid} still runs after {timeout:.0f} s")
        return status


def _run(arguments: list[str], env: dict[str, str], log: str) -> None:
    out = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["batchmatrix", *arguments]
    from batchmatrix.__main__ import main
    from batchmatrix.wiring import serving

    # Each would have a process of its own judge, and load what that takes; the e2e ring has that.
    serving.ChildAnalyst = Inline
    main()
