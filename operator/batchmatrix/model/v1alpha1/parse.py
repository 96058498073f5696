"""From plain data to a BatchMatrix, or to every problem in words fit for its author."""

from __future__ import annotations

import copy
import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.model.v1alpha1._types import field_path, show
from batchmatrix.model.v1alpha1.catalog import Entries, MatrixCatalog
from batchmatrix.model.v1alpha1.meta import is_subdomain
from batchmatrix.model.v1alpha1.remainder import Place, Remainder, widened
from batchmatrix.model.v1alpha1.rules import check, check_entries
from batchmatrix.model.v1alpha1.spec import BatchMatrix
from batchmatrix.model.v1alpha1.wording import worded

__all__ = ["field_path", "parse_catalog", "parse_entries", "parse_matrix", "parse_object", "validated"]

_Model = TypeVar("_Model", bound=BaseModel)

_PROBLEMS_LIMIT = 50

_KINDS = ("BatchMatrix", "MatrixCatalog")

_DEPTH_LIMIT = 64
_SHOWN_DEPTH = 4

_IMPOSSIBLE = re.compile("[\x00\ud800-\udfff]")
"""NUL, which ends an argument or a variable, and half surrogates, which UTF-8 cannot hold."""


def _unusable(value: object, location: Place, *, nulls: bool) -> Iterator[tuple[Place, Problem]]:
    """Places of what no field can be given: texts that no process and no file can hold, and nulls if they count.

    Keys that are no texts are said at the object that has them.
    """
    path = partial(field_path, location)
    if value is None and nulls:
        yield location, Problem(path(), "is null; give a value or remove the field")
    elif isinstance(value, str):
        if _IMPOSSIBLE.search(value):
            yield location, Problem(path(), f"{show(value)} holds a NUL or half of a character; remove it")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                yield (*location, str(key)), Problem(path(), f"the key {show(key)} is not a text; put it in quotes")
            elif _IMPOSSIBLE.search(key):
                said = f"the key {show(key)} holds a NUL or half of a character; remove it"
                yield (*location, key), Problem(path(), said)
            else:
                yield from _unusable(item, (*location, key), nulls=nulls or (key == "spec" and not location))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unusable(item, (*location, index), nulls=nulls)


