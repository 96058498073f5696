"""One process that judges, seen from the controller."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Sequence

from batchmatrix.adapters.child.frames import HEAD
from batchmatrix.base.errors import Unavailable
from batchmatrix.base.text import one_line

__all__ = ["Worker"]

logger = logging.getLogger(__name__)

_TOLD = 2000
"""Bytes of what the process says at its end that are logged."""

_LAST_WORDS = 2.0
"""Seconds in which it ends whose pipes are closed, or that is killed, and in which what it said has come. Only what it
has started itself could keep that open longer."""


class Worker:
    """A process that lives as long as its standard input, with what it says on standard error."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None  # noqa: PT018
        self._process = process
        self._stdin, self._stdout = process.stdin, process.stdout
        self._saying = asyncio.create_task(_last_of(process.stderr))

    @classmethod
    async def start(cls, command: Sequence[str]) -> Worker:
        """Raises Unavailable."""
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,  # a Ctrl-C is for the controller, which ends it
            )
        except OSError as error:
            raise Unavailable(f"the process that judges cannot be started: {error}") from error
        return cls(process)

    @property
    def lives(self) -> bool:
        """Whether it has not ended, as far as is known: its pipes tell that before its end is told."""
        return self._process.returncode is None and not self._stdin.is_closing()

    async def ask(self, request: bytes, patience: float) -> bytes:
        """The pickled answer to a pickled request. Raises Unavailable; then the process is to be killed."""
        try:
            async with asyncio.timeout(patience):
                try:
                    self._stdin.write(HEAD.pack(len(request)))
                    self._stdin.write(request)
                    await self._stdin.drain()
                    (size,) = HEAD.unpack(await self._stdout.readexactly(HEAD.size))
                    return await self._stdout.readexactly(size)
                except (OSError, asyncio.IncompleteReadError, RuntimeError):  # uvloop has the last for a closed pipe
                    raise Unavailable(await self._end()) from None
        except TimeoutError:
            raise Unavailable(f"the process that judges took more than {patience:.0f} s and was ended") from None

    async def kill(self) -> None:
        """End it at once, if it has not ended, and wait for that."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        self._stdin.close()
        await self._over(_LAST_WORDS)
        await self._said()

    async def send_home(self, patience: float) -> None:
        """Let it end, as there is nothing more for it to do; after `patience` seconds it is killed."""
        self._stdin.close()
        await self._over(patience)
        await self.kill()

    async def bury(self) -> None:
        """Tell how it ended that nobody had asked for anything, unless it went in good order."""
        how = await self._end()
        if self._process.returncode != 0:
            logger.warning("%s while it waited for work; nothing of a report is lost", how)

    async def _end(self) -> str:
        """How it ended, in one line; what it said is logged."""
        self._stdin.close()
        status = await self._over(_LAST_WORDS)
        text = (await self._said()).decode("utf-8", "replace").strip()
        if text:
            logger.error("the process that judges said at its end: %s", text)
        if not status:
            return "the process that judges gave no whole answer"
        return f"the process that judges {_ended(status)}: {_last_line(text)}".rstrip(": ")

    async def _over(self, patience: float) -> int | None:
        """Its exit code once it has ended, or what is known of that after `patience` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._process.wait()
        return self._process.returncode

    async def _said(self) -> bytes:
        """What it said last. Nothing waits for ever: whoever else has its standard error may keep that open."""
        done, _ = await asyncio.wait((self._saying,), timeout=_LAST_WORDS)
        if not done:
            self._saying.cancel()
            return b""
        return b"" if self._saying.cancelled() else self._saying.result()


async def _last_of(stream: asyncio.StreamReader) -> bytes:
    """What it ends with. It is read all the time, or a process that says much would stand still."""
    last = b""
    while data := await stream.read(1 << 16):
        last = (last + data)[-_TOLD:]
    return last


def _ended(status: int) -> str:
    if status >= 0:
        return f"ended with exit code {status}"
    name = signal.Signals(-status).name if -status in signal.valid_signals() else str(-status)
    return f"was ended by {name}" + (", perhaps for its memory" if name == "SIGKILL" else "")


def _last_line(text: str) -> str:
    return one_line(text.rsplit("\n", 1)[-1], limit=200)
