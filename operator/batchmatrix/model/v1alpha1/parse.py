"""From plain data to a BatchMatrix, or to every problem in words fit for its author."""

from __future__ import annotations

import copy
import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.base.plain import resolve_plain
from batchmatrix.base.text import one_line
from batchmatrix.model.v1alpha1._types import SHAPES, field_path, show
from batchmatrix.model.v1alpha1.catalog import Entries, MatrixCatalog
from batchmatrix.model.v1alpha1.meta import is_subdomain
from batchmatrix.model.v1alpha1.remainder import Place, Remainder, widened
from batchmatrix.model.v1alpha1.rules import check, check_entries
from batchmatrix.model.v1alpha1.spec import BatchMatrix

__all__ = ["field_path", "parse_catalog", "parse_entries", "parse_matrix", "parse_object", "validated"]

_Model = TypeVar("_Model", bound=BaseModel)

_PROBLEMS_LIMIT = 50

_KINDS = ("BatchMatrix", "MatrixCatalog")

_DEPTH_LIMIT = 64
_SHOWN_DEPTH = 4

_IMPOSSIBLE = re.compile("[\x00\ud800-\udfff]")
"""NUL, which ends an argument or a variable, and half surrogates, which UTF-8 cannot hold."""

_TYPES = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}

_EXAMPLES = {"a list": ", such as [a, b]", "an object": ", such as {key: value}"}

_PLAIN: dict[str, tuple[type, ...]] = {"int_type": (int,), "float_type": (int, float), "bool_type": (bool,)}
"""Types of unquoted texts that would be right."""


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _known_fields(root: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The fields of the object that holds the last step of `location`."""
    models: list[type[BaseModel]] = [root]
    for step in location[:-1]:
        fields = {field.alias: field for model in models for field in model.model_fields.values()}
        if isinstance(step, str) and step in fields:
            models = list(_models(fields[step].annotation))
    return sorted(field.alias or "" for model in models for field in model.model_fields.values())


def _unknown(root: type[BaseModel], location: tuple[int | str, ...]) -> str:
    known = _known_fields(root, location)
    near = difflib.get_close_matches(str(location[-1]), known, n=1)
    return f"unknown field; did you mean {near[0]}?" if near else f"unknown field; known are: {', '.join(known)}"


def _meant(text: str) -> type | None:
    try:
        return type(resolve_plain(text))
    except ValueError:
        return None


def _right_type(kind: str, value: object) -> str:
    """What to write in place of a value of the wrong type."""
    if kind == "string_type" and isinstance(value, bool | int | float):
        return "put it in quotes"
    if isinstance(value, str) and _meant(value) in _PLAIN.get(kind, ()):
        return "write it without quotes"
    return f"write {_TYPES[kind]}{_EXAMPLES.get(_TYPES[kind], '')}"


def _wording(root: type[BaseModel], error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    shown = show(error["input"])
    if kind in _TYPES:
        return f"{shown} is not {_TYPES[kind]}; {_right_type(kind, error['input'])}"
    texts = {
        "batchmatrix": "{reason}",
        "value_error": "{error}",
        "missing": "is required; add it",
        "literal_error": "{shown} is not known; write {expected}",
        "string_too_long": "{shown} is too long; write at most {max_length} characters",
        "string_too_short": "{shown} is too short; write at least {min_length} characters",
        "too_long": "has too many entries; write at most {max_length}",
        "too_short": "has too few entries; write at least {min_length}",
        "greater_than": "{shown} is too small; write more than {gt}",
        "greater_than_equal": "{shown} is too small; write {ge} or more",
        "finite_number": "{shown} is not a number to compare with; write a finite one",
        "less_than_equal": "{shown} is too large; write {le} or less",
    }
    if kind == "extra_forbidden":
        return _unknown(root, error["loc"])
    if kind == "string_pattern_mismatch":
        return f"{shown} has the wrong form; write {SHAPES[context['pattern']]}"
    return one_line(texts.get(kind, "{shown} cannot be used here").format(shown=shown, **context))


def _problems(root: type[BaseModel], errors: list[ErrorDetails], wrong: Sequence[Place]) -> Iterator[Problem]:
    """`wrong` are places that were taken out before."""
    places = [*(error["loc"] for error in errors), *wrong]
    for error in errors:
        place = error["loc"]
        # a list that lost its wrong entries may seem too short; then the entries are the whole story
        inner = any(len(other) > len(place) and other[: len(place)] == place for other in places)
        if error["type"] != "too_short" or not inner:
            yield Problem(field_path(place), _wording(root, error))


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
        problems += _problems(root, details, wrong)
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
