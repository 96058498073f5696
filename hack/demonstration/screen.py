"""What the demonstration prints: steps with their seconds, one line of live progress, one line of error."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

WIDTH = 100


class DemoError(Exception):
    """Something is not as it should be; `look` is the command that shows more."""

    def __init__(self, message: str, look: str = "") -> None:
        super().__init__(message)
        self.look = look


class Screen:
    """Standard output, with colours and a line that is written over only where a person looks at it."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.live = sys.stdout.isatty()
        self._open = False

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Print a heading, and after the block how long it took."""
        began = time.monotonic()
        self.line(self._paint("1", f"==> {title}"))
        yield
        self.line(self._paint("2", f"    {time.monotonic() - began:.1f} s"))

    def line(self, text: str = "") -> None:
        self._close()
        print(text, flush=True)

    def block(self, text: str) -> None:
        for each in text.rstrip("\n").splitlines():
            self.line(f"    {each}")

    def progress(self, text: str) -> None:
        """Show the newest state: in place where a person looks on, else as a line of its own."""
        if not self.live:
            self.line(f"    {text}")
            return
        print(f"\r\033[K    {text[:WIDTH]}", end="", flush=True)
        self._open = True

    def _close(self) -> None:
        if self._open:
            print(flush=True)
            self._open = False

    def good(self, text: str) -> None:
        self.line(f"    {self._paint('32', 'ok')}  {text}")

    def error(self, problem: DemoError) -> None:
        self._close()
        sys.stdout.flush()
        print(f"{self._paint('31', 'demo failed:')} {problem}", file=sys.stderr)
        if problem.look:
            print(f"look deeper:  {problem.look}", file=sys.stderr)

    def seconds(self) -> float:
        return time.monotonic() - self.began

    def _paint(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self.live else text
