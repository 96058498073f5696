"""One log on its way into the store: hash, what is read from it, chunks and the place to go on at, always in step."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from batchmatrix.base.text import one_line
from batchmatrix.capture.anchor import Tail
from batchmatrix.capture.chunks import CHUNK_SECONDS, SCHEMA, ChunkWriter, chunk_key, open_chunk
from batchmatrix.capture.timestamps import Block
from batchmatrix.engine.logbudget import OPERATORS_LIMIT, Share
from batchmatrix.engine.logstore import PatientStore, chunk_keys, chunks_of
from batchmatrix.model.evidence import Captured, HoldRequest, LogState
from batchmatrix.model.metric import MetricValue, ReadingRules
from batchmatrix.parse.reader import LogReader
from batchmatrix.ports.clock import Clock
from batchmatrix.ports.store import Store

__all__ = ["CaptureResult", "Recording", "read_lines"]


@dataclass(frozen=True, slots=True)
class CaptureResult:
    """What became of a log, and what it lacks."""

    captured: Captured
    missing_metrics: tuple[str, ...] = ()
    missing_marker: str = ""
    """The end marker, where one is asked for and the log does not hold it."""


def read_lines(reader: LogReader, lines: Sequence[bytes | None]) -> None:
    """Let a reader take what capture.chunks.Chunk.parts gives beside a piece."""
    for part in lines:
        if part is None:
            reader.drop_line()
        else:
            reader.write(part)


class Recording:
    """Takes the log in order and holds at most one chunk of it; where the store does not answer it waits."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        prefix: str,
        rules: ReadingRules,
        max_bytes: int,
        share: Share | None = None,
        waits: Callable[[str], None] = lambda _why: None,
    ) -> None:
        """`waits` as in PatientStore. Raises InvalidSpec for rules that cannot be used."""
        self._store = PatientStore(store, clock, waits)
        self._clock = clock
        self._prefix = prefix
        self._max_bytes = max_bytes
        self._share = share
        self._limit = ""
        self._rules = rules
        self._reader = LogReader(rules)
        self._sha = hashlib.sha256()
        self._writer = ChunkWriter(1, 0)
        self._begun = 0.0
        self._bytes = 0
        self._lines = 0
        self._trouble = ""
        self._capped = False
        self.tail = Tail()
        self.lost_anchor = False
        """The last line had is known to be gone from the source, and nothing newer has come yet."""
        self.seen = 0
        """Raw bytes that went through, kept or not."""

    @property
    def empty(self) -> bool:
        """Nothing of the log is kept yet."""
        return self._bytes == 0

    async def replay(self) -> CaptureResult | None:
        """Take up what an earlier process sealed; the result, where it had come to the end.

        A whole log is not read here again, even if it was read by other rules: that is for rereading, once its record
        is there. Raises BatchMatrixError where what is sealed is damaged.
        """
        keys = await chunk_keys(self._store, self._prefix)
        if not keys:
            return None
        manifest: Mapping[str, Any] = open_chunk(keys[-1], await self._store.get(keys[-1])).header.manifest
        if manifest:
            return self._result(manifest)
        async for chunk in chunks_of(self._store, keys):
            for piece, lines in chunk.parts():
                self._sha.update(piece)
                read_lines(self._reader, lines)
                await asyncio.sleep(0)
            self._bytes += chunk.header.bytes
            self._lines += chunk.header.lines
            self._trouble = chunk.header.trouble
            self._capped, self._limit = chunk.header.capped, chunk.header.limit
            self.tail = Tail(chunk.header.anchor)
        if self._share is not None:
            self._share.note(self._bytes)
        self.seen = self._bytes
        self._writer = ChunkWriter(len(keys) + 1, self._bytes)
        return None

    async def take(self, block: Block) -> None:
        """The next stretch of the log. What is beyond the limit on size is read and not kept."""
        if not block.raw:
            return
        self.seen += len(block.raw)
        self.lost_anchor = False
        self._reader.write(block.raw)
        if not self._capped:
            room = self._room()
            if len(block.raw) <= room:
                await self._keep(block)
                return
            kept, block = block.cut(room, inside=self.tail.inside)
            await self._keep(kept)
            self._capped = True
            await self._seal()
        self.tail.feed(block)

    def _room(self) -> int:
        """Bytes that may still be kept; which limit says so is remembered."""
        own = self._max_bytes - self._bytes
        if self._share is None or self._share.room >= own:
            self._limit = ""
            return own
        self._limit = OPERATORS_LIMIT
        return self._share.room

    async def seal_if_due(self) -> None:
        """Seal what is pending if its first byte is old enough."""
        if self._writer.bytes and self._clock.monotonic() - self._begun >= CHUNK_SECONDS:
            await self._seal()

    async def seal(self) -> None:
        """Seal what is pending, however little."""
        if self._writer.bytes:
            await self._seal()

    def note_gap(self, message: str) -> None:
        """Some of the log between what is had and what comes next is gone for good.

        A line that was open gets a newline: glued to what comes next it would be a line that nobody wrote.
        """
        self._trouble = self._trouble or one_line(message)
        self.lost_anchor = True
        if self.tail.inside:
            self._reader.drop_line()
            if not self._capped:
                self._writer.torn.append(self._bytes)
                self._append(Block(b"\n"))

    async def finish(self, *, proven: bool, message: str = "") -> CaptureResult:
        """Seal the rest with the manifest. Without proof that all of it came the log is truncated, or lost."""
        if not proven:
            self._reader.drop_line()
            self._trouble = self._trouble or one_line(message)
            if self.tail.inside and not self._capped:
                self._writer.torn.append(self._bytes)
        if not proven and self.empty:
            return self._result({"state": LogState.LOST, "message": self._trouble, **self._read()})
        message = self._trouble
        if not message and self._capped:
            text = f"the matrix's logs reach {self._limit}" if self._limit else "longer than logs.maxBytes"
            message = f"{text}: cut after {self._bytes} of {self.seen} bytes"
        manifest = {
            "schema": SCHEMA,
            "state": LogState.TRUNCATED if message else LogState.COMPLETE,
            "bytes": self._bytes,
            "lines": self._lines,
            "sha256": self._sha.hexdigest(),
            "chunks": self._writer.number,
            "message": message,
            "capped": self._capped and not self._trouble,
            "limit": self._limit if self._capped else "",
            **self._read(),
        }
        if self._capped:  # only this reading has seen what is beyond the cut
            manifest["rules"] = asdict(self._rules)
        await self._seal(manifest)
        return self._result(manifest)

    async def _keep(self, block: Block) -> None:
        """Into the chunk, which is sealed at the last end of a line if this fills it."""
        if self._writer.fills(block):
            end = block.raw.rfind(b"\n") + 1 or len(block.raw)
            head, block = block.cut(end, inside=self.tail.inside)
            self._append(head)
            await self._seal()
        self._append(block)

    def _append(self, block: Block) -> None:
        if not self._writer.bytes:
            self._begun = self._clock.monotonic()
        self._sha.update(block.raw)
        self._writer.add(block)
        self._bytes += len(block.raw)
        if self._share is not None:
            self._share.note(self._bytes)
        self._lines += len(block.stamps)
        self.tail.feed(block)

    async def _seal(self, manifest: dict[str, Any] | None = None) -> None:
        writer = self._writer
        if not writer.bytes and manifest is None:
            return
        data = writer.seal(
            self.tail.anchor, trouble=self._trouble, capped=self._capped, limit=self._limit, manifest=manifest
        )
        await self._store.put_new(chunk_key(self._prefix, writer.number), data)
        self._writer = ChunkWriter(writer.number + 1, self._bytes)

    def _read(self) -> dict[str, Any]:
        report = self._reader.result()
        return {
            "parser": report.parser,
            "metrics": [asdict(value) for value in report.metrics],
            "missing": list(report.missing),
            "marker": report.missing_marker,
            "hold": asdict(report.hold) if report.hold is not None else None,
            "long_lines": report.long_lines,
            "malformed": report.malformed,
        }

    def _result(self, manifest: Mapping[str, Any]) -> CaptureResult:
        state = LogState(manifest["state"])
        captured = Captured(
            state=state,
            bytes=manifest.get("bytes", 0),
            lines=manifest.get("lines", 0),
            sha256=manifest.get("sha256", ""),
            key="" if state is LogState.LOST else self._prefix,
            metrics=tuple(MetricValue(**value) for value in manifest["metrics"]),
            parser=manifest["parser"],
            message=manifest["message"],
            capped=manifest.get("capped", False),
            limit=manifest.get("limit", ""),
            hold=HoldRequest(**manifest["hold"]) if manifest["hold"] is not None else None,
            long_lines=manifest.get("long_lines", 0),
            malformed=manifest.get("malformed", 0),
        )
        return CaptureResult(captured, tuple(manifest["missing"]), manifest["marker"])
