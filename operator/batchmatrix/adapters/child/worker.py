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

_LEAVE = 10.0
"""Seconds in which a process ends that has nothing more to do."""


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
        """Whether it has not ended, as far as is known."""
        return self._process.returncode is None

    async def ask(self, request: bytes, patience: float) -> bytes:
        """The answer to one request, without its length. Raises Unavailable; then the process is to be killed."""
        try:
            async with asyncio.timeout(patience):
                try:
                    self._stdin.write(request)
                    await self._stdin.drain()
                    (size,) = HEAD.unpack(await self._stdout.readexactly(HEAD.size))
                    return await self._stdout.readexactly(size)
                except (ConnectionError, asyncio.IncompleteReadError):
                    raise Unavailable(await self._last_words()) from None
        except TimeoutError:
            raise Unavailable(f"the process that judges took more than {patience:.0f} s and was ended") from None

    async def kill(self) -> None:
        """End it at once, if it has not ended, and wait for that."""
        if self.lives:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        await self._process.wait()
        await self._saying

    async def send_home(self) -> None:
        """Let it end, as there is nothing more for it to do, and wait for that."""
        self._stdin.close()
        try:
            async with asyncio.timeout(_LEAVE):
                await self._process.wait()
        except TimeoutError:
            pass
        await self.kill()

    async def _last_words(self) -> str:
        """How it ended, which is not only that it gave no answer."""
        self._stdin.close()
        status = await self._process.wait()
        text = (await self._saying).decode("utf-8", "replace").strip()
        if status == 0:
            return "the process that judges gave no whole answer"
        logger.error("the process that judges ended badly: %s", text)
        return f"the process that judges {_ended(status)}: {_last_line(text)}".rstrip(": ")


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
