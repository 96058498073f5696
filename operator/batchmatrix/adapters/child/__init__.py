"""Judges in a process of its own: statistics and plots take libraries that the controller need not hold, and time.

The process gets requests on standard input and gives an answer to each on standard output, pickled: the two are the
same program of the same version, and nobody else is between them. Whatever becomes of it, the controller lives on. It
waits a little for the next request, as matrices often end together and to load its libraries takes longer than to judge
a small one; then it goes and leaves its memory. One that has become large goes at once.
"""

from __future__ import annotations

import asyncio
import pickle
import sys
from collections.abc import Coroutine, Mapping, Sequence

from batchmatrix.adapters.child.worker import Worker
from batchmatrix.base.errors import Unavailable
from batchmatrix.model.judging import JudgingRules
from batchmatrix.model.summary import Summary
from batchmatrix.ports.analyst import Judged

__all__ = ["PATIENCE", "REST", "ChildAnalyst"]

PATIENCE = 900.0
"""Seconds that a report may take; one of 20,000 cells takes some minutes on a busy machine."""

REST = 20.0
"""Seconds that the process is kept for the next report, with some 150 MB."""

_LEAVE = 10.0
"""Seconds in which a process ends that has nothing more to do."""


class ChildAnalyst:
    """One report at a time, in a process that is started when there is something to judge."""

    def __init__(
        self,
        *,
        pages: bool = True,
        command: Sequence[str] = (sys.executable, "-m", "batchmatrix.adapters.child"),
        patience: float = PATIENCE,
        rest: float = REST,
    ) -> None:
        """`pages`: whether the page and plots are made, too."""
        self.pages = pages
        self._command = command
        self._patience = patience
        self._rest = rest
        self._one = asyncio.Semaphore(1)
        self._waiting: Worker | None = None
        self._end: asyncio.TimerHandle | None = None
        self._leaving: dict[asyncio.Task[None], Worker] = {}

    async def judge(
        self, summary: Summary, rules: JudgingRules, *, location: str, excerpts: Mapping[tuple[str, int], str]
    ) -> Judged:
        """As in ports.Analyst."""
        request = pickle.dumps((summary, rules, location, excerpts, self.pages), protocol=pickle.HIGHEST_PROTOCOL)
        async with self._one:
            worker = self._woken() or await Worker.start(self._command)
            try:
                result = _read(await worker.ask(request, self._patience))
            except BaseException:
                await worker.kill()
                raise
            self._keep(worker)
        return result

    async def close(self) -> None:
        """As in ports.Analyst."""
        worker = self._woken()
        ending = [each.kill() for each in (*self._leaving.values(), *([worker] if worker else []))]
        await asyncio.gather(*ending, *self._leaving, return_exceptions=True)

    def _woken(self) -> Worker | None:
        """The process that waits for work, if there is one; it waits no more."""
        worker, self._waiting = self._waiting, None
        if self._end is not None:
            self._end.cancel()
            self._end = None
        if worker is None or worker.lives:
            return worker
        self._see_off(worker, worker.bury())
        return None

    def _keep(self, worker: Worker) -> None:
        self._waiting = worker
        self._end = asyncio.get_running_loop().call_later(self._rest, self._send_home)

    def _send_home(self) -> None:
        worker = self._woken()
        if worker is not None:
            self._see_off(worker, worker.send_home(_LEAVE))

    def _see_off(self, worker: Worker, how: Coroutine[None, None, None]) -> None:
        leaving = asyncio.create_task(how)
        self._leaving[leaving] = worker
        leaving.add_done_callback(self._leaving.pop)


def _read(answer: bytes) -> Judged:
    try:
        result = pickle.loads(answer)
    except Exception as error:  # what a broken pickle raises is of no single kind
        raise Unavailable(f"the process that judges gave no result that can be read: {error}") from error
    if not isinstance(result, Judged):
        raise Unavailable(f"the process that judges gave {type(result).__name__} and no result")
    return result
