"""Plug-ins: an installed distribution brings a catalog by an entry point of group `batchmatrix.catalogs`.

The entry point names a mapping as it would stand in a catalog file, or something that is called without arguments and
returns one. It is code of its author that runs here, so whatever it raises is told as one line that names the plug-in.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.base.text import one_line
from batchmatrix.formats.catalog_file import read_entries
from batchmatrix.model.v1alpha1 import Entries

__all__ = ["GROUP", "plugin_catalogs"]

GROUP = "batchmatrix.catalogs"
"""Group of entry points."""


def plugin_catalogs() -> list[tuple[str, Entries]]:
    """What each plug-in brings, by name: its source in words, `plug-in NAME (DISTRIBUTION VERSION)`, and its entries.

    Raises InvalidSpec with the problems of every plug-in that is broken.
    """
    catalogs: list[tuple[str, Entries]] = []
    problems: list[Problem] = []
    for point in sorted(entry_points(group=GROUP), key=_source):
        source = _source(point)
        try:
            catalogs.append((source, read_entries(_data(point))))
        except InvalidSpec as error:
            problems += [
                Problem(f"{source}: {each.path}" if each.path else source, each.message) for each in error.problems
            ]
        except (Exception, SystemExit) as error:
            said = one_line(f"{type(error).__name__}: {error}", limit=200)
            problems.append(Problem(source, f"cannot be used: {said}; repair it or uninstall it"))
    if problems:
        raise InvalidSpec(problems)
    return catalogs


def _source(point: EntryPoint) -> str:
    name = one_line(point.name, limit=80)
    return f"plug-in {name} ({point.dist.name} {point.dist.version})" if point.dist is not None else f"plug-in {name}"


def _data(point: EntryPoint) -> Mapping[str, Any]:
    found = point.load()
    if not isinstance(found, Mapping) and callable(found):
        found = found()
    if not isinstance(found, Mapping):
        raise InvalidSpec([Problem("", f"{point.value} is no mapping and returns none; name one that does")])
    plain: dict[str, Any] = _plain(found)
    return plain


def _plain(value: Any) -> Any:
    """Mappings and sequences of any kind as those that a file has."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
