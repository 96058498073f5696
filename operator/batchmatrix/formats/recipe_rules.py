"""What must hold between the cells of a triage recipe, whatever else is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from batchmatrix.base.errors import Problem
from batchmatrix.base.text import one_line
from batchmatrix.model.catalog import NO_MITIGATION
from batchmatrix.model.v1alpha1 import InlineImage
from batchmatrix.model.v1alpha1._types import show

__all__ = ["baseline_of", "between_cells"]

BASELINE_PREFIX = "baseline-"

_NOT_IN_PATHS = re.compile(r"[^A-Za-z0-9_.-]")


def baseline_of(cells: Sequence[tuple[object, object]]) -> str | None:
    """The baseline among cells (name, mitigations) of which none is named as such; None where it is unclear."""
    names = [(name, value) for name, value in cells if isinstance(name, str)]
    prefixed = [name for name, _ in names if name.startswith(BASELINE_PREFIX)]
    plain = [name for name, value in names if isinstance(value, list | tuple) and list(value) == [NO_MITIGATION]]
    only = [name for name, _ in names] if len(cells) == 1 else []
    return next(iter([*prefixed, *plain, *only]), None)


def between_cells(data: Mapping[str, Any]) -> Iterator[Problem]:
    """Problems of cells with one another; what has the wrong type is left to others."""
    raw = data.get("cells")
    cells = [cell for cell in raw if isinstance(cell, Mapping)] if isinstance(raw, list) else []
    if not isinstance(raw, list) or len(cells) != len(raw):
        return
    yield from _names(cells)
    yield from _baseline(data.get("confound"), cells)
    yield from _environments(cells)


def _names(cells: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for index, cell in enumerate(cells):
        name = cell.get("name")
        if not isinstance(name, str):
            continue
        other = seen.get(name.lower())
        if other is not None:
            said = "is the name of an earlier cell" if other == name else f"differs from {show(other)} by case alone"
            yield Problem(f"cells[{index}].name", f"{show(name)} {said}; rename one of them")
        seen.setdefault(name.lower(), name)


def _baseline(confound: object, cells: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    named = confound.get("baseline_cell") if isinstance(confound, Mapping) else None
    names = [cell["name"] for cell in cells if isinstance(cell.get("name"), str)]
    if isinstance(named, str):
        if named not in names:
            remedy = f"write one of: {', '.join(sorted(names))}" if names else "there is none with a name; add one"
            text = f"{show(named)} is no cell; {remedy}"
            yield Problem("confound.baseline_cell", one_line(text))
    elif named is None and cells and baseline_of([(one.get("name"), one.get("mitigations")) for one in cells]) is None:
        text = "have no baseline: none is named baseline-*, none has the mitigation none alone; add one, or name one"
        yield Problem("cells", text)


def _environments(cells: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    """Two environments that would have one folder, because paths know fewer characters than names do."""
    seen: dict[str, str] = {}
    for index, cell in enumerate(cells):
        value = cell.get("environment")
        image = value.get("docker") if isinstance(value, Mapping) else None
        if isinstance(value, str):
            name, shown = value, show(value)
        elif isinstance(image, str):
            name, shown = InlineImage(image).name, show(image)
        else:
            continue
        folder = _NOT_IN_PATHS.sub("_", name).lower()
        other = seen.setdefault(folder, shown)
        if other != shown:
            text = f"{shown} and {other} would share the folder {folder!r}; rename one of them"
            yield Problem(f"cells[{index}].environment", one_line(text))
