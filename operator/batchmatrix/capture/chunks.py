"""A log in the store: objects `<prefix>00000001.log.zst`, `00000002.log.zst`, ... and nothing else.

Each is a valid .zst file: the raw bytes in frames of up to 256 KiB, then one skippable frame, which every zstd decoder
passes over, with what else is to be known: the time of every line, where to go on, and in the last object the
manifest of the whole log. So `zstd -dc *.log.zst` gives exactly what the container wrote, a chunk and its index can
never disagree, and a log that fits one chunk costs one write instead of three (most logs do, and a matrix
has thousands). Small frames let all logs of a process share one compressor, where a stream each would cost
megabytes for every log that is followed.

A chunk is sealed at 8 MiB of raw bytes or 1 MiB of compressed ones, at 65,536 lines, or when its first byte is 30 s
old. It ends at the end of a line, unless one line is longer than the block in which it came or is open when the time is
up; the anchor knows.
"""

from __future__ import annotations

import io
import json
import operator
import struct
import sys
import threading
from array import array
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import accumulate
from typing import Any

import zstandard

from batchmatrix.base.errors import BatchMatrixError
from batchmatrix.capture.anchor import Anchor
from batchmatrix.capture.timestamps import Block

__all__ = [
    "CHUNK_BYTES",
    "CHUNK_LINES",
    "CHUNK_PACKED_BYTES",
    "CHUNK_SECONDS",
    "SCHEMA",
    "Chunk",
    "ChunkWriter",
    "Header",
    "chunk_key",
    "open_chunk",
]

SCHEMA = 1
CHUNK_BYTES = 8 << 20
CHUNK_PACKED_BYTES = 1 << 20
"""Compressed: what each log that is followed may hold in memory while the store does not answer."""
CHUNK_LINES = 1 << 16
CHUNK_SECONDS = 30.0

_FRAME = 256 << 10
_LEVEL = 3
_SKIPPABLE = 0x184D2A5B
_MARK = b"BMXL"
_HEAD = struct.Struct("<II")
_FOOT = struct.Struct("<I4s")
_SUFFIX = ".log.zst"


class _Tools(threading.local):
    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
        self.decompressor = zstandard.ZstdDecompressor()


_tools = _Tools()


@dataclass(frozen=True, slots=True)
class Header:
    """What a chunk says of itself."""

    number: int
    offset: int
    """Raw bytes of the log before it."""
    bytes: int
    lines: int
    """Lines that begin in it."""
    anchor: Anchor | None
    """Of the log up to and with this chunk."""
    trouble: str = ""
    """Why some of the log up to here is missing, if it is."""
    capped: bool = False
    """The limit on size was met: nothing after this chunk is kept."""
    limit: str = ""
    """Which limit that was, if not the user's own."""
    torn: list[int] = field(default_factory=list)
    """Where in the log a line stops whose end is lost, as bytes from its beginning. A newline that stands there was put
    in by whoever kept the log."""
    manifest: dict[str, Any] = field(default_factory=dict)
    """In the last chunk: state, bytes, lines, sha256, chunks, message, capped, and what was read: parser, metrics,
    missing, marker, hold, long_lines, malformed; where the log was cut, also the rules that it was read by."""


def chunk_key(prefix: str, number: int) -> str:
    """Key of a chunk; numbers start at 1 and sort as text."""
    return f"{prefix.rstrip('/')}/{number:08d}{_SUFFIX}"


class ChunkWriter:
    """One chunk in the making; it holds compressed bytes, one frame of raw ones, and 8 bytes a line."""

    def __init__(self, number: int, offset: int) -> None:
        self.number = number
        self.offset = offset
        self.bytes = 0
        self.torn: list[int] = []
        """As in Header."""
        self._stamps = array("q")
        self._frames: list[bytes] = []
        self._packed = 0
        self._sealed = False
        self._raw = bytearray()

    @property
    def lines(self) -> int:
        """Lines that begin in it so far."""
        return len(self._stamps)

    def fills(self, block: Block) -> bool:
        """Whether it is time to seal once `block` is in it."""
        return (
            self._packed >= CHUNK_PACKED_BYTES
            or self.bytes + len(block.raw) >= CHUNK_BYTES
            or self.lines + len(block.stamps) >= CHUNK_LINES
        )

    def add(self, block: Block) -> None:
        """Append a stretch of the log."""
        self._stamps.extend(block.stamps)
        self.bytes += len(block.raw)
        self._raw += block.raw
        while len(self._raw) >= _FRAME:
            self._pack(_FRAME)

    def seal(
        self,
        anchor: Anchor | None,
        *,
        trouble: str = "",
        capped: bool = False,
        limit: str = "",
        manifest: dict[str, Any] | None = None,
    ) -> bytes:
        """The whole object. The frames are in it then, and held no longer: a second time is a BatchMatrixError."""
        if self._sealed:
            raise BatchMatrixError(f"log chunk {self.number} has been sealed already")
        self._sealed = True
        if self._raw:
            self._pack(len(self._raw))
        header = Header(
            self.number,
            self.offset,
            self.bytes,
            self.lines,
            anchor,
            trouble,
            capped=capped,
            limit=limit if capped else "",
            torn=self.torn,
            manifest=manifest or {},
        )
        text = json.dumps({"schema": SCHEMA} | asdict(header), separators=(",", ":"), sort_keys=True).encode()
        extra = _tools.compressor.compress(text + b"\n" + _pack(self._stamps))
        size = len(extra) + _FOOT.size
        whole = b"".join((*self._frames, _HEAD.pack(_SKIPPABLE, size), extra, _FOOT.pack(size, _MARK)))
        self._frames.clear()
        return whole

    def _pack(self, size: int) -> None:
        # a copy: what the compressor gives keeps the memory that the worst case would have needed
        frame = bytes(memoryview(_tools.compressor.compress(bytes(self._raw[:size]))))
        self._frames.append(frame)
        self._packed += len(frame)
        del self._raw[:size]


