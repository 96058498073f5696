"""`batchmatrix import`: matrices from what other programs understand, and runs from what they wrote."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from batchmatrix.adapters.files import read_text, shown_name
from batchmatrix.base.documents import Document
from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.base.text import one_line
from batchmatrix.cli.cells import check_plan
from batchmatrix.cli.flags import flag_options, given_flags, refuse_files, refuse_flags
from batchmatrix.cli.import_batch import batch_results
from batchmatrix.cli.import_faults import fault_manifest
from batchmatrix.cli.inputs import check_names, one_standard_input
from batchmatrix.cli.output import catalog_option, say
from batchmatrix.cli.writing import Target
from batchmatrix.formats.matrix_file import dump_object
from batchmatrix.formats.recipe import SCHEMA_VERSION, Recipe, read_recipe
from batchmatrix.formats.recipe_flags import flag_path, recipe_from_flags
from batchmatrix.formats.recipe_matrix import matrix_name, recipe_matrix, recipe_problem, references
from batchmatrix.model.catalog import KINDS, Catalogs
from batchmatrix.model.v1alpha1 import BatchMatrix, parse_matrix
from batchmatrix.plan.catalogs import merge, self_contained, used_names
from batchmatrix.wiring.catalogs import catalog_sources

__all__ = ["import_"]

_ELSEWHERE = ("catalog", "--")
_EXPECTED = "A triage forbids no failure: every cell is expected to end in any way."


@click.group("import")
def import_() -> None:
    """Make a matrix or a run of other programs' files."""


import_.add_command(batch_results)
import_.add_command(fault_manifest)


def _target_options(command: Callable[..., None]) -> Callable[..., None]:
    """What both commands say about the file that they write."""
    options = (
        click.option(
            "--output",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Where to write it; standard output if not given.",
        ),
        click.option("--force", is_flag=True, help="Replace that file if it is there."),
        click.option("--name", metavar="NAME", help="Name of the matrix; by default of ticket and workload."),
        click.option("--namespace", metavar="NAME", default="", help="Namespace of the matrix; none by default."),
        click.option("--keep-names", is_flag=True, help="Leave names as they are, for catalogs of the cluster."),
    )
    for option in reversed(options):
        command = option(command)
    return catalog_option(command)


@import_.command("recipe")
@click.argument("file", type=click.Path(path_type=Path))
@_target_options
@flag_options(hidden=True)
def recipe(file: Path, catalog: tuple[Path, ...], **options: Any) -> None:
    """Make a matrix of a triage recipe.

    FILE is a recipe of schema v1, YAML or JSON; `-` is standard input.
    """
    refuse_flags(file, given_flags(options))
    target = _target(options, [file, *catalog])
    source = shown_name(file)
    text = read_text(file)
    read, document = read_recipe(text, source=source)
    digest = hashlib.sha256(text.encode()).hexdigest()
    header = [f"From the triage recipe {source} (schema v{SCHEMA_VERSION}), SHA-256", f"{digest}."]
    _write(read, catalog, header=header, places=lambda found: _in_file(document, found), options=options, target=target)


@import_.command("flags")
@click.argument("files", nargs=-1, metavar="")
@_target_options
@flag_options(hidden=False)
def flags(files: tuple[str, ...], catalog: tuple[Path, ...], **options: Any) -> None:
    """Make a matrix of mitigations and environments.

    Every combination of the two axes is a cell.
    """
    axes = given_flags(options)
    refuse_files(files, axes)
    target = _target(options, catalog)
    read = recipe_from_flags(axes)
    header = [f"Every combination of --mitigation-axis {axes.mitigation_axis} and"]
    header += [f"--environment-axis {axes.environment_axis}."]
    _write(read, catalog, header=header, places=_in_flags, options=options, target=target)


def _target(options: Mapping[str, Any], inputs: Sequence[Path]) -> Target | None:
    """Where the matrix goes, None for standard output; what can be said before anything is read is said here."""
    path: Path | None = options["output"]
    if path is None and options["force"]:
        raise click.UsageError("--force is for --output; leave it out, or say --output FILE")
    one_standard_input(*inputs)
    check_names(namespace=options["namespace"] or None, name=options["name"])
    if path is None:
        return None
    target = Target(option="--output", path=path, force=options["force"], inputs=inputs)
    target.check()
    return target


def _in_file(document: Document, problems: Sequence[Problem]) -> list[Problem]:
    """Line and column before whatever the recipe itself says."""
    own = [recipe_problem(problem) for problem in problems]
    return [one for each in own for one in ([each] if each.path.startswith(_ELSEWHERE) else document.located([each]))]


def _in_flags(problems: Sequence[Problem]) -> list[Problem]:
    own = [recipe_problem(problem) for problem in problems]
    return list(dict.fromkeys(Problem(flag_path(one.path), one.message) for one in own))


def _write(
    recipe: Recipe,
    files: Sequence[Path],
    *,
    header: list[str],
    places: Callable[[Sequence[Problem]], list[Problem]],
    options: Mapping[str, Any],
    target: Target | None,
) -> None:
    """Check the recipe against the catalogs and write its matrix."""
    catalogs = merge(catalog_sources(files))
    name = options["name"] or matrix_name(recipe)
    obj = recipe_matrix(recipe, name=name, namespace=options["namespace"])
    try:
        _check_names(recipe, catalogs)
        named = parse_matrix(obj)
        whole = self_contained(named, catalogs)
        check_plan(whole)
    except InvalidSpec as error:
        raise InvalidSpec(places(error.problems)) from None
    if not options["keep_names"]:
        # what names stand for goes last, below what the recipe says
        spec = whole.to_dict()["spec"]
        meanings = {field: spec[field] for field in ("workload", "metrics", "catalog") if field in spec}
        obj["spec"] = {key: value for key, value in obj["spec"].items() if key not in meanings} | meanings
    text = dump_object(obj, header="\n".join([*header, *_sources(named, catalogs), _EXPECTED]))
    if target is None:
        click.echo(text, nl=False)
    else:
        target.write(text.encode())
        say(one_line(f"wrote {target.path}", limit=4096), err=True)


def _check_names(recipe: Recipe, catalogs: Catalogs) -> None:
    """Every name is in a catalog. Raises InvalidSpec with paths of the recipe."""
    problems = []
    for path, kind, name in references(recipe):
        known: Mapping[str, Any] = getattr(catalogs, kind)
        if name not in known:
            others = f", or use one of the {kind}: {', '.join(sorted(known))}" if known else ""
            text = f"{name!r} is not in any catalog; give its file with --catalog{others}"
            problems.append(Problem(path, text))
    if problems:
        raise InvalidSpec(problems)


def _sources(matrix: BatchMatrix, catalogs: Catalogs) -> list[str]:
    """Where each name comes from, a line for each kind."""
    used = used_names(matrix.spec)
    lines = []
    for kind in KINDS:
        entries: Mapping[str, Any] = getattr(catalogs, kind)
        if used[kind]:
            lines.append(f"{kind}: " + ", ".join(f"{name} ({entries[name].source})" for name in sorted(used[kind])))
    return lines
