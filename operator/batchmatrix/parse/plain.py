"""Log lines as a reader of text sees them: without the escape sequences of terminals and without padding."""

from __future__ import annotations

import re

__all__ = ["plain"]

# Python's own engine: no part of the expression can give back what another takes, so it takes linear time.
_ESCAPE = re.compile(
    rb"\x1b(?:"
    rb"\[[0-?]*[ -/]*[@-~]"  # colours, movements of the cursor
    rb"|\][^\x07\x1b\n]*(?:\x07|\x1b\\)"  # titles, links
    rb"|[()*+][0-9A-Z]|[=>78DEHMNOZc])"
)


def plain(lines: bytes) -> bytes:
    """Whole lines without escape sequences, and without the NUL bytes at their ends that cut files are padded with.

    A NUL inside of a line stays: what stood on its two sides was never one word. The number of lines stays too.
    """
    if b"\x1b" in lines:
        lines = _ESCAPE.sub(b"", lines)
    if b"\0" in lines:
        lines = b"\n".join(line.strip(b"\0") for line in lines.split(b"\n"))
    return lines
