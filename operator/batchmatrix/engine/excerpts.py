"""The ends of the logs of failed trials, for people who read a report: a failure shows at the end."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from batchmatrix.base.errors import BatchMatrixError
from batchmatrix.capture.chunks import open_chunk
from batchmatrix.engine.logstore import chunk_keys
from batchmatrix.model.evidence import Outcome
from batchmatrix.model.record import Record
from batchmatrix.model.summary import Summary
from batchmatrix.ports.store import ReadableStore

__all__ = ["EXCERPT", "LOGS", "excerpts_of"]

LOGS = 40
"""Logs that are looked at, one of each cell: a report of thousands of failures is not read to its end."""

EXCERPT = 8 << 10
"""Bytes of each."""


async def excerpts_of(
    store: ReadableStore, summary: Summary, *, key_of: Callable[[Record], str] = lambda record: record.log.key
) -> dict[tuple[str, int], str]:
    """Text by cell and trial, as the container wrote it: it is for others to make it harmless.

    `key_of` says where in the store a log lies. A log that cannot be read now is left out: an excerpt is worth no wait.
    """
    found: dict[tuple[str, int], str] = {}
    for record in _failed(summary):
        try:
            text = await _end_of(store, key_of(record))
        except BatchMatrixError:
            continue
        if text:
            found[record.cell, record.id.trial] = text.decode("utf-8", "replace")
    return found


def _failed(summary: Summary) -> Iterator[Record]:
    """The first failed trial of each cell that has a log, cells that are not as expected before others."""
    records: dict[str, Record] = {}
    for trial in summary.trials:
        record = trial.record
        if record is not None and record.outcome is not Outcome.SUCCEEDED and record.log.key:
            records.setdefault(trial.cell, record)
    cells = sorted(summary.cells, key=lambda cell: cell.met is not False)
    chosen = [records[cell.name] for cell in cells if cell.name in records]
    yield from chosen[:LOGS]


async def _end_of(store: ReadableStore, key: str) -> bytes:
    end = b""
    for chunk in reversed((await chunk_keys(store, key))[-2:]):
        if len(end) >= EXCERPT:
            break
        last = deque(open_chunk(chunk, await store.get(chunk)).pieces(), maxlen=1)
        end = b"".join(last) + end
    return end[-EXCERPT:]