@dataclass(frozen=True, slots=True)
class Chunk:
    """A sealed chunk that was read back."""

    header: Header
    stamps: array[int]
    """Unix nanoseconds of each line that begins in it."""
    _body: memoryview

    def pieces(self) -> Iterator[bytes]:
        """The raw bytes, 256 KiB at most at a time. Raises BatchMatrixError where the object is damaged."""
        seen = 0
        try:
            with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(self._body), read_across_frames=True) as reader:
                while piece := reader.read(_FRAME):
                    seen += len(piece)
                    yield piece
        except zstandard.ZstdError as error:
            raise BatchMatrixError(f"log chunk {self.header.number} is damaged: {error}") from error
        if seen != self.header.bytes:
            raise BatchMatrixError(f"log chunk {self.header.number} holds {seen} bytes and not {self.header.bytes}")

    def parts(self) -> Iterator[tuple[bytes, list[bytes | None]]]:
        """Pieces, and beside each what a reader of lines has to take in its place. Raises BatchMatrixError.

        None stands where the line so far is to be forgotten, as its end is lost; the newline that was put in there is
        left out.
        """
        offset = self.header.offset
        for piece in self.pieces():
            yield piece, self._readable(piece, offset)
            offset += len(piece)
        if offset in self.header.torn:
            yield b"", [None]

    def _readable(self, piece: bytes, offset: int) -> list[bytes | None]:
        lines: list[bytes | None] = []
        begin = 0
        for torn in self.header.torn:
            place = torn - offset
            if begin <= place < len(piece):
                lines += [piece[begin:place], None]
                begin = place + 1
        return [*lines, piece[begin:]]


def open_chunk(key: str, data: bytes) -> Chunk:
    """Read a sealed chunk. Raises BatchMatrixError, naming `key`, where `data` is none that this version can read."""
    try:
        begin, extra = _extra(memoryview(data))
        text, _, stamps = extra.partition(b"\n")
        fields = json.loads(text)
        schema = fields.pop("schema")
        if schema == SCHEMA:
            fields["anchor"] = None if fields["anchor"] is None else Anchor(**fields["anchor"])
            return Chunk(Header(**fields), _unpack(stamps), memoryview(data)[:begin])
    except (ValueError, KeyError, TypeError, AttributeError, struct.error, zstandard.ZstdError) as error:
        raise BatchMatrixError(f"{key} is not a log chunk or is damaged: {error}") from error
    raise BatchMatrixError(
        f"{key} has schema {schema}, this version reads {SCHEMA}: read it with the one that wrote it"
    )


def _extra(view: memoryview) -> tuple[int, bytes]:
    """Where the skippable frame begins, and what is in it."""
    size, mark = _FOOT.unpack(view[-_FOOT.size :])
    begin = len(view) - size - _HEAD.size
    if mark != _MARK or begin < 0 or _HEAD.unpack(view[begin : begin + _HEAD.size]) != (_SKIPPABLE, size):
        raise ValueError("no index at its end")
    return begin, _tools.decompressor.decompress(view[begin + _HEAD.size : -_FOOT.size])


def _pack(stamps: array[int]) -> bytes:
    """Differences from line to line, little-endian: they compress to a fraction of the times themselves."""
    steps = array("q", map(operator.sub, stamps, [0, *stamps[:-1]]))
    if sys.byteorder == "big":
        steps.byteswap()
    return steps.tobytes()


def _unpack(data: bytes) -> array[int]:
    steps = array("q")
    steps.frombytes(data)
    if sys.byteorder == "big":
        steps.byteswap()
    return array("q", accumulate(steps))
