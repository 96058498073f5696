"""What makes a good object bad: small changes, and the objects that they start from."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.specs import catalog_object, matrix_object

__all__ = ["Change", "Json", "Refusal", "all_", "axes", "cells", "metadata_name", "put", "value"]

Json = dict[str, Any]
Change = Callable[[Json], None]


@dataclass(frozen=True, slots=True)
class Refusal:
    """An object that is wrong in one way."""

    id: str
    change: Change
    """Makes a good object bad."""
    path: str
    """Where the problem is said to be."""
    word: str
    """What its message must hold."""
    server: bool = True
    """Whether the API server refuses it as well; a null it drops, except as a value of an axis."""
    planned: bool = False
    """Whether it is found when the plan is made, as it takes the contents of catalogs."""
    plural: str = "batchmatrices"
    """Which kind of object it is."""

    def object(self) -> Json:
        """The bad object."""
        bad = matrix_object() if self.plural == "batchmatrices" else catalog_object()
        self.change(bad)
        return bad


def put(path: str, new: Any) -> Change:
    """Sets one field of the spec: `workload.env`."""

    def change(obj: Json) -> None:
        *way, last = path.split(".")
        here = obj["spec"]
        for step in way:
            here = here.setdefault(step, {})
        here[last] = copy.deepcopy(new)

    return change


def all_(*changes: Change) -> Change:
    """One after the other."""

    def change(obj: Json) -> None:
        for one in changes:
            one(obj)

    return change


def metadata_name(name: str) -> Change:
    """Another name of the object."""
    return lambda obj: obj["metadata"].update(name=name)


def axes(*pairs: tuple[str, list[Any]]) -> Change:
    """These axes in place of `size`."""
    return all_(put("axes", [{"name": name, "values": values} for name, values in pairs]), put("workload.command", []))


def value(one: Any) -> Change:
    """One parameter of one value."""
    return axes(("a", [one]))


def cells(*written: Json) -> Change:
    """These cells in place of axes."""
    return all_(lambda obj: obj["spec"].pop("axes"), put("cells", list(written)), put("workload.command", []))