def _too_deep(value: object, location: Place) -> Iterator[Problem]:
    """More depth than anything has, where nothing else can be looked at."""
    if len(location) > _DEPTH_LIMIT:
        yield Problem(field_path(location[:_SHOWN_DEPTH]), "is nested too deeply; write a flatter value")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _too_deep(item, (*location, str(key)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _too_deep(item, (*location, index))


def validated(root: type[_Model], obj: Mapping[str, Any]) -> _Model:
    """What `obj` stands for, all fields looked at one by one. Raises InvalidSpec with every problem."""
    return _whole(root, obj, lambda _: [])


def _whole(
    root: type[_Model],
    obj: Mapping[str, Any],
    rest: Callable[[Sequence[Place]], list[Problem]],
    *,
    nulls: bool = False,
) -> _Model:
    """`rest` says what else is wrong, given the places of what is wrong by itself."""
    problems = list(_too_deep(obj, ()))
    if problems:
        raise InvalidSpec(problems[:_PROBLEMS_LIMIT])
    unusable = list(_unusable(obj, (), nulls=nulls))
    left = Remainder(obj, [place for place, _ in unusable]) if unusable else None
    wrong = [place for place, _ in unusable]
    problems = [problem for _, problem in unusable]
    try:
        found = root.model_validate(obj if left is None else left.data)
    except ValidationError as errors:
        details = errors.errors(include_url=False)
        if left is not None:
            details = [_moved(error, left.place(error["loc"])) for error in details]
            # what was taken out is not missing
            details = [error for error in details if error["loc"] not in wrong or error["type"] != "missing"]
        problems += worded(root, details, wrong)
        wrong += [error["loc"] for error in details]
    else:
        if not problems:
            return found
    raise InvalidSpec([*problems, *rest(wrong)][:_PROBLEMS_LIMIT])


def _moved(error: ErrorDetails, place: Place) -> ErrorDetails:
    moved = error.copy()
    moved["loc"] = place
    return moved


def parse_matrix(obj: Mapping[str, Any]) -> BatchMatrix:
    """The matrix that `obj` (a file or an object from the API server) stands for.

    Raises InvalidSpec with every problem of its fields, and every problem between fields that can be told without
    those that are wrong by themselves.
    """
    matrix = _whole(BatchMatrix, obj, lambda wrong: _between(obj, wrong))
    problems = check(matrix)
    if problems:
        raise InvalidSpec(problems[:_PROBLEMS_LIMIT])
    return matrix


def _between(obj: Mapping[str, Any], wrong: Sequence[Place]) -> list[Problem]:
    """Problems between the fields of what is left of `obj` without the wrong ones; none where too much is missing."""
    gone = {widened(place) for place in wrong}
    for _ in range(_WIDENINGS):
        left = Remainder(obj, gone)
        for place, stand_in in _STAND_INS:
            _put(left.data, place, stand_in)
        try:
            matrix = BatchMatrix.model_validate(left.data)
        except ValidationError as errors:
            more = {_outwards(left.place(error["loc"]), gone) for error in errors.errors(include_url=False)}
            if more <= gone:
                return []
            gone |= more
        else:
            problems = check(matrix, without=[field_path(place) for place in gone])
            return [Problem(left.path(problem.path), problem.message) for problem in problems]
    return []


def _outwards(place: Place, gone: set[Place]) -> Place:
    """What to take out next: what holds the place, where the place is gone and had to be there."""
    place = widened(place)
    while place in gone and len(place) > 1:
        place = place[:-1]
    return place


_WIDENINGS = 5
"""How often what is left may be wrong in turn: an object that has lost what it needs, and so on outwards."""

_STAND_INS: tuple[tuple[tuple[str, ...], object], ...] = (
    (("apiVersion",), "batchmatrix.dev/v1alpha1"),
    (("kind",), "BatchMatrix"),
    (("metadata",), {}),
    (("metadata", "name"), "unnamed"),
    (("spec", "workload"), {}),
)
"""What is put in place of what must be there and is not, so that the rest can be looked at."""


def _put(data: Any, place: Sequence[str], value: object) -> None:
    for step in place[:-1]:
        data = data.get(step)
        if not isinstance(data, dict):
            return
    data.setdefault(place[-1], copy.copy(value))


def parse_catalog(obj: Mapping[str, Any]) -> MatrixCatalog:
    """The MatrixCatalog that `obj` stands for. Raises InvalidSpec as parse_matrix does."""
    catalog = validated(MatrixCatalog, obj)
    problems = [*_catalog_name(catalog), *check_entries(catalog.spec, ("spec",))]
    if problems:
        raise InvalidSpec(problems[:_PROBLEMS_LIMIT])
    return catalog


def _catalog_name(catalog: MatrixCatalog) -> Iterator[Problem]:
    name = catalog.metadata.name
    if not is_subdomain(name):
        remedy = "write at most 253 lower-case letters, digits, '-' and '.', a letter or digit around each '.'"
        yield Problem("metadata.name", f"{show(name)} is not a DNS name; {remedy}")


def parse_entries(obj: Mapping[str, Any]) -> Entries:
    """The entries of a catalog that is a file of its own, not an object. Raises InvalidSpec as parse_matrix does."""
    entries = _whole(Entries, obj, lambda _: [], nulls=True)
    problems = check_entries(entries, ())
    if problems:
        raise InvalidSpec(problems[:_PROBLEMS_LIMIT])
    return entries


def parse_object(obj: Mapping[str, Any]) -> BatchMatrix | MatrixCatalog:
    """What `obj` says it is by its kind; a BatchMatrix if it does not say. Raises InvalidSpec."""
    kind = obj.get("kind")
    if isinstance(kind, str) and kind not in _KINDS:
        near = difflib.get_close_matches(kind, _KINDS, n=1)
        if kind.endswith("List"):
            text = f"{show(kind)} is a list of objects; write each as a document of its own, with --- between them"
        elif near:
            text = f"{show(kind)} is not known; did you mean {near[0]}?"
        else:
            text = f"{show(kind)} is not known here; write BatchMatrix or MatrixCatalog, or put it into another file"
        raise InvalidSpec([Problem("kind", text)])
    return parse_catalog(obj) if kind == "MatrixCatalog" else parse_matrix(obj)
