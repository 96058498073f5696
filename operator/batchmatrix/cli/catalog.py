"""`batchmatrix catalog`: what can be named in a matrix, and where each name comes from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from batchmatrix.base.errors import BatchMatrixError, InvalidSpec, Problem, Unavailable
from batchmatrix.cli.inputs import check_names, one_standard_input
from batchmatrix.cli.output import catalog_option, output_option, say, table, write_data
from batchmatrix.engine.kept import source_of
from batchmatrix.model.catalog import Named
from batchmatrix.model.v1alpha1 import (
    Entries,
    Environment,
    Hardware,
    ImageRule,
    Mitigation,
    NamedWorkload,
    parse_catalog,
)
from batchmatrix.plan.catalogs import merge
from batchmatrix.wiring.catalogs import catalog_sources
from batchmatrix.wiring.users import connect

__all__ = ["catalog"]


_Command = Callable[..., None]


@click.group()
def catalog() -> None:
    """List what matrices can name, and where it is from.

    Names are built in, of plug-ins, of the files that --catalog names and, with --cluster, of MatrixCatalogs.
    """


def _options(command: _Command) -> _Command:
    """What all lists say about where to look."""
    options = (
        click.option("--cluster", is_flag=True, help="List MatrixCatalogs of a namespace too."),
        click.option("--context", metavar="NAME", help="Context of the kubeconfig, for --cluster."),
        click.option("-n", "--namespace", metavar="NAME", help="Which namespace, for --cluster; else the context's."),
        output_option("table", "json", "yaml"),
    )
    for option in reversed(options):
        command = option(command)
    return catalog_option(command)


@catalog.command("list-mitigations")
@_options
def list_mitigations(**options: Any) -> None:
    """List mitigations and the variables that they set."""
    _show("mitigations", _of_mitigation, **options)


@catalog.command("list-environments")
@_options
def list_environments(**options: Any) -> None:
    """List environments, their images and variables."""
    _show("environments", _of_environment, **options)


@catalog.command("list-hardware")
@_options
def list_hardware(**options: Any) -> None:
    """List kinds of nodes, their labels and devices."""
    _show("hardware", _of_hardware, **options)


@catalog.command("list-workloads")
@_options
def list_workloads(**options: Any) -> None:
    """List workloads, their images, commands and metrics."""
    _show("workloads", _of_workload, **options)


def _show(
    kind: str,
    of: Callable[[Any], Iterator[str]],
    *,
    catalog: tuple[Path, ...],
    cluster: bool,
    context: str | None,
    namespace: str | None,
    output: str,
) -> None:
    """The entries of one kind by name."""
    one_standard_input(*catalog)
    check_names(namespace=namespace)
    if not cluster and (context is not None or namespace is not None):
        raise click.UsageError("--context and --namespace are for --cluster; leave them out, or add --cluster")
    entries: Mapping[str, Named[Any]] = getattr(merge(catalog_sources(catalog)), kind)
    found = list(entries.items())
    for source, of_cluster in asyncio.run(_in_cluster(context, namespace)) if cluster else ():
        # a matrix reads those that it refers to: two of them may well give a name two meanings
        found += [(name, Named(value, source)) for name, value in getattr(of_cluster, kind).items()]
    found.sort(key=lambda item: item[0])
    if output != "table":
        write_data([_plain(name, entry) for name, entry in found], output)
    elif not found:
        say(f"no {kind} in any catalog; give a catalog file with --catalog", err=True)
    else:
        rows = [[name, entry.source, "\n".join(filter(None, of(entry.value)))] for name, entry in found]
        say(table(["NAME", "SOURCE", "WHAT IT IS"], rows))


async def _in_cluster(context: str | None, namespace: str | None) -> list[tuple[str, Entries]]:
    """MatrixCatalogs of a namespace by name. Raises InvalidSpec with what is wrong in any of them."""
    reader = await connect(context)
    if reader is None:
        raise BatchMatrixError("--cluster: there is no kubeconfig; set KUBECONFIG, or leave it out")
    try:
        bodies = await reader.catalogs(namespace or reader.namespace)
    except Unavailable as error:
        raise Unavailable(f"{reader.server}: {error}; without --cluster it is not asked") from error
    finally:
        await reader.close()
    found: list[tuple[str, Entries]] = []
    problems: list[Problem] = []
    for body in bodies:
        source = source_of(str(body["metadata"]["name"]))
        try:
            found.append((source, parse_catalog(body).spec))
        except InvalidSpec as error:
            problems += [Problem(f"{source}: {one.path}", one.message) for one in error.problems]
    if problems:
        raise InvalidSpec(problems)
    return found


def _plain(name: str, entry: Named[Any]) -> dict[str, Any]:
    """One entry as plain data, with nothing that says what holds anyway."""
    value = entry.value.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return {"name": name, "source": entry.source, "entry": value}


def _env(env: Mapping[str, str]) -> Iterator[str]:
    for key, value in env.items():
        yield f"{key}={value}"


def _images(image: str | None, rules: tuple[ImageRule, ...] | None) -> Iterator[str]:
    if image is not None:
        yield f"image {image}"
    for rule in rules or ():
        yield f"image {rule.image} where {_labels(rule.node_labels)}"


def _labels(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in labels.items())


def _of_mitigation(mitigation: Mitigation) -> Iterator[str]:
    yield from _env(mitigation.env)
    yield mitigation.description


def _of_environment(environment: Environment) -> Iterator[str]:
    yield from _images(environment.image, environment.images_by_node)
    if environment.venv is not None:
        yield f"venv {environment.venv}"
    if environment.command_prefix:
        yield f"command prefix {' '.join(environment.command_prefix)}"
    yield from _env(environment.env)
    yield environment.description


def _of_hardware(hardware: Hardware) -> Iterator[str]:
    if hardware.node_labels:
        yield f"nodes with {_labels(hardware.node_labels)}"
    if hardware.resource is not None:
        yield f"{hardware.resource.count} x {hardware.resource.name}"
    for toleration in hardware.tolerations:
        value = f"={toleration.value}" if toleration.value is not None else ""
        effect = f":{toleration.effect}" if toleration.effect is not None else ""
        yield f"tolerates {toleration.key or 'every taint'}{value}{effect}"
    if hardware.runtime_class_name is not None:
        yield f"runtime class {hardware.runtime_class_name}"
    yield hardware.description


def _of_workload(workload: NamedWorkload) -> Iterator[str]:
    yield from _images(workload.image, workload.images_by_node)
    words = [*workload.command, *workload.args]
    if words:
        yield f"runs {' '.join(words)}"
    if workload.metrics:
        yield f"metrics {', '.join(metric.name for metric in workload.metrics)}"
    yield workload.description
