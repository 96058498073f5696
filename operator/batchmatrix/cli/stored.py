"""`batchmatrix report`, `gate`, `compare`, `export`: results that are there, shown and judged anew; nothing runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from batchmatrix.adapters.files import shown_name
from batchmatrix.base.errors import NotFound
from batchmatrix.base.text import counted, one_line
from batchmatrix.cli.copying import CopiedLogs, copy_files, copy_logs
from batchmatrix.cli.exits import Exit
from batchmatrix.cli.other_rules import rules_of_file
from batchmatrix.cli.output import output_option, say, screen_width, table, write_data
from batchmatrix.cli.run_folder import RunFolder
from batchmatrix.cli.runs import RunPlace, StoredRun, find_run, stored_run
from batchmatrix.cli.streams import tell
from batchmatrix.engine.excerpts import excerpts_of
from batchmatrix.model.exits import recommended_exit
from batchmatrix.model.judging import Finding, JudgingRules
from batchmatrix.model.summary import Summary

__all__ = ["compare", "export", "gate", "report"]

T = TypeVar("T")
_Command = TypeVar("_Command", bound=Callable[..., Any])
_PATH = click.Path(path_type=Path)
_WARNED = 10
"""Warnings that `gate` prints."""


def _of_cluster(command: _Command) -> _Command:
    options = (
        click.option("-n", "--namespace", metavar="NAME", help="Namespace of a matrix; else the context's."),
        click.option("--context", metavar="NAME", help="Context of the kubeconfig."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _read(run: str, namespace: str | None, context: str | None) -> StoredRun:
    return _with(run, namespace, context, stored_run)


def _with(run: str, namespace: str | None, context: str | None, work: Callable[[RunPlace], Awaitable[T]]) -> T:
    async def read() -> T:
        place = await find_run(run, namespace=namespace, context=context)
        try:
            return await work(place)
        finally:
            await place.store.close()

    return asyncio.run(read())


def _rules(found: StoredRun, spec: Path | None) -> JudgingRules:
    return found.rules if spec is None else rules_of_file(spec, found.summary, found.rules)


def _without(rules: JudgingRules, spec: Path | None) -> str:
    """What is to be said where nothing is there to be judged by; empty where there is something."""
    if rules.checks or rules.gates:
        return ""
    return f"{shown_name(spec) if spec else 'the run'} has no checks and no gates: expectations alone decide"


@click.command()
@click.argument("run")
@_of_cluster
@click.option("--spec", type=_PATH, metavar="FILE", help="Judge by the rules of this matrix file, not by its own.")
@click.option("--output", type=_PATH, metavar="DIR", help="Write every file of the report into this new folder.")
@click.option("--no-pages", is_flag=True, help="Leave out report.html and the plots.")
def report(
    run: str, *, namespace: str | None, context: str | None, spec: Path | None, output: Path | None, no_pages: bool
) -> None:
    """Show the report of a run, made anew from its results.

    RUN is a folder with results, an s3:// URL, or a matrix in the cluster (NAME or NAMESPACE/NAME). Nothing runs.
    """
    if no_pages and output is None:
        raise click.UsageError("--no-pages is for --output; leave it out, or say --output DIR")
    folder = RunFolder(output) if output is not None else None
    if folder is not None:
        folder.check()
    pages = folder is not None and not no_pages

    async def read(place: RunPlace) -> tuple[StoredRun, dict[tuple[str, int], str]]:
        found = await stored_run(place)
        return found, await excerpts_of(place.store, found.summary, key_of=place.log_key) if pages else {}

    found, excerpts = _with(run, namespace, context, read)
    from batchmatrix.engine.analysis import analyse  # what it takes is slow to load, and an error comes first

    location = found.location if folder is None else folder.url
    rules = _rules(found, spec)
    judged = analyse(found.summary, rules, location=location, excerpts=excerpts, pages=pages)
    if spec is not None and (none := _without(rules, spec)):
        say(one_line(f"warning: {none}", limit=4096), err=True)
    if folder is None:
        say(judged.files["matrix.md"].decode().rstrip("\n"))
        return
    with folder:
        for name, data in judged.files.items():
            folder.write(name, data)
    best = "report.html" if pages else "matrix.md"
    say(f"{counted(len(judged.files), 'file')} written; look at {folder.path / best}")


@click.command()
@click.argument("run")
@_of_cluster
@click.option("--spec", type=_PATH, metavar="FILE", help="Judge by the rules of this matrix file, not by its own.")
@output_option("table", "json", "yaml")
def gate(run: str, *, namespace: str | None, context: str | None, spec: Path | None, output: str) -> int:
    """Judge results by their own limits or by others.

    Expectations, checks and gates decide. RUN is as for `report`. Nothing runs. Exit 0: pass, 3: a check or a gate
    failed, 4: it cannot be decided, 5: cells are not as expected.
    """
    found = _read(run, namespace, context)
    from batchmatrix.summarise.judging.judge import judge

    rules = _rules(found, spec)
    judged = judge(found.summary, rules)
    status = recommended_exit(judged.verdict, judged)
    warnings = [one_line(each, limit=4096) for each in _warnings(judged, _without(rules, spec))]
    if output != "table":
        write_data(_gate_data(judged, status, warnings), output)
        return status
    findings = judged.judgement.findings if judged.judgement is not None else ()
    if findings:
        say(table(("STATUS", "SEVERITY", "WHAT", "FOUND"), [_row(each) for each in _worst_first(findings)]))
        say("")
    for warning in warnings[:_WARNED]:
        say(f"warning: {warning}", style="yellow")
    if len(warnings) > _WARNED:
        say(f"and {counted(len(warnings) - _WARNED, 'more warning')}: -o json has them all")
    word = judged.verdict or "not finished"
    colour = {"pass": "green", "fail": "red"}.get(word, "yellow")
    say(f"{word}: {judged.reason}", style=colour)
    return status


def _warnings(judged: Summary, first: str) -> list[str]:
    return [*([first] if first else []), *(judged.judgement.warnings if judged.judgement is not None else ())]


def _worst_first(findings: tuple[Finding, ...]) -> list[Finding]:
    order = ("fail", "inconclusive", "pass")
    return sorted(findings, key=lambda each: (order.index(each.status), each.severity != "fail"))


def _row(finding: Finding) -> tuple[str, str, str, str]:
    return finding.status, finding.severity, f"{finding.kind} {finding.name}", finding.text


def _gate_data(judged: Summary, status: int, warnings: list[str]) -> dict[str, Any]:
    from batchmatrix.publish.plain import plain

    findings = judged.judgement.findings if judged.judgement is not None else ()
    return {
        "name": judged.name,
        "generation": judged.generation,
        "verdict": judged.verdict,
        "reason": judged.reason,
        "exitCode": status,
        "warnings": warnings,
        "findings": [plain(each) for each in findings],
    }


@click.command()
@click.argument("before")
@click.argument("after")
@_of_cluster
@click.option("--spec", type=_PATH, metavar="FILE", help="Compare by the rules of this matrix file, not AFTER's own.")
@output_option("table", "json", "yaml")
def compare(
    before: str, after: str, *, namespace: str | None, context: str | None, spec: Path | None, output: str
) -> None:
    """Compare two runs, cell by cell.

    BEFORE and AFTER are as RUN for `report`; each cell of AFTER is held against the one of BEFORE with the same values.
    Nothing runs.
    """
    old, new = _read(before, namespace, context), _read(after, namespace, context)
    from batchmatrix.cli.two_runs import two_runs

    found = two_runs(old.summary, new.summary, _rules(new, spec))
    if output != "table":
        write_data(found.data(), output)
        return
    if found.rows:
        say(table(("CELL", "WHAT", "RESULT"), found.rows, width=max(100, screen_width())))
        say("")
    for line in found.notes:
        say(line)


@click.command()
@click.argument("run")
@_of_cluster
@click.option("--output", type=_PATH, metavar="DIR", required=True, help="A new folder.")
@click.option("--logs", is_flag=True, help="Logs too, each as the plain text that its container wrote.")
def export(run: str, *, namespace: str | None, context: str | None, output: Path, logs: bool) -> int:
    """Copy what is stored of a run into a folder.

    RUN is as for `report`; the other commands take the folder as RUN.
    """
    folder = RunFolder(output)
    folder.check()

    async def copy(place: RunPlace) -> tuple[int, CopiedLogs]:
        found = await stored_run(place)
        with folder:
            files = await copy_files(place, folder)
            texts = await copy_logs(place, found.summary, folder) if logs else CopiedLogs()
            if texts.amiss and not texts.written:
                raise NotFound(f"no log of the run is in {place.store.url}; leave out --logs, or name its store")
        return files, texts

    files, texts = _with(run, namespace, context, copy)
    more = f" and {counted(texts.written, 'log')}" if logs else ""
    lost = f"; {counted(texts.lost, 'log')} lost before, as the run says" if texts.lost else ""
    say(f"{counted(files, 'file')}{more} copied to {folder.path}{lost}")
    for line in texts.amiss:
        tell(line)
    return Exit.ERROR if texts.amiss else Exit.OK
