"""The part of an object's metadata that is used, with the bounds that the API server holds for every kind."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel

from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.model.v1alpha1._types import DNS_LABEL, DNS_SUBDOMAIN, LABEL_VALUE, NAME, refuse, show

__all__ = ["ANNOTATIONS_LIMIT", "ObjectMeta", "check_namespace", "is_subdomain"]

ANNOTATIONS_LIMIT = 262_144
"""Bytes of all keys and values of an object's annotations together; the API server takes no more."""

_LABEL_LIMIT = 63
_SUBDOMAIN_LIMIT = 253


def check_namespace(text: str, *, field: str = "--namespace") -> str:
    """`text`, if a namespace can have this name. Raises InvalidSpec with one problem at `field`."""
    try:
        return _namespace(text)
    except ValueError as error:
        raise InvalidSpec([Problem(field, str(error))]) from None


def is_subdomain(text: str) -> bool:
    """Whether an object of any kind can have this name."""
    return len(text) <= _SUBDOMAIN_LIMIT and re.fullmatch(DNS_SUBDOMAIN, text) is not None


def _namespace(text: str) -> str:
    if len(text) > _LABEL_LIMIT or not re.fullmatch(DNS_LABEL, text):
        remedy = f"write at most {_LABEL_LIMIT} lower-case letters, digits and '-', a letter or digit at both ends"
        refuse(f"{show(text)} cannot be the name of a namespace; {remedy}")
    return text


def _key(text: str) -> str:
    prefix, slash, name = text.rpartition("/")
    if len(name) > _LABEL_LIMIT or not re.fullmatch(NAME, name) or (slash and not is_subdomain(prefix)):
        refuse(f"{show(text)} is no key; write one such as owner or example.com/owner, of at most 63 characters each")
    return text


def _annotation_key(text: str) -> str:
    _key(text.lower())  # the API server folds the case before it looks at these
    return text


def _label_value(text: str) -> str:
    if not re.fullmatch(LABEL_VALUE, text):
        refuse(f"{show(text)} is no value of a label; write at most 63 letters, digits, '-', '_' and '.'")
    return text


def _size(value: Mapping[str, str]) -> Mapping[str, str]:
    size = sum(len(key.encode()) + len(text.encode()) for key, text in value.items())
    if size > ANNOTATIONS_LIMIT:
        refuse(f"have {size} bytes together; write at most {ANNOTATIONS_LIMIT}")
    return value


def _given(empty: object) -> BeforeValidator:
    """The API server takes a null for what is not given."""
    return BeforeValidator(lambda value: empty if value is None else value)


class ObjectMeta(BaseModel):
    """The part of an object's metadata that is used; the rest is the API server's."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, alias_generator=to_camel)

    name: str
    namespace: Annotated[str, AfterValidator(lambda text: text and _namespace(text)), _given("")] = ""
    uid: str = ""
    generation: int = 0
    labels: Annotated[
        dict[Annotated[str, AfterValidator(_key)], Annotated[str, AfterValidator(_label_value)]], _given({})
    ] = {}
    annotations: Annotated[
        dict[Annotated[str, AfterValidator(_annotation_key)], str], AfterValidator(_size), _given({})
    ] = {}
    deletion_timestamp: str | None = None
