"""`batchmatrix catalog`: what can be named in a matrix, and where each name comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from batchmatrix.cli.inputs import one_standard_input
from batchmatrix.cli.output import catalog_option, output_option, say, table, write_data
from batchmatrix.model.catalog import Catalogs, Named
from batchmatrix.model.v1alpha1 import Environment, Hardware, ImageRule, Mitigation, NamedWorkload
from batchmatrix.plan.catalogs import merge
from batchmatrix.wiring import catalog_sources

__all__ = ["catalog"]


@click.group()
def catalog() -> None:
    """List what matrices can name, and where it is from.

    Names are built in, of plug-ins, and of the files that --catalog names.
    """


@catalog.command("list-mitigations")
@catalog_option
@output_option("table", "json", "yaml")
def list_mitigations(catalog: tuple[Path, ...], output: str) -> None:
    """List mitigations and the variables that they set."""
    _show("mitigations", _catalogs(catalog).mitigations, _of_mitigation, output)


@catalog.command("list-environments")
@catalog_option
@output_option("table", "json", "yaml")
def list_environments(catalog: tuple[Path, ...], output: str) -> None:
    """List environments, their images and variables."""
    _show("environments", _catalogs(catalog).environments, _of_environment, output)


@catalog.command("list-hardware")
@catalog_option
@output_option("table", "json", "yaml")
def list_hardware(catalog: tuple[Path, ...], output: str) -> None:
    """List kinds of nodes, their labels and devices."""
    _show("hardware", _catalogs(catalog).hardware, _of_hardware, output)


@catalog.command("list-workloads")
@catalog_option
@output_option("table", "json", "yaml")
def list_workloads(catalog: tuple[Path, ...], output: str) -> None:
    """List workloads, their images, commands and metrics."""
    _show("workloads", _catalogs(catalog).workloads, _of_workload, output)


def _catalogs(files: tuple[Path, ...]) -> Catalogs:
    one_standard_input(*files)
    return merge(catalog_sources(files))


def _show(kind: str, entries: Mapping[str, Named[Any]], of: Callable[[Any], Iterator[str]], output: str) -> None:
    """The entries of one kind by name."""
    found = sorted(entries.items())
    if output != "table":
        write_data([_plain(name, entry) for name, entry in found], output)
    elif not found:
        say(f"no {kind} in any catalog; give a catalog file with --catalog", err=True)
    else:
        rows = [[name, entry.source, "\n".join(filter(None, of(entry.value)))] for name, entry in found]
        say(table(["NAME", "SOURCE", "WHAT IT IS"], rows))


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
