"""Where a log was left off, and how a new read of it goes on there without a byte lost or twice.

The server takes whole seconds only and compares each part of a line with them, so a new read asks from a second
before the last line had and drops what is had already. The last line is known by its time, by its place among lines of
the same time (coarse clocks give thousands of them), and by length and checksum of what is had of it: it may be
still open, as programs that draw progress bars write no newline for hours.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from batchmatrix.capture.timestamps import EMPTY, Block

__all__ = ["Anchor", "Resume", "Tail"]

_SECOND = 10**9

_MARGIN = 1
"""Seconds that a read asks for before the anchor: two streams of one container may be stamped out of order."""

_PATIENCE = 2 * _SECOND
"""How much younger than the anchor a line must be to say that the anchor will not come any more."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """The last line of which something is had."""

    time: int
    """Unix nanoseconds."""
    ordinal: int
    """Which of the lines of this very time that follow each other, from 1."""
    length: int
    """Bytes of it that are had, less the newline."""
    crc: int
    closed: bool
    """Its newline is had too."""

    @property
    def since(self) -> float:
        """From when a read has to ask, Unix seconds."""
        return float(self.time // _SECOND - _MARGIN)


class Tail:
    """Keeps the anchor of everything it is fed."""

    def __init__(self, anchor: Anchor | None = None) -> None:
        self.anchor = anchor

    @property
    def inside(self) -> bool:
        """Whether what comes next belongs to a line that is open."""
        return self.anchor is not None and not self.anchor.closed

    def feed(self, block: Block) -> None:
        """Take the next stretch of the log."""
        raw, stamps, last = block.raw, block.stamps, self.anchor
        if not raw:
            return
        closed = raw.endswith(b"\n")
        end = len(raw) - closed
        if stamps:
            time = stamps[-1]
            same = 1
            while same < len(stamps) and stamps[-1 - same] == time:
                same += 1
            if same == len(stamps) and last is not None and last.time == time:
                same += last.ordinal
            begin = raw.rfind(b"\n", 0, end) + 1
            self.anchor = Anchor(time, same, end - begin, zlib.crc32(raw[begin:end]), closed)
        elif last is not None:
            self.anchor = Anchor(last.time, last.ordinal, last.length + end, zlib.crc32(raw[:end], last.crc), closed)


class Resume:
    """Drops what comes up to the anchor; afterwards everything passes.

    With `later` the anchor itself is not looked for (it is known to be gone): the first younger line begins what
    passes.
    """

    def __init__(self, anchor: Anchor, *, later: bool = False) -> None:
        self._anchor = anchor
        self._later = later
        self.found = False
        self.gone = False
        """Lines have come that are too young for the anchor still to come: part of the log is lost."""
        self._inside = False
        self._time = 0
        self._ordinal = 0
        self._candidate = False
        self._length = 0
        self._crc = 0

    def feed(self, block: Block) -> Block:
        """What of the next stretch is new; nothing while the anchor has not come."""
        if self.found:
            return block
        raw, position, stamp = block.raw, 0, 0
        while position < len(raw) and not self.gone:
            if not self._inside:
                if self._begin(block.stamps[stamp]):
                    return Block(raw[position:], block.stamps[stamp:])
                stamp += 1
            newline = raw.find(b"\n", position)
            end = len(raw) if newline < 0 else newline
            after = self._match(raw, position, end, ended=newline >= 0) if self._candidate else -1
            if after >= 0:
                self.found = True
                return Block(raw[after:], block.stamps[stamp:])
            self._inside = newline < 0
            position = end + 1
        return EMPTY

    def _begin(self, time: int) -> bool:
        """A line begins; True where it is the first of what passes."""
        self._ordinal = self._ordinal + 1 if time == self._time else 1
        self._time = time
        self._inside = True
        self._length = self._crc = 0
        if self._later:
            self.found = time > self._anchor.time
            return self.found
        self._candidate = time == self._anchor.time and self._ordinal == self._anchor.ordinal
        self.gone = time > self._anchor.time + _PATIENCE
        return False

    def _match(self, raw: bytes, begin: int, end: int, *, ended: bool) -> int:
        """Where the new bytes begin, if this stretch of the line completes the anchor, else -1."""
        stop = min(end, begin + self._anchor.length - self._length)
        self._crc = zlib.crc32(raw[begin:stop], self._crc)
        self._length += stop - begin
        if self._length < self._anchor.length:
            self._candidate = not ended
            return -1
        if self._crc != self._anchor.crc:
            self._candidate = False
            return -1
        if not self._anchor.closed:
            return stop
        if stop < end:
            self._candidate = False
            return -1
        return end + 1 if ended else -1
