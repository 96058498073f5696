"""Takes the times off a log that was asked for with `timestamps=true`.

The kubelet writes a time and one space at the start of each line and nowhere else: the 16 KiB parts in which a
runtime keeps a long line come joined. What stands at the start of a line without a time was not written by the
container but is an error of the kubelet, sent with status 200.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from batchmatrix.base.text import one_line

__all__ = ["EMPTY", "Block", "Splitter"]

_STAMP = re.compile(
    rb"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?(Z|[+-][0-9]{2}:[0-9]{2}) "
)
_LONGEST = len("2006-01-02T15:04:05.999999999+00:00 ")
_FOREIGN_BYTES = 1024
_LIMIT = 2**63 // 10**9 - 1
"""Seconds since 1970 that 64 bits of nanoseconds can tell; an earlier or later time is none of a container."""


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of a log, cut anywhere."""

    raw: bytes
    """Bytes the container wrote."""
    stamps: Sequence[int] = ()
    """Unix nanoseconds of the lines that begin in `raw`, in order; each of them has a byte in it, if only its end."""

    def cut(self, size: int, *, inside: bool) -> tuple[Block, Block]:
        """Two blocks, `size` bytes in the first; `inside` says that `raw` begins in the middle of a line."""
        if size <= 0:
            return EMPTY, self
        begun = self.raw.count(b"\n", 0, size - 1) + (0 if inside else 1)
        return Block(self.raw[:size], self.stamps[:begun]), Block(self.raw[size:], self.stamps[begun:])


EMPTY = Block(b"")


class Splitter:
    """Feed it a stream cut anywhere. It holds back no more than a time; any input is taken without an error."""

    def __init__(self, *, resumed: bool) -> None:
        """`resumed`: the stream was asked to leave out older lines.

        The server goes by the times of the runtime's parts, so such a stream may begin in the middle of a long line.
        """
        self._resumed = resumed
        self._held = b""
        self._inside = False
        self._in_foreign = False
        self._foreign_lines = 0
        self._leading = False
        self._foreign = bytearray()
        self._lines = 0
        self._second = b""
        self._base = 0
        self._bases: tuple[bytes, bytes, int] = (b"", b"", 0)

    @property
    def foreign(self) -> str:
        """What the stream held that is no log, as one line; empty where it held nothing else."""
        if not self._foreign_lines or (self._resumed and self._foreign_lines == 1 and self._leading and self._lines):
            return ""
        return one_line(bytes(self._foreign).decode("utf-8", "replace")) or "blank lines without a time"

    def feed(self, data: bytes) -> Block:
        """What of the log has become known with these bytes."""
        if self._held:
            data = self._held + data
            self._held = b""
        head = b""
        if self._inside or self._in_foreign:
            end = data.find(b"\n")
            here = data if end < 0 else data[: end + 1]
            if self._in_foreign:
                self._note(here)
            else:
                head = here
            if end < 0:
                return Block(head)
            self._inside = self._in_foreign = False
            data = data[end + 1 :]
        lines = data.split(b"\n")
        rest = lines.pop()
        stamps: list[int] = []
        parts = [head]
        for line in lines:
            # The shape that nearly every line has, without a regular expression: same second, nine digits, Z.
            if line[:20] == self._second and line[29:31] == b"Z " and line[20:29].isdigit():
                stamps.append(self._base + int(line[20:29]))
                parts.append(line[31:] + b"\n")
                continue
            found = self._stamp(line)
            if found is None:
                self._begin_foreign(stamps)
                self._note(line + b"\n")
            else:
                stamps.append(found[0])
                parts.append(line[found[1] :] + b"\n")
        if rest:
            self._take_rest(rest, stamps, parts)
        self._lines += len(stamps)
        return Block(b"".join(parts), stamps)

    def close(self) -> None:
        """The stream has ended; what was held back is no log, unless it is a bare time: a line of no bytes."""
        if self._held and self._stamp(self._held) is None:
            self._begin_foreign([])
            self._note(self._held)
        self._held = b""

    def _take_rest(self, rest: bytes, stamps: list[int], parts: list[bytes]) -> None:
        """The begin of a line whose end has not come yet."""
        found = self._stamp(rest)
        if found is not None and found[1] < len(rest):
            self._inside = True
            stamps.append(found[0])
            parts.append(rest[found[1] :])
        elif found is not None or len(rest) < _LONGEST:
            self._held = rest
        else:
            self._begin_foreign(stamps)
            self._note(rest)
            self._in_foreign = True

    def _stamp(self, line: bytes) -> tuple[int, int] | None:
        """Nanoseconds of the time that `line` begins with, and where the content begins."""
        match = _STAMP.match(line)
        if match is None:
            return None
        second, fraction, zone = match.groups(b"")
        if self._bases[:2] != (second, zone):
            try:
                base = int(datetime.fromisoformat((second + zone).decode()).timestamp())
            except (ValueError, OverflowError):
                return None
            if not 0 <= base < _LIMIT:
                return None
            self._bases = (second, zone, base * 10**9)
            if zone == b"Z":
                self._second, self._base = second + b".", base * 10**9
        return self._bases[2] + int(fraction.ljust(9, b"0")), match.end()

    def _begin_foreign(self, stamps: list[int]) -> None:
        self._foreign_lines += 1
        self._leading = not (self._lines or stamps)

    def _note(self, data: bytes) -> None:
        self._foreign += data[: _FOREIGN_BYTES - len(self._foreign)]
