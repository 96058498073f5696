"""A stored log read again by other rules, as exactly as if they had been there when it was kept."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from batchmatrix.base.errors import NotFound
from batchmatrix.capture.chunks import Header, open_chunk
from batchmatrix.engine.logstore import PatientStore, chunk_keys, chunks_of
from batchmatrix.engine.recording import read_lines
from batchmatrix.model.metric import MetricDefinition, MetricValue, ReadingRules
from batchmatrix.parse.reader import LogReader, ParseReport, parser_digest

__all__ = ["StoredReading", "missing_of", "read_stored"]


@dataclass(frozen=True, slots=True)
class StoredReading:
    """What the rules find in a stored log."""

    metrics: tuple[MetricValue, ...]
    """In the order of the rules."""
    missing_marker: str = ""
    """The end marker, where one is asked for and what there is does not hold it."""
    long_lines: int = 0
    malformed: int = 0
    """As in Captured."""


async def read_stored(store: PatientStore, prefix: str, rules: ReadingRules) -> StoredReading:
    """Read a sealed log; one chunk is held at a time. By the rules of back then it says what it said then.

    Of a log that was cut the kept part alone can be read: what only the whole of it tells has no value, unless the
    reading of back then, which saw all of it, had that same rule. While the store does not answer it waits. Raises
    BatchMatrixError where the log is gone or damaged, InvalidSpec for rules that cannot be used.
    """
    keys = await chunk_keys(store, prefix)
    if not keys:
        raise NotFound(f"no log under {prefix}")
    last = open_chunk(keys[-1], await store.get(keys[-1])).header
    if last.manifest.get("parser") == parser_digest(rules):
        metrics = tuple(MetricValue(**value) for value in last.manifest["metrics"])
        return StoredReading(metrics, last.manifest["marker"], *_unread(last))
    reader = LogReader(rules)
    async for chunk in chunks_of(store, keys):
        for _, lines in chunk.parts():
            read_lines(reader, lines)
            await asyncio.sleep(0)
    if last.capped:
        reader.drop_line()
        return _of_cut(rules, reader.result(), last)
    report = reader.result()
    return StoredReading(report.metrics, report.missing_marker, report.long_lines, report.malformed)


def missing_of(definitions: Iterable[MetricDefinition], metrics: Iterable[MetricValue]) -> tuple[str, ...]:
    """Names of the required metrics without a valid value."""
    found = {metric.name for metric in metrics if metric.value is not None and metric.count}
    return tuple(each.name for each in definitions if each.required and each.name not in found)


def _of_cut(rules: ReadingRules, report: ParseReport, last: Header) -> StoredReading:
    """`report` is on the part that was kept."""
    before = last.manifest.get("rules", {"metrics": (), "end_marker": ""})
    marker = report.missing_marker
    if marker and before["end_marker"] == marker:
        marker = last.manifest["marker"]
    metrics = tuple(_metrics_of_cut(rules, report.metrics, last, before["metrics"]))
    long_lines, malformed = _unread(last)
    return StoredReading(metrics, marker, max(long_lines, report.long_lines), max(malformed, report.malformed))


def _unread(last: Header) -> tuple[int, int]:
    return last.manifest.get("long_lines", 0), last.manifest.get("malformed", 0)


def _metrics_of_cut(
    rules: ReadingRules, metrics: Iterable[MetricValue], last: Header, before: Iterable[Mapping[str, Any]]
) -> Iterator[MetricValue]:
    values = last.manifest.get("metrics", ()) if before else ()
    whole = {_how(definition): value for definition, value in zip(before, values, strict=True)}
    for definition, metric in zip(rules.metrics, metrics, strict=True):
        seen = whole.get(_how(asdict(definition)))
        if seen is not None:
            yield replace(MetricValue(**seen), unit=definition.unit)
        elif definition.strategy == "first" and metric.value is not None:
            yield metric
        else:
            text = f"its log was cut at {last.offset + last.bytes} bytes before this was asked for"
            yield replace(metric, value=None, count=0, invalid=0, message=text)


def _how(fields: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """What of a definition decides the value; a unit or `required` does not, and older definitions know no token."""
    known = {"token": "", **fields}
    return tuple(sorted((name, value) for name, value in known.items() if name not in ("unit", "required")))
