"""Standard output and standard error where they fail: a full disk, a reader that has gone, few letters."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from pathlib import Path
from typing import TextIO

from batchmatrix.base.text import one_line
from batchmatrix.cli.exits import Exit

__all__ = ["can_be_written", "close_streams", "open_streams", "tell"]


def open_streams() -> TextIO:
    """Standard output, which is there from now on and takes every text; keep it for close_streams."""
    if sys.stdout is None:  # the shell's >&-
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for as long as it runs
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    return sys.stdout


def close_streams(out: TextIO, status: int) -> int:
    """The exit status, now that everything is written; 1 where it could not be.

    Nothing is said of a reader that has gone (`| head`): it has what it wanted.
    """
    try:
        out.flush()
    except OSError as error:
        _silence(out)
        status = Exit.ERROR
        if not isinstance(error, BrokenPipeError):
            tell(f"standard output cannot be written: {error.strerror or error}; give it a place with room")
    if sys.stderr is not None:
        try:
            sys.stderr.flush()
        except OSError:
            _silence(sys.stderr)
    return status


def can_be_written(out: TextIO) -> bool:
    """Whether what is left in the stream can go out."""
    try:
        out.flush()
    except OSError:
        return False
    return True


def tell(text: str) -> None:
    """One line on standard error, whatever is in `text`; where that fails there is nobody to tell."""
    with contextlib.suppress(OSError):
        print(f"batchmatrix: {one_line(text, limit=4096)}", file=sys.stderr)


def _silence(stream: TextIO) -> None:
    """Send what is left in the stream to nowhere, as Python would complain of it when it ends."""
    try:
        number = stream.fileno()
    except (OSError, ValueError):  # not a file of the system
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
