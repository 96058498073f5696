"""What is to be known from one log, in one go: its metrics, whether it holds the end marker, and asks for a hold."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.base.ids import digest
from batchmatrix.model.evidence import HoldRequest
from batchmatrix.model.metric import METRIC_SOURCES, MetricDefinition, MetricValue, ReadingRules
from batchmatrix.parse import hold, jsonlines, prefix
from batchmatrix.parse.aggregate import Series
from batchmatrix.parse.keyvalue import KeyValue
from batchmatrix.parse.marker import EndMarker
from batchmatrix.parse.pattern import Pattern
from batchmatrix.parse.plain import plain
from batchmatrix.parse.token import LastLine

__all__ = ["MAX_LINE", "LogReader", "ParseReport", "parser_digest"]

MAX_LINE = 64 * 1024
"""Bytes of a line that is looked at; longer ones are skipped and counted."""

_RULES = 3
"""Goes up with every change in how lines are read, so that stored values are known to be of older rules."""


@dataclass(frozen=True, slots=True)
class ParseReport:
    """What one log gave."""

    metrics: tuple[MetricValue, ...]
    """In the order of the definitions."""
    missing: tuple[str, ...]
    """Required metrics without a valid value."""
    parser: str
    """Digest of the rules that it was read by."""
    missing_marker: str = ""
    """The end marker, where one is asked for and the log does not hold it."""
    hold: HoldRequest | None = None
    """What its `::hold` lines ask for; None where there are none."""
    long_lines: int = 0
    """Lines that were longer than MAX_LINE and therefore not looked at."""
    malformed: int = 0
    """Lines that began with `::metric` and could not be read."""


def parser_digest(rules: ReadingRules) -> str:
    """The same for the same rules, as long as this program understands them the same way."""
    return digest({"rules": _RULES, **asdict(rules)})


class LogReader:
    """Feed it lines, or blocks of a log at any cut, then ask for the result. No input makes it raise."""

    def __init__(self, rules: ReadingRules) -> None:
        """Raises InvalidSpec, with every problem, for metrics that cannot be used."""
        self._rules = rules
        self._marker = EndMarker(rules.end_marker)
        self._series: list[Series] = []
        self._by_source: dict[str, dict[str, list[Series]]] = {"prefix": {}, "json": {}, "keyvalue": {}}
        self._patterns: list[tuple[Pattern, Series]] = []
        self._last: dict[str, tuple[LastLine, list[tuple[str, Series]]]] = {}
        problems: list[Problem] = []
        for definition in rules.metrics:
            try:
                self._add(definition)
            except ValueError as error:
                problems.append(Problem(f"metrics[{definition.name}]", str(error)))
        if problems:
            raise InvalidSpec(problems)
        self._key_values = [(KeyValue(key), wanted) for key, wanted in self._by_source["keyvalue"].items()]
        self._long_lines = 0
        self._malformed = 0
        self._hold: HoldRequest | None = None
        self._open = b""
        self._skipping = False

    def _add(self, definition: MetricDefinition) -> None:
        series = Series(definition.strategy, warmup=definition.warmup)
        if definition.source not in METRIC_SOURCES:
            raise ValueError(f"source {definition.source!r} is not one of {', '.join(METRIC_SOURCES)}")
        if definition.source == "regex":
            try:
                self._patterns.append((Pattern(definition.pattern), series))
            except ValueError as error:
                raise ValueError(f"pattern {definition.pattern!r} is not an RE2 expression: {error}") from error
        elif definition.source == "token":
            if definition.token not in self._last:
                self._last[definition.token] = (LastLine(definition.token), [])
            self._last[definition.token][1].append((definition.key or definition.name, series))
        else:
            names = self._by_source[definition.source]
            names.setdefault(definition.key or definition.name, []).append(series)
        self._series.append(series)

    def write(self, block: bytes) -> None:
        """Take raw bytes of the log, cut anywhere. At most one line of MAX_LINE bytes is held back."""
        self._marker.write(block)
        if self._skipping:
            end = block.find(b"\n")
            if end < 0:
                return
            block = block[end + 1 :]
            self._skipping = False
        if self._open:
            block = self._open + block
        end = block.rfind(b"\n")
        self._open = block[end + 1 :]
        if end >= 0:
            self._lines(block[:end])
        if len(self._open) > MAX_LINE:
            self._long_lines += 1
            self._open = b""
            self._skipping = True

    def drop_line(self) -> None:
        """Forget a line that was begun: its end is lost, and half a number is a wrong number."""
        self._marker.break_off()
        self._open = b""
        self._skipping = False

    def _lines(self, body: bytes) -> None:
        """Take whole lines. Each form goes through all of them before the next: a metric is read from one only."""
        if len(body) > MAX_LINE:
            body = self._without_long_lines(body)
        body = plain(body)
        if hold.NEEDLE in body:
            for line in body.split(b"\n"):
                self._hold = hold.both(self._hold, hold.read(line))
        names = self._by_source["prefix"]
        if names and prefix.NEEDLE in body:
            self._read_prefix(body, names)
        names = self._by_source["json"]
        if names and jsonlines.NEEDLE in body:
            _read_json(body, names)
        for key_value, wanted in self._key_values:
            for value in key_value.read(body):
                _add(wanted, value)
        for pattern, series in self._patterns:
            if pattern.may_match(body):
                for line in body.split(b"\n"):
                    found = pattern.read(line.removesuffix(b"\r"))
                    if found is not None:
                        series.add(found[0])
        for last, _ in self._last.values():
            last.read(body)

    def _without_long_lines(self, body: bytes) -> bytes:
        kept, start = [], 0
        while len(body) - start > MAX_LINE:
            end = body.rfind(b"\n", start, start + MAX_LINE + 1)
            if end >= 0:
                kept.append(body[start:end])
            else:
                self._long_lines += 1
                end = body.find(b"\n", start)
                if end < 0:
                    return b"\n".join(kept)
            start = end + 1
        return b"\n".join([*kept, body[start:]])

    def _read_prefix(self, body: bytes, names: dict[str, list[Series]]) -> None:
        for line in body.split(b"\n"):
            try:
                pair = prefix.read(line) if prefix.NEEDLE in line else None
            except ValueError:
                self._malformed += 1
                continue
            if pair is not None and pair[0] in names:
                _add(names[pair[0]], pair[1])

    def result(self) -> ParseReport:
        """What was found; a last line without a newline counts too. Nothing may be fed afterwards."""
        if self._open:
            self._lines(self._open)
            self._open = b""
        for last, wanted in self._last.values():
            values = last.values()
            for key, series in wanted:
                if key in values:
                    series.add(values[key])
        metrics: list[MetricValue] = []
        missing: list[str] = []
        for definition, series in zip(self._rules.metrics, self._series, strict=True):
            value, message = series.result()
            metrics.append(
                MetricValue(
                    name=definition.name,
                    strategy=definition.strategy,
                    value=value,
                    count=series.count,
                    invalid=series.invalid,
                    unit=definition.unit,
                    message=message,
                )
            )
            if definition.required and (value is None or series.count == 0):
                missing.append(definition.name)
        return ParseReport(
            metrics=tuple(metrics),
            missing=tuple(missing),
            parser=parser_digest(self._rules),
            missing_marker="" if self._marker.found else self._rules.end_marker,
            hold=self._hold,
            long_lines=self._long_lines,
            malformed=self._malformed,
        )


def _add(wanted: list[Series], value: float | None) -> None:
    for series in wanted:
        series.add(value)


def _read_json(body: bytes, names: dict[str, list[Series]]) -> None:
    for line in body.split(b"\n"):
        item = jsonlines.read(line)
        if item is not None:
            for key, wanted in names.items():
                found = jsonlines.lookup(item, key)
                if found is not None:
                    _add(wanted, found[0])
