"""`batchmatrix lint`: what is wrong with files, all of it at once, before anything runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from batchmatrix.adapters.files import read_text, shown_name
from batchmatrix.base.errors import InvalidSpec
from batchmatrix.base.text import one_line
from batchmatrix.cli.exits import Exit
from batchmatrix.cli.findings import Finding, Severity, as_findings, findings_of
from batchmatrix.cli.inputs import one_standard_input
from batchmatrix.cli.output import catalog_option, output_option, say, write_data
from batchmatrix.model.v1alpha1 import Entries
from batchmatrix.plan.catalogs import merge
from batchmatrix.wiring.catalogs import catalog_sources

__all__ = ["lint"]

_STYLES: dict[Severity, str] = {"error": "red", "warning": "yellow", "note": "cyan"}


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@catalog_option
@output_option("text", "json")
@click.option("--strict", is_flag=True, help="Exit 1 for warnings too.")
@click.pass_context
def lint(context: click.Context, files: tuple[Path, ...], catalog: tuple[Path, ...], output: str, strict: bool) -> None:
    """Check matrices and catalogs without a cluster.

    FILE holds any number of them; `-` is standard input. Each finding is one line, FILE:LINE:COLUMN: PATH: MESSAGE.
    The sum goes to standard error. Exit status 0: no error; 1: errors.
    """
    one_standard_input(*files, *catalog)
    findings: list[Finding] = []
    sources: list[tuple[str, Entries]] | None = None
    try:
        sources = catalog_sources(catalog)
        merge(sources)
    except InvalidSpec as error:
        findings += as_findings(error.problems)
        sources = None
    texts: list[tuple[str, str]] = []
    for file in dict.fromkeys(files):
        try:
            texts.append((shown_name(file), read_text(file)))
        except InvalidSpec as error:
            findings += as_findings(error.problems)
    findings += findings_of(texts, sources)
    order = {shown_name(file): index for index, file in enumerate(dict.fromkeys(files))}
    findings.sort(key=lambda one: (order.get(one.file, -1), one.line, one.column))
    if output == "json":
        write_data([asdict(one) for one in findings], output)
    else:
        _print(findings, files=len(set(files)))
    failing = {"error", "warning"} if strict else {"error"}
    context.exit(Exit.ERROR if any(one.severity in failing for one in findings) else Exit.OK)


def _print(findings: Sequence[Finding], *, files: int) -> None:
    for one in findings:
        say(one_line(str(one), limit=4096), style=_STYLES[one.severity])
    counts = Counter(one.severity for one in findings)
    parts = [f"{counts[word]} {word}{'s' if counts[word] > 1 else ''}" for word in _STYLES if counts[word]]
    say(f"{files} file{'s' if files > 1 else ''}: {', '.join(parts) or 'nothing to say'}", err=True)
