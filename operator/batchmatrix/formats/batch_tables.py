"""The tables of a set of batches: figures per scenario and per batch, outliers, unexpected exits, slow tests.

All figures are those of pandas: sample standard deviation, quartiles by linear interpolation, groups in the order of
their keys. Slow to import, as pandas is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import pandas as pd

from batchmatrix.base.text import escaped, for_csv
from batchmatrix.formats.batch_results import COLUMNS, BatchRow

__all__ = ["BatchTables", "batch_tables", "csv_text", "frame_of"]

_TIME = "execution_time_seconds"
_SHORT = ["batch_number", "test_id", "scenario_key", _TIME, "exit_code"]
_FENCE = 1.5
"""Interquartile ranges beyond the quartiles from which on a time is an outlier."""


@dataclass(frozen=True, slots=True)
class BatchTables:
    """Each with its columns even if it is empty."""

    scenario_stats: pd.DataFrame
    exit_counts: pd.DataFrame
    batch_summary: pd.DataFrame
    outliers: pd.DataFrame
    """By scenario, and in it in the order of the files."""
    unexpected_exits: pd.DataFrame
    """In the order of the files, with all columns."""
    breaches: pd.DataFrame
    """Tests that took longer than the pinned duration, in the order of the files."""


def frame_of(rows: Sequence[BatchRow]) -> pd.DataFrame:
    """The rows as a frame, in their order; columns that only some files have are empty texts for the others."""
    frame = pd.DataFrame(
        {
            "batch_number": pd.Series([row.batch for row in rows], dtype="int64"),
            "test_id": pd.Series([row.test for row in rows], dtype="int64"),
            "scenario_key": pd.Series([row.scenario for row in rows], dtype="object"),
            "exit_code": pd.Series([row.exit_code for row in rows], dtype="int64"),
            _TIME: pd.Series([row.seconds for row in rows], dtype="float64"),
            "unexpected_exit_code": pd.Series([row.unexpected for row in rows], dtype="int64"),
            "stdout_stderr": pd.Series([row.log for row in rows], dtype="object"),
        },
        columns=list(COLUMNS),
    )
    for name in dict.fromkeys(name for row in rows for name in row.extra):
        frame[name] = pd.Series([row.extra.get(name, "") for row in rows], dtype="object")
    return frame


def batch_tables(frame: pd.DataFrame, *, allowed: Mapping[str, AbstractSet[int]], pinned: float) -> BatchTables:
    """All tables. A scenario that `allowed` does not name has no allowed exit code; `pinned` is in seconds."""
    unexpected = [
        code not in allowed.get(scenario, ())
        for scenario, code in zip(frame["scenario_key"], frame["exit_code"], strict=True)
    ]
    marked = frame.assign(unexpected_exit=pd.Series(unexpected, index=frame.index, dtype="bool"))
    times = frame.groupby("scenario_key")[_TIME]
    return BatchTables(
        scenario_stats=times.agg(["count", "mean", "min", "max", "std"]).reset_index(),
        exit_counts=frame.groupby(["scenario_key", "exit_code"]).size().reset_index(name="count"),
        batch_summary=frame.groupby(["batch_number", "scenario_key"])
        .agg(
            tests=("test_id", "count"),
            mean_time_s=(_TIME, "mean"),
            min_time_s=(_TIME, "min"),
            max_time_s=(_TIME, "max"),
            std_time_s=(_TIME, "std"),
            unexpected_exit_count=("unexpected_exit_code", "sum"),
        )
        .reset_index(),
        outliers=_outliers(frame),
        unexpected_exits=marked[marked["unexpected_exit"]],
        breaches=frame.loc[frame[_TIME] > pinned, _SHORT],
    )


def _outliers(frame: pd.DataFrame) -> pd.DataFrame:
    found = [frame.loc[[], _SHORT]]
    for _, group in frame.groupby("scenario_key"):
        low, high = group[_TIME].quantile(0.25), group[_TIME].quantile(0.75)
        reach = _FENCE * (high - low)
        beyond = (group[_TIME] < low - reach) | (group[_TIME] > high + reach)
        found.append(group.loc[beyond, _SHORT])
    return pd.concat(found)


def csv_text(table: pd.DataFrame) -> str:
    """A table as CSV: LF, numbers with all their digits, texts that neither a spreadsheet nor a terminal obeys."""
    safe = table.copy()
    for name in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[name]):
            safe[name] = [for_csv(escaped(text)) for text in safe[name]]
    text: str = safe.rename(columns=lambda name: for_csv(escaped(name))).to_csv(index=False, lineterminator="\n")
    return text
