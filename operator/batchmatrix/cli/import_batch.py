"""`batchmatrix import batch-results`: result files of batches of tests become a run of ours, with their own tables."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, replace
from pathlib import Path

import click

from batchmatrix.adapters.files import open_lines, read_text, shown_name
from batchmatrix.adapters.telemetry.clock import SystemClock
from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.base.text import counted, one_line
from batchmatrix.cli.imported import ImportedCell, ImportedTrial, cell_names, keep_log, summary_of, write_reports
from batchmatrix.cli.output import say
from batchmatrix.cli.run_folder import RunFolder
from batchmatrix.formats.batch_repeats import repeats
from batchmatrix.formats.batch_results import BatchRow, RawRow, check_rows, read_rows
from batchmatrix.formats.exit_codes import ALLOWED_EXIT_CODES, read_allowed_exit_codes
from batchmatrix.model.judging import CheckRule, JudgingRules, MetricRule
from batchmatrix.model.metric import MetricValue
from batchmatrix.model.summary import Summary
from batchmatrix.outcome.cases import Case
from batchmatrix.publish.keys import log_prefix

__all__ = ["batch_results"]

METRIC = "execution_time_seconds"
_LONGEST = 10.0
"""Seconds that the pinned duration may have."""
_NAMED = 5


@click.command("batch-results")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILES...")
@click.option(
    "--allowed-exit-codes",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="JSON file with the exit codes that each scenario may end with.",
)
@click.option(
    "--pinned-duration",
    type=float,
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="Tests that take longer are listed; 0 to 10.",
)
@click.option("--output", type=click.Path(path_type=Path), metavar="DIR", required=True, help="A new or empty folder.")
def batch_results(
    files: tuple[Path, ...], allowed_exit_codes: Path | None, pinned_duration: float, output: Path
) -> None:
    """Make a run of the result files of batches of tests.

    FILES are CSV, one row for each test that ran, such as batch_1_results.csv.
    """
    folder = RunFolder(output)
    folder.check()
    _check_duration(pinned_duration)
    allowed: Mapping[str, AbstractSet[int]] = ALLOWED_EXIT_CODES
    if allowed_exit_codes is not None:
        name = shown_name(allowed_exit_codes)
        allowed = read_allowed_exit_codes(read_text(allowed_exit_codes), source=name)
    rows = check_rows(_raw_rows(files))
    with folder:
        unexpected, outliers, breaches = _write_tables(folder, rows, allowed, pinned_duration)
        _write_plots(folder, rows)
        summary = asyncio.run(_run(folder, rows, allowed))
        rules = JudgingRules(
            metrics=(MetricRule(METRIC, unit="s", direction="lower"),),
            checks=(CheckRule(METRIC, max=pinned_duration, severity="warn"),),
            order="cells",
        )
        named = replace(summary, name=folder.path.resolve().name)
        summary = asyncio.run(write_reports(folder, named, rules))
    _warn(rows, allowed)
    say(f"{counted(len(rows), 'test')} of {counted(len(summary.cells), 'scenario')} from {counted(len(files), 'file')}")
    say(f"unexpected exit codes: {unexpected}, outliers in time: {outliers}")
    say(f"tests that took longer than {pinned_duration:g} s: {breaches}")
    say(one_line(f"{summary.verdict}: {summary.reason}"))
    say(one_line(f"wrote {output}", limit=4096), err=True)


def _check_duration(seconds: float) -> None:
    if math.isnan(seconds) or not 0 <= seconds <= _LONGEST:
        text = f"{seconds:g} is not between 0 and {_LONGEST:g}; write seconds in that range"
        raise InvalidSpec([Problem("--pinned-duration", text)])


def _raw_rows(files: Sequence[Path]) -> Iterator[RawRow]:
    """Rows of all files, the files by their names. Raises InvalidSpec where one cannot be read or is given twice."""
    seen = Counter(path.resolve() for path in files)
    problems = [Problem(shown_name(path), "is given twice; name it once") for path, count in seen.items() if count > 1]
    if problems:
        raise InvalidSpec(problems)
    for path in sorted(files, key=lambda path: (path.name, path)):
        name = shown_name(path)
        with open_lines(path) as lines:
            yield from read_rows(lines, source=name)


def _write_tables(
    folder: RunFolder, rows: Sequence[BatchRow], allowed: Mapping[str, AbstractSet[int]], pinned: float
) -> tuple[int, int, int]:
    from batchmatrix.formats.batch_tables import batch_tables, csv_text, frame_of

    tables = batch_tables(frame_of(rows), allowed=allowed, pinned=pinned)
    for field in fields(tables):
        folder.write(f"{field.name}.csv", csv_text(getattr(tables, field.name)).encode())
    return len(tables.unexpected_exits), len(tables.outliers), len(tables.breaches)


def _write_plots(folder: RunFolder, rows: Sequence[BatchRow]) -> None:
    try:
        from batchmatrix.formats.batch_plots import HISTOGRAMS, batch_plots
    except ImportError as error:
        say(one_line(f"warning: no plots, as matplotlib cannot be loaded: {error}; install it"), err=True)
        return
    for name, data in batch_plots(rows):
        folder.write(f"plots/{name}", data)
    more = len({row.scenario for row in rows}) - HISTOGRAMS
    if more > 0:
        say(f"warning: {counted(more, 'scenario')} more have no histogram; import fewer files at a time", err=True)


async def _run(folder: RunFolder, rows: Sequence[BatchRow], allowed: Mapping[str, AbstractSet[int]]) -> Summary:
    names = cell_names(row.scenario for row in rows)
    count: Counter[str] = Counter()
    clock = SystemClock()
    trials = []
    for row in rows:
        cell, job = names[row.scenario], f"batch-{row.batch}-test-{row.test}"
        prefix = log_prefix(cell, count[cell], job)
        count[cell] += 1
        log = await keep_log(folder, clock, prefix, [row.log.encode()])
        codes = allowed.get(row.scenario, frozenset())
        good = row.exit_code in codes
        trials.append(
            ImportedTrial(
                cell=cell,
                case=Case.SUCCEEDED if good else Case.EXIT,
                message="" if good else f"exit code {row.exit_code} is not allowed: {_codes(codes)}",
                exit_code=row.exit_code,
                seconds=row.seconds,
                job=job,
                log=replace(log, metrics=(MetricValue(METRIC, "latest", row.seconds, 1, unit="s"),)),
            )
        )
    cells = [
        ImportedCell(
            name=name,
            values={"scenario": key},
            allowed_exit_codes=tuple(sorted(allowed.get(key, ()))),
            trials=count[name],
        )
        for key, name in sorted(names.items())
    ]
    return summary_of("batch-results", cells, trials, units={METRIC: "s"})


def _codes(codes: AbstractSet[int]) -> str:
    return f"expected is {' or '.join(map(str, sorted(codes)))}" if codes else "none is for this scenario"


def _warn(rows: Sequence[BatchRow], allowed: Mapping[str, AbstractSet[int]]) -> None:
    """Tests that are counted more than once, and scenarios whose tests all count as unexpected."""
    again = repeats(rows)
    if again is not None:
        of = f"batch {again.first.batch}, test {again.first.test}"
        places = f"{of} in {again.first.place}, after {again.before.place}"
        said = f"{counted(again.count, 'row')} of a test that was there before, each counted anew, the first {places}"
        say(one_line(f"warning: {said}; leave out what was given twice", limit=4096), err=True)
    without = sorted({row.scenario for row in rows if not allowed.get(row.scenario)})
    if without:
        named = ", ".join(one_line(name, limit=60) for name in without[:_NAMED])
        more = f" and {len(without) - _NAMED} more" if len(without) > _NAMED else ""
        text = f"no exit code is allowed for {named}{more}; name them in a file for --allowed-exit-codes"
        say(f"warning: {text}", err=True)
