"""What pydantic finds wrong, in words fit for the author of a file: what stands there and what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from batchmatrix.base.errors import Problem
from batchmatrix.base.plain import resolve_plain
from batchmatrix.base.text import one_line
from batchmatrix.model.v1alpha1._types import SHAPES, field_path, show
from batchmatrix.model.v1alpha1.remainder import Place

__all__ = ["worded"]

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


def worded(root: type[BaseModel], errors: list[ErrorDetails], wrong: Sequence[Place]) -> Iterator[Problem]:
    """Each error of `root` at its place; `wrong` are places that were taken out before."""
    places = [*(error["loc"] for error in errors), *wrong]
    for error in errors:
        place = error["loc"]
        # a list that lost its wrong entries may seem too short; then the entries are the whole story
        inner = any(len(other) > len(place) and other[: len(place)] == place for other in places)
        if error["type"] != "too_short" or not inner:
            yield Problem(field_path(place), _wording(root, error))
