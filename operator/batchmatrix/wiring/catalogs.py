"""The catalogs that there are without a matrix."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from batchmatrix.adapters.catalogs import plugin_catalogs
from batchmatrix.adapters.files import read_text, shown_name
from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.formats.catalog_file import load_catalog
from batchmatrix.model.v1alpha1 import Entries
from batchmatrix.plan.builtin import BUILT_IN

__all__ = ["catalog_sources"]


def catalog_sources(files: Sequence[Path] = ()) -> list[tuple[str, Entries]]:
    """The catalogs that there are without a matrix, each as its source in words and its entries.

    The built-in one, plug-ins by name, then `files` in their order. Raises InvalidSpec with the problems of every
    plug-in and file that cannot be used.
    """
    catalogs = [("built-in", BUILT_IN)]
    problems: list[Problem] = []
    try:
        catalogs += plugin_catalogs()
    except InvalidSpec as error:
        problems += error.problems
    for file in files:
        name = shown_name(file)
        try:
            catalogs.append((f"file {name}", load_catalog(read_text(file), source=name)))
        except InvalidSpec as error:
            problems += error.problems
    if problems:
        raise InvalidSpec(problems)
    return catalogs
