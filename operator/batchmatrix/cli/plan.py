"""`batchmatrix plan`: everything that would happen, before anything does."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import click

from batchmatrix.cli.exits import Exit
from batchmatrix.cli.inputs import check_names, one_standard_input
from batchmatrix.cli.output import catalog_option, output_option, say, screen_width, write_data
from batchmatrix.cli.plan_json import plan_data
from batchmatrix.cli.plan_run import PlanRequest, plan_of
from batchmatrix.cli.plan_table import plan_text
from batchmatrix.cli.writing import Target
from batchmatrix.plan.pin import dump_plan

__all__ = ["plan"]

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("file", type=_PATH)
@catalog_option
@click.option("--nodes", type=_PATH, metavar="FILE", help="Nodes as `kubectl get nodes -o json` prints them.")
@click.option("--offline", is_flag=True, help="Ask no cluster, even if a kubeconfig is there.")
@click.option("--context", metavar="NAME", help="Context of the kubeconfig.")
@click.option("-n", "--namespace", metavar="NAME", help="Namespace, where the file does not say it.")
@click.option("--against", type=_PATH, metavar="FILE", help="An earlier plan.json to compare with.")
@output_option("table", "wide", "json", "yaml")
@click.option("--all", "every", is_flag=True, help="Show every cell, however many there are.")
@click.option("--out", type=_PATH, metavar="FILE", help="Write the plan itself, as plan.json.")
@click.option("--force", is_flag=True, help="Let --out replace a file.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 10 if there is something to run, 0 if there is not.")
def plan(
    file: Path,
    catalog: tuple[Path, ...],
    *,
    nodes: Path | None,
    offline: bool,
    context: str | None,
    namespace: str | None,
    against: Path | None,
    output: str,
    every: bool,
    out: Path | None,
    force: bool,
    detailed_exitcode: bool,
) -> int:
    """Show what a matrix would run, where, and why.

    FILE holds one matrix; `-` is standard input. Nothing is changed anywhere: a cluster is only read.
    """
    if offline and context is not None:
        raise click.UsageError("--offline asks no cluster, and --context names one; leave one of them out")
    if force and out is None:
        raise click.UsageError("--force is for --out; leave it out, or say --out FILE")
    inputs = (file, *catalog, nodes, against)
    one_standard_input(*inputs)
    check_names(namespace=namespace)
    target = Target(option="--out", path=out, force=force, inputs=inputs) if out is not None else None
    if target is not None:
        target.check()
    request = PlanRequest(file, catalog, nodes, against, offline, context, namespace)
    found = asyncio.run(plan_of(request, now=time.time()))
    if target is not None:
        target.write(dump_plan(found.plan))
    if output in ("json", "yaml"):
        write_data(plan_data(found), output)
    else:
        say(plan_text(found, width=screen_width(), wide=output == "wide", every=every))
    return Exit.SOMETHING_TO_RUN if detailed_exitcode and found.acts else Exit.OK
