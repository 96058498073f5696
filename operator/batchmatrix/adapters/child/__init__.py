"""Judges in a process of its own: statistics and plots take libraries that the controller need not hold, and time.

The process gets one request on standard input and gives one answer on standard output, both pickled: the two are the
same program of the same version, and nobody else is between them. Whatever becomes of it, the controller lives on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import pickle
import signal
import sys
from collections.abc import Mapping, Sequence

from batchmatrix.base.errors import Unavailable
from batchmatrix.base.text import one_line
from batchmatrix.model.judging import JudgingRules
from batchmatrix.model.summary import Summary
from batchmatrix.ports.analyst import Judged

__all__ = ["PATIENCE", "ChildAnalyst"]

logger = logging.getLogger(__name__)

PATIENCE = 900.0
"""Seconds that a report may take; one of 20,000 cells takes some minutes on a busy machine."""

_TOLD = 2000
"""Characters of what the process says at its end that are logged."""


class ChildAnalyst:
    """One process at a time, started for each report."""

    def __init__(
        self,
        *,
        pages: bool = True,
        command: Sequence[str] = (sys.executable, "-m", "batchmatrix.adapters.child"),
        patience: float = PATIENCE,
    ) -> None:
        """`pages`: whether the page and plots are made, too."""
        self.pages = pages
        self._command = command
        self._patience = patience
        self._one = asyncio.Semaphore(1)

    async def judge(
        self, summary: Summary, rules: JudgingRules, *, location: str, excerpts: Mapping[tuple[str, int], str]
    ) -> Judged:
        """As in ports.Analyst."""
        request = pickle.dumps((summary, rules, location, excerpts, self.pages), protocol=pickle.HIGHEST_PROTOCOL)
        async with self._one:
            answer = await self._run(request)
        try:
            result = pickle.loads(answer)
        except Exception as error:  # what a broken pickle raises is of no single kind
            raise Unavailable(f"the process that judges gave no result that can be read: {error}") from error
        if not isinstance(result, Judged):
            raise Unavailable(f"the process that judges gave {type(result).__name__} and no result")
        return result

    async def _run(self, request: bytes) -> bytes:
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,  # a Ctrl-C is for the controller, which ends it
            )
        except OSError as error:
            raise Unavailable(f"the process that judges cannot be started: {error}") from error
        try:
            async with asyncio.timeout(self._patience):
                answer, said = await process.communicate(request)
        except TimeoutError:
            raise Unavailable(f"the process that judges took more than {self._patience:.0f} s and was ended") from None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode != 0:
            text = said.decode("utf-8", "replace").strip()
            logger.error("the process that judges ended badly: %s", text[-_TOLD:])
            raise Unavailable(f"the process that judges {_ended(process.returncode)}: {_last_line(text)}".rstrip(": "))
        return answer


def _ended(status: int | None) -> str:
    if status is None or status >= 0:
        return f"ended with exit code {status}"
    name = signal.Signals(-status).name if -status in signal.valid_signals() else str(-status)
    return f"was ended by {name}" + (", perhaps for its memory" if name == "SIGKILL" else "")


def _last_line(text: str) -> str:
    return one_line(text.rsplit("\n", 1)[-1], limit=200)
