"""Running other programs, saying what happens, and waiting with a deadline."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .errors import ClusterError

_STARTED = time.monotonic()


def say(text: str) -> None:
    """Print one line of progress on stderr, with the seconds since the command began."""
    print(f"[{time.monotonic() - _STARTED:6.1f}s] {text}", file=sys.stderr, flush=True)


def run(
    arguments: Sequence[str | Path],
    *,
    timeout: float = 60.0,
    check: bool = True,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, at most ``timeout`` seconds, and return what it wrote.

    With ``check`` a failure becomes a ClusterError that quotes the end of its output.
    """
    words = [str(argument) for argument in arguments]
    try:
        done = subprocess.run(
            words,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            env=None if env is None else {**os.environ, **env},
            cwd=cwd,
            check=False,
        )
    except subprocess.TimeoutExpired as problem:
        raise ClusterError(f"`{' '.join(words[:4])}` did not end within {timeout:.0f} s") from problem
    except OSError as problem:
        raise ClusterError(f"cannot run {words[0]}: {problem}") from problem
    if check and done.returncode != 0:
        raise ClusterError(f"`{' '.join(words[:4])}` exited {done.returncode}: {last_line(done.stderr or done.stdout)}")
    return done


def last_line(text: str, limit: int = 400) -> str:
    """Return the last line of ``text`` that is not blank, cut to ``limit`` characters."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:limit] if lines else "(no output)"


def wait_until(
    what: str,
    test: Callable[[], bool],
    *,
    seconds: float,
    log: Path | None = None,
    interval: float = 0.1,
    guard: Callable[[], None] | None = None,
) -> None:
    """Call ``test`` until it is true; after ``seconds`` raise an error that names ``what`` and ``log``.

    ``guard`` runs before each try and may raise when waiting on has no point, as when a process has died.
    """
    deadline = time.monotonic() + seconds
    while True:
        if guard is not None:
            guard()
        if test():
            return
        if time.monotonic() >= deadline:
            hint = "" if log is None else f"; its log: {log}"
            raise ClusterError(f"waited {seconds:.0f} s for {what}{hint}")
        time.sleep(interval)
