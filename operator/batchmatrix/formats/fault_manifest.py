"""The manifest of a fault suite: tab-separated, a row for each scenario that was run."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass

from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.base.text import one_line

__all__ = ["PROCESSES", "ManifestRow", "read_manifest"]

PROCESSES = ("sim", "streamer", "tester")
"""The programs of a scenario; each has a return code and a log."""


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One scenario. A column that the manifest lacks is an empty text."""

    order: int
    scenario: str
    name: str
    duration_ms: int
    """0 where it is no whole number."""
    codes: dict[str, int]
    """Return code by process; -1 where it is no whole number."""
    unknown: tuple[str, ...]
    """Processes whose return code is no whole number: nobody knows how they ended."""
    logs: dict[str, str]
    """Path by process."""
    sdp: str


def read_manifest(lines: Iterable[str], *, source: str) -> list[ManifestRow]:
    """All rows by their order; rows of the same order stay as they stand in the file. Raises InvalidSpec."""
    problems: list[Problem] = []
    rows: list[ManifestRow] = []
    reader = csv.DictReader(lines, delimiter="\t")
    try:
        for raw in reader:
            row = {key: value if isinstance(value, str) else "" for key, value in raw.items()}
            order = _whole(row.get("order", ""))
            if order is None:
                shown = one_line(row.get("order", ""), limit=60)
                problems.append(
                    Problem(f"{source}:{reader.line_num}", f"order {shown!r} is no whole number; write one")
                )
                continue
            rows.append(_row(order, row))
    except csv.Error as error:
        raise InvalidSpec([Problem(f"{source}:{reader.line_num}", f"cannot be read: {error}; correct it")]) from None
    if problems:
        raise InvalidSpec(problems)
    return sorted(rows, key=lambda row: row.order)


def _row(order: int, row: dict[str, str]) -> ManifestRow:
    codes = {name: _whole(row.get(f"{name}_rc", "")) for name in PROCESSES}
    return ManifestRow(
        order=order,
        scenario=row.get("scenario_id", ""),
        name=row.get("name", ""),
        duration_ms=_whole(row.get("duration_ms", "")) or 0,
        codes={name: -1 if code is None else code for name, code in codes.items()},
        unknown=tuple(name for name, code in codes.items() if code is None),
        logs={name: row.get(f"{name}_log", "") for name in PROCESSES},
        sdp=row.get("sdp_path", ""),
    )


def _whole(text: str) -> int | None:
    """As Python reads it: blanks around it, a sign and `1_000` are fine."""
    try:
        return int(text)
    except ValueError:
        return None
