"""Result files of batches of tests: CSV, a row for each test that ran, read strictly."""

from __future__ import annotations

import contextlib
import csv
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.base.text import counted, one_line

__all__ = [
    "COLUMNS",
    "EMPTY",
    "SAMPLE",
    "BatchRow",
    "RawRow",
    "check_rows",
    "read_rows",
]

COLUMNS = (
    "batch_number",
    "test_id",
    "scenario_key",
    "exit_code",
    "execution_time_seconds",
    "unexpected_exit_code",
    "stdout_stderr",
)
"""Columns that a file must have, in any order; others are carried along."""

EMPTY = frozenset({"", "#N/A", "#N/A N/A", "#NA", "<NA>", "N/A", "NA", "n/a", "NULL", "null", "None"}) | {
    *("NaN", "-NaN", "nan", "-nan", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN")
}
"""Texts that count as no value at all, in every column: those of pandas."""

SAMPLE = 10
"""Bad rows that a message shows."""

_WHOLE = re.compile(r"[+-]?[0-9]+(\.0*)?")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_FLAGS = {"True": 1, "TRUE": 1, "true": 1, "False": 0, "FALSE": 0, "false": 0}
"""How runners write that a test had an unexpected exit code, where they do not count: those of pandas."""

_LIMIT = 2**63
_LONGEST_TIME = 1e15
"""Seconds; figures and plots of longer times would be no numbers."""
_HIGHEST_COUNT = 10**9
"""Unexpected exit codes of one test, so that no sum of them is beyond what a table can hold."""
_LONGEST = 1 << 30
"""Characters of one field: a log is a field."""
_DIGITS = 20
_SHOWN = 60
"""Characters of one value in a message."""

_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as it stands in its file."""

    place: str
    """`file:line`, of the last line that it takes."""
    texts: tuple[str, ...]
    """In the order of COLUMNS."""
    extra: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One test that ran."""

    batch: int
    test: int
    scenario: str
    exit_code: int
    seconds: float
    unexpected: int
    """Unexpected exit codes as the file itself counts them."""
    log: str
    """Standard output and error, with real line ends where the file has them written out."""
    extra: Mapping[str, str]
    """Columns that are not of COLUMNS."""
    place: str = ""
    """As of the RawRow."""


def read_rows(lines: Iterable[str], *, source: str) -> Iterator[RawRow]:
    """The rows of one file. Raises InvalidSpec for one that lacks columns or has rows of another length."""
    with _long_fields():
        reader = csv.reader(lines, strict=True)
        try:
            yield from _rows(reader, source)
        except csv.Error as error:
            text = f"cannot be read: {error}; correct its quotes and line ends"
            raise InvalidSpec([Problem(f"{source}:{reader.line_num}", text)]) from None


def _rows(reader: Any, source: str) -> Iterator[RawRow]:
    header: list[str] = next(reader, [])
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise InvalidSpec([Problem(source, f"has no column {', '.join(missing)}; add what is missing")])
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        names = one_line(", ".join(twice), limit=200)
        raise InvalidSpec([Problem(source, f"has more than one column {names}; keep one of each name")])
    places = [header.index(name) for name in COLUMNS]
    others = [(name, at) for at, name in enumerate(header) if name not in COLUMNS]
    for fields in reader:
        if len(fields) < 2 and not "".join(fields).strip():
            continue  # an empty line
        if len(fields) != len(header):
            text = f"has {counted(len(fields), 'field')} and the header {len(header)}; write each row whole"
            raise InvalidSpec([Problem(f"{source}:{reader.line_num}", text)])
        yield RawRow(
            f"{source}:{reader.line_num}",
            tuple(fields[at] for at in places),
            {name: fields[at] for name, at in others} if others else _NOTHING,
        )


@contextlib.contextmanager
def _long_fields() -> Iterator[None]:
    before = csv.field_size_limit(_LONGEST)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def check_rows(rows: Iterable[RawRow]) -> list[BatchRow]:
    """The rows with their values. Raises InvalidSpec with a line for each kind of mistake and a sample of its rows."""
    found: list[BatchRow] = []
    bad = {kind: _Bad() for kind in _KINDS}
    for row in rows:
        made = _checked(row, bad)
        if made is not None:
            found.append(made)
    problems = [
        Problem("", _KINDS[kind].format(count=counted(each.count, "row"), sample=each.sample()))
        for kind, each in bad.items()
        if each.count
    ]
    if problems:
        raise InvalidSpec(problems)
    return found


_KINDS = {
    "empty": "{count} without a value in a required column: {sample}; fill it in, or take the row out",
    "number": "{count} with a text where a number belongs: {sample}; write plain numbers",
    "time": "{count} with an execution_time_seconds that is not positive: {sample}; correct it",
    "long": "{count} with an execution_time_seconds above 1e15: {sample}; correct it",
    "count": "{count} with a negative unexpected_exit_code: {sample}; correct it",
    "high": "{count} with an unexpected_exit_code above 1000000000: {sample}; correct it",
}


@dataclass(slots=True)
class _Bad:
    """Rows with one kind of mistake."""

    count: int = 0
    shown: list[str] = field(default_factory=list)

    def add(self, row: RawRow, what: str) -> None:
        self.count += 1
        if len(self.shown) < SAMPLE:
            batch, test, scenario = (one_line(text, limit=_SHOWN) or "-" for text in row.texts[:3])
            self.shown.append(f"{row.place} (batch {batch}, test {test}, {scenario}: {what})")

    def sample(self) -> str:
        more = self.count - len(self.shown)
        return ", ".join(self.shown) + (f" and {more} more" if more else "")


def _checked(row: RawRow, bad: Mapping[str, _Bad]) -> BatchRow | None:
    empty = [name for name, text in zip(COLUMNS, row.texts, strict=True) if text in EMPTY]
    if empty:
        bad["empty"].add(row, f"{', '.join(empty)} empty")
        return None
    batch_text, test_text, scenario, code_text, seconds_text, unexpected_text, log = row.texts
    batch, test, code = map(_whole, (batch_text, test_text, code_text))
    unexpected = _FLAGS.get(unexpected_text, _whole(unexpected_text))
    seconds = _number(seconds_text)
    if batch is None or test is None or code is None or unexpected is None or seconds is None:
        values = (batch, test, scenario, code, seconds, unexpected, log)
        wrong = [
            f"{name} {one_line(text, limit=_SHOWN)!r}"
            for name, text, value in zip(COLUMNS, row.texts, values, strict=True)
            if value is None
        ]
        bad["number"].add(row, ", ".join(wrong))
        return None
    if not 0 < seconds <= _LONGEST_TIME:
        bad["time" if seconds <= 0 else "long"].add(row, one_line(seconds_text, limit=_SHOWN))
    if not 0 <= unexpected <= _HIGHEST_COUNT:
        bad["count" if unexpected < 0 else "high"].add(row, one_line(unexpected_text, limit=_SHOWN))
    return BatchRow(batch, test, scenario, code, seconds, unexpected, log.replace("\\n", "\n"), row.extra, row.place)


def _whole(text: str) -> int | None:
    body = text.strip()
    if not _WHOLE.fullmatch(body):
        return None
    whole = body.partition(".")[0]
    value = int(whole) if len(whole) <= _DIGITS else _LIMIT
    return value if -_LIMIT <= value < _LIMIT else None


def _number(text: str) -> float | None:
    body = text.strip()
    value = float(body) if _NUMBER.fullmatch(body) else math.nan
    return value if math.isfinite(value) else None
