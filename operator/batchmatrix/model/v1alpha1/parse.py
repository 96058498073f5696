"""From plain data to a BatchMatrix, or to every problem in words fit for its author."""

from __future__ import annotations

import copy
import difflib
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.base.text import one_line
from batchmatrix.model.v1alpha1._types import SHAPES, field_path, show
from batchmatrix.model.v1alpha1.catalog import Entries, MatrixCatalog
from batchmatrix.model.v1alpha1.meta import is_subdomain
from batchmatrix.model.v1alpha1.rules import check, check_entries
from batchmatrix.model.v1alpha1.spec import BatchMatrix

__all__ = ["field_path", "parse_catalog", "parse_entries", "parse_matrix", "parse_object", "validated"]

_Model = TypeVar("_Model", bound=BaseModel)

_PROBLEMS_LIMIT = 50

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

_QUOTES = {
    "string_type": "put it in quotes",
    "int_type": "write it without quotes",
    "float_type": "write it without quotes",
    "bool_type": "write it without quotes",
}


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


def _wording(root: type[BaseModel], error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    shown = show(error["input"])
    if kind in _TYPES:
        quotes = isinstance(error["input"], str) != (kind == "string_type")
        return f"{shown} is not {_TYPES[kind]}" + (f"; {_QUOTES[kind]}" if quotes and kind in _QUOTES else "")
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


def _problems(root: type[BaseModel], errors: list[ErrorDetails]) -> Iterator[Problem]:
    places = [error["loc"] for error in errors]
    for error in errors:
        place = error["loc"]
        # a list that lost its wrong entries may seem too short; then the entries are the whole story
        inner = any(len(other) > len(place) and other[: len(place)] == place for other in places)
        if error["type"] != "too_short" or not inner:
            yield Problem(field_path(place), _wording(root, error))


def _nulls(value: object, location: tuple[int | str, ...]) -> Iterator[Problem]:
    if value is None:
        yield Problem(field_path(location), "is null; give a value or remove the field")
    elif len(location) > _DEPTH_LIMIT:
        return  # _texts says so
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _nulls(item, (*location, str(key)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _nulls(item, (*location, index))


def _texts(value: object, location: tuple[int | str, ...]) -> Iterator[Problem]:
    """Keys that are no texts, texts that no process and no file can be given, and more depth than anything has."""
    if len(location) > _DEPTH_LIMIT:
        yield Problem(field_path(location[:_SHOWN_DEPTH]), "is nested too deeply; write a flatter value")
    elif isinstance(value, str):
        if _IMPOSSIBLE.search(value):
            yield Problem(field_path(location), f"{show(value)} holds a NUL or half of a character; remove it")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(key, str) and _IMPOSSIBLE.search(key):
                yield Problem(
                    field_path(location), f"the key {show(key)} holds a NUL or half of a character; remove it"
                )
            elif isinstance(key, str):
                yield from _texts(item, (*location, key))
            else:
                yield Problem(field_path(location), f"the key {show(key)} is not a text; put it in quotes")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*location, index))


def validated(root: type[_Model], obj: Mapping[str, Any]) -> _Model:
    """What `obj` stands for, all fields looked at one by one. Raises InvalidSpec with every problem."""
    return _whole(root, obj, lambda _: [])


def _whole(
    root: type[_Model], obj: Mapping[str, Any], rest: Callable[[Sequence[tuple[int | str, ...]]], list[Problem]]
) -> _Model:
    """`rest` says what else is wrong, given the places of what is wrong by itself."""
    problems = list(_texts(obj, ()))
    if "spec" in obj:
        problems += _nulls(obj["spec"], ("spec",))
    if problems:
        raise InvalidSpec(problems[:_PROBLEMS_LIMIT])
    try:
        return root.model_validate(obj)
    except ValidationError as errors:
        found = errors.errors(include_url=False)
        problems = [*_problems(root, found), *rest([error["loc"] for error in found])]
        raise InvalidSpec(problems[:_PROBLEMS_LIMIT]) from None


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


def _between(obj: Mapping[str, Any], wrong: Sequence[tuple[int | str, ...]]) -> list[Problem]:
    """Problems between the fields of what is left of `obj` without the wrong ones; none where too much is missing."""
    left = copy.deepcopy(dict(obj))
    gone: list[str] = []
    for place in wrong:
        way = list(itertools.takewhile(lambda step: isinstance(step, str) and step != "[key]", place))
        here: Any = left if way else None
        for step in way[:-1]:
            here = here.get(step) if isinstance(here, dict) else None
        if not isinstance(here, dict):
            return []
        here.pop(way[-1], None)
        gone.append(field_path(tuple(way)))
    try:
        matrix = BatchMatrix.model_validate(left)
    except ValidationError:
        return []
    return check(matrix, without=gone)


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
    problems = [*_texts(obj, ()), *_nulls(obj, ())]
    if problems:
        raise InvalidSpec(problems[:_PROBLEMS_LIMIT])
    entries = validated(Entries, obj)
    problems = check_entries(entries, ())
    if problems:
        raise InvalidSpec(problems[:_PROBLEMS_LIMIT])
    return entries


def parse_object(obj: Mapping[str, Any]) -> BatchMatrix | MatrixCatalog:
    """What `obj` says it is by its kind; a BatchMatrix if it does not say. Raises InvalidSpec."""
    return parse_catalog(obj) if obj.get("kind") == "MatrixCatalog" else parse_matrix(obj)
