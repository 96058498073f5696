"""Files that a user names on the command line, read whole and within bounds."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from batchmatrix.base.documents import FILE_LIMIT
from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.base.text import one_line

__all__ = ["STANDARD_INPUT", "open_lines", "read_text", "shown_name"]

STANDARD_INPUT = Path("-")
"""The name that stands for standard input."""

_BYTES = 4 * FILE_LIMIT
"""UTF-8 needs at most four bytes for a character."""


def shown_name(path: Path) -> str:
    """How a file is called in messages: one line, whatever its name holds."""
    return "<stdin>" if path == STANDARD_INPUT else one_line(str(path), limit=4096)


def read_text(path: Path, *, limit: int = _BYTES) -> str:
    """The text of a file, or of standard input for `-`.

    Raises InvalidSpec with one problem where it cannot be read, has more than `limit` bytes, or is no UTF-8 text.
    """
    name = shown_name(path)
    try:
        if path == STANDARD_INPUT:
            data = sys.stdin.buffer.read(limit + 1)
        else:
            with path.open("rb") as stream:
                data = stream.read(limit + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InvalidSpec([Problem(name, f"cannot be read: {reason}")]) from None
    if len(data) > limit:
        raise InvalidSpec([Problem(name, f"has more than {limit} bytes; write a smaller file")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        text = f"is no text: byte {error.start} is not UTF-8; give a YAML or JSON file"
        raise InvalidSpec([Problem(name, text)]) from None
    if "\0" in text:
        raise InvalidSpec([Problem(name, "is no text: it holds zero bytes; give a YAML or JSON file")])
    return text


@contextlib.contextmanager
def open_lines(path: Path) -> Iterator[TextIO]:
    """A text file of any size, line by line, with the ends of lines as they are.

    Raises InvalidSpec with one problem where it cannot be read or is no UTF-8 text, be it in the middle.
    """
    name = shown_name(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            yield stream
    except UnicodeDecodeError as error:
        text = f"is no text: byte {error.object[error.start]:#04x} is not UTF-8; write it as UTF-8"
        raise InvalidSpec([Problem(name, text)]) from None
    except OSError as error:
        raise InvalidSpec([Problem(name, f"cannot be read: {error.strerror}; name another file")]) from None
