"""`batchmatrix import fault-manifest`: a fault suite becomes a run of ours, beside the summary that the suite makes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click

from batchmatrix.adapters.files import open_lines, read_text, shown_name
from batchmatrix.adapters.telemetry.clock import SystemClock
from batchmatrix.base.ids import slug
from batchmatrix.base.pairs import last_with
from batchmatrix.base.text import counted, one_line
from batchmatrix.cli.imported import ImportedCell, ImportedTrial, cell_names, keep_log, summary_of, write_reports
from batchmatrix.cli.output import say
from batchmatrix.cli.run_folder import RunFolder
from batchmatrix.formats.fault_checks import MODES, THRESHOLDS, Thresholds, checks_of, read_thresholds
from batchmatrix.formats.fault_manifest import PROCESSES, ManifestRow, read_manifest
from batchmatrix.formats.fault_summary import LINES, SuiteRun, fault_summary
from batchmatrix.model.evidence import Captured, LogState
from batchmatrix.model.judging import CheckRule, JudgingRules, MetricRule
from batchmatrix.model.metric import NO_RULES, MetricDefinition, ReadingRules
from batchmatrix.model.summary import Summary
from batchmatrix.outcome.cases import Case
from batchmatrix.publish.keys import log_prefix

__all__ = ["fault_manifest"]

_LOG = "streamer"
"""The process whose log has the metrics."""
_NAMED = 10
"""Missing logs that are named one by one."""
_PIECE = 256 << 10
_LONGEST = 10**18
"""Milliseconds from which on a duration is none: what is no time has no seconds."""
_CHECKED = {one.metric: one for scenario in THRESHOLDS[MODES[0]] for one in checks_of(scenario, {})}
"""Every metric that some scenario is checked by."""


@click.command("fault-manifest")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--mode", type=click.Choice(MODES), required=True, help="Which thresholds hold.")
@click.option(
    "--checks",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="JSON file with thresholds by mode and scenario, in place of the built-in ones.",
)
@click.option("--run-id", metavar="TEXT", help="What the run is called; by default its folder's name.")
@click.option("--run-dir", metavar="TEXT", help="Folder of the run as the summary names it; by default FILE's.")
@click.option("--started-at", metavar="TIME", default="", help="When the run began; by default not known.")
@click.option("--finished-at", metavar="TIME", default="", help="When it ended; by default not known.")
@click.option("--output", type=click.Path(path_type=Path), metavar="DIR", required=True, help="A new or empty folder.")
def fault_manifest(
    file: Path,
    mode: str,
    checks: Path | None,
    run_id: str | None,
    run_dir: str | None,
    started_at: str,
    finished_at: str,
    output: Path,
) -> None:
    """Make a run of the manifest of a fault suite and its logs.

    FILE has tab-separated columns; paths of logs in it are taken from the current folder on.
    """
    folder = RunFolder(output)
    folder.check()
    source = shown_name(file)
    thresholds = THRESHOLDS[mode]
    if checks is not None:
        thresholds = read_thresholds(read_text(checks), mode, source=shown_name(checks))
    with open_lines(file) as lines:
        rows = read_manifest(lines, source=source)
    suite = SuiteRun(
        mode=mode,
        run_id=run_id if run_id is not None else file.resolve().parent.name,
        run_dir=run_dir if run_dir is not None else str(file.parent),
        started_at=started_at,
        finished_at=finished_at,
    )
    last = [_last_lines(row.logs[_LOG]) for row in rows]
    own = fault_summary(suite, rows, last, thresholds, source=source)
    with folder:
        folder.write("fault-summary.json", own.encode())
        summary = asyncio.run(_run(folder, rows, thresholds, suite))
        summary = asyncio.run(write_reports(folder, summary, _rules(rows, thresholds, mode)))
    _warn(summary)
    say(f"{counted(len(rows), 'scenario')} in mode {mode}")
    say(one_line(f"{summary.verdict}: {summary.reason}", limit=2048))
    say(one_line(f"wrote {output}", limit=4096), err=True)


def _last_lines(path: str) -> dict[str, str]:
    """The last line with each token, by group; all empty where the log cannot be read.

    Lines end wherever Python's splitlines ends one. One line is held at a time.
    """
    found = dict.fromkeys(LINES, "")
    try:
        with Path(path).open(encoding="utf-8", errors="replace") as stream:
            for line in stream:
                for group, token in LINES.items():
                    if token in line:
                        found[group] = last_with(line, token)
    except (OSError, ValueError):
        return dict.fromkeys(LINES, "")
    return found


def _pieces(path: str) -> Iterator[bytes]:
    with Path(path).open("rb") as stream:
        while piece := stream.read(_PIECE):
            yield piece


async def _run(folder: RunFolder, rows: Sequence[ManifestRow], thresholds: Thresholds, suite: SuiteRun) -> Summary:
    names = cell_names([*(row.scenario for row in rows), *thresholds])
    count: Counter[str] = Counter()
    trials = []
    for row in rows:
        cell = names[row.scenario]
        logs = await _keep_logs(folder, row, cell, count[cell])
        count[cell] += 1
        missing = [log.message for log in logs.values() if log.state is LogState.LOST]
        case, message, code = _ended(row, missing)
        trials.append(
            ImportedTrial(
                cell=cell,
                case=case,
                message="; ".join([message, *missing] if message else missing),
                exit_code=code,
                seconds=row.duration_ms / 1000 if 0 < row.duration_ms < _LONGEST else None,
                job=one_line(row.name),
                log=logs[_LOG],
                more_logs=tuple(log for process, log in logs.items() if process != _LOG),
            )
        )
    cells = [
        # a scenario that has thresholds and was not run is a trial without a result, not nothing
        ImportedCell(name=name, values={"scenario": key, "mode": suite.mode}, trials=max(1, count[name]))
        for key, name in names.items()
    ]
    return summary_of(
        slug(suite.run_id) or "fault-suite",
        cells,
        trials,
        units={name: "us" if name.endswith("_us") else "" for name in _CHECKED},
        started=suite.started_at,
        finished=suite.finished_at,
    )


async def _keep_logs(folder: RunFolder, row: ManifestRow, cell: str, trial: int) -> Mapping[str, Captured]:
    clock = SystemClock()
    metrics = tuple(
        MetricDefinition(name=name, source="token", token=LINES[one.line], unit="us" if name.endswith("_us") else "")
        for name, one in _CHECKED.items()
    )
    logs: dict[str, Captured] = {}
    for process in PROCESSES:
        rules = ReadingRules(metrics) if process == _LOG else NO_RULES
        prefix = log_prefix(cell, trial, process)
        try:
            logs[process] = await keep_log(folder, clock, prefix, _pieces(row.logs[process]), rules)
        except (OSError, ValueError) as error:
            why = (error.strerror if isinstance(error, OSError) else None) or str(error)
            shown = f"{one_line(row.logs[process], limit=200)} cannot be read: {why}"
            said = f"the log of {process} is missing: {shown if row.logs[process] else 'the manifest names none'}"
            logs[process] = Captured(LogState.LOST, message=said)
    return logs


def _ended(row: ManifestRow, missing: Sequence[str]) -> tuple[Case, str, int | None]:
    """How a scenario ended: by the return codes that are known first, then by what is missing.

    Without the log of one of its programs nothing proves that it ended well, as in a matrix.
    """
    codes = {name: code for name, code in row.codes.items() if name not in row.unknown}
    bad = {name: code for name, code in codes.items() if code}
    if bad:
        ends = ", ".join(f"{name} ended with {code}" for name, code in bad.items())
        return Case.EXIT, ends, next(iter(bad.values()))
    if row.unknown:
        return Case.VANISHED, f"the manifest has no return code of {', '.join(row.unknown)}", None
    return (Case.LOG_LOST if missing else Case.SUCCEEDED), "", 0


def _warn(summary: Summary) -> None:
    """Logs that could not be kept."""
    lines = [
        f"{one_line(each.cell, limit=63)}, trial {each.trial}: {log.message}"
        for each in summary.trials
        if each.record is not None
        for log in (each.record.log, *each.record.more_logs)
        if log.state is LogState.LOST
    ]
    for line in lines[:_NAMED]:
        say(one_line(f"warning: {line}"), err=True)
    if len(lines) > _NAMED:
        text = f"{counted(len(lines) - _NAMED, 'more log')} cannot be read; trials.csv names each"
        say(f"warning: {text}", err=True)


def _rules(rows: Sequence[ManifestRow], thresholds: Thresholds, mode: str) -> JudgingRules:
    """The same checks as rules of ours."""
    checks = []
    for scenario in dict.fromkeys([*(row.scenario for row in rows), *thresholds]):
        for one in checks_of(scenario, thresholds):
            limits = {one.kind: float(one.limit)}
            when = {"scenario": frozenset({scenario}), "mode": frozenset({mode})}
            checks.append(CheckRule(one.metric, min=limits.get("min"), max=limits.get("max"), when=when))
    return JudgingRules(
        metrics=tuple(MetricRule(name, unit="us" if name.endswith("_us") else "") for name in _CHECKED),
        labels={"mode": mode},
        checks=tuple(checks),
        order="cells",
    )
