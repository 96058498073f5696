"""Building blocks of the API types: the strict base class, and strings, maps and numbers with bounds."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NoReturn

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from batchmatrix.base.paths import field_path
from batchmatrix.base.quantities import DURATION_PATTERN, QUANTITY_PATTERN, parse_duration
from batchmatrix.base.text import one_line
from batchmatrix.model.cell import Scalar

__all__ = [
    "DNS_LABEL",
    "DNS_SUBDOMAIN",
    "DURATION_RULE",
    "LABEL_VALUE",
    "MAX_DURATION",
    "NAME",
    "SHAPES",
    "STACK_LIMIT",
    "ApiModel",
    "AxisEntry",
    "AxisValue",
    "DnsLabel",
    "DnsSubdomain",
    "Duration",
    "Entry",
    "EnvironmentRef",
    "Image",
    "InlineImage",
    "LabelKey",
    "LabelValue",
    "Labels",
    "Match",
    "MatchValue",
    "Name",
    "Quantities",
    "Quantity",
    "StatusModel",
    "Text",
    "Variable",
    "Variables",
    "cel",
    "field_path",
    "list_map",
    "refuse",
    "shape",
    "show",
]

SHAPES: dict[str, str] = {}
"""Regular expression of a field to what a person should write there."""

MAX_DURATION = "8784h"
"""366 days; anything longer is a slip of the pen."""

DURATION_RULE = (f"duration(self) <= duration('{MAX_DURATION}')", f"must be at most {MAX_DURATION}")

STACK_LIMIT = 8
"""Mitigations that can be used together."""

_WHOLE_LIMIT = 2**63


def refuse(reason: str) -> NoReturn:
    """Stop a validator with a text that is shown to the user as it stands."""
    raise PydanticCustomError("batchmatrix", "{reason}", {"reason": reason})


def show(value: object) -> str:
    """A value as its author knows it, cut to a length that fits a message."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return one_line(repr(value), limit=60)


def shape(pattern: str, remedy: str, max_length: int, *, min_length: int | None = None) -> FieldInfo:
    """Bounds of a string, with the words that say what would be right."""
    if SHAPES.setdefault(pattern, remedy) != remedy:
        raise ValueError(f"two remedies for {pattern}")
    field: FieldInfo = Field(pattern=pattern, max_length=max_length, min_length=min_length)
    return field


def cel(*rules: tuple[str, str]) -> dict[str, Any]:
    """JSON schema extras with CEL rules, each a pair of expression and message, for the API server."""
    return {"x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in rules]}


def list_map(*keys: str) -> dict[str, Any]:
    """JSON schema extras for a list whose items are told apart by `keys`; the API server refuses duplicates."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


class ApiModel(BaseModel):
    """What a user writes: no unknown field, no conversion between types, never changed after it was read."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False, alias_generator=to_camel)


class StatusModel(BaseModel):
    """What the operator wrote, maybe an older or newer one: read with tolerance."""

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel, populate_by_name=True)


def _duration(text: str) -> str:
    if parse_duration(text) > parse_duration(MAX_DURATION):
        refuse(f"{text!r} is longer than {MAX_DURATION}; write a shorter duration")
    return text


def _quantity(value: object) -> object:
    if isinstance(value, float):
        refuse(f"{value!r} is a fraction; write it as a quantity in quotes, such as '500m' or '1.5'")
    if isinstance(value, int) and not isinstance(value, bool):
        if value < 0:
            refuse(f"{value} is negative; write 0 or more")
        return str(value)
    return value


def _scalar(value: object) -> Scalar:
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            refuse("is not a finite number; write a text in quotes if the workload understands it")
        if value.is_integer():
            value = int(value)  # the API server stores 1.0 as 1, and files must mean the same without it
    if isinstance(value, int) and not isinstance(value, bool) and not -_WHOLE_LIMIT <= value < _WHOLE_LIMIT:
        refuse(f"{show(value)} does not fit 64 bits; write it as a text in quotes")
    if isinstance(value, str) and len(value) > 128:
        refuse(f"has {len(value)} characters; write at most 128")
    if not isinstance(value, str | int | float | bool):
        refuse(f"{show(value)} is no single value; write one text, number or boolean")
    return value


def _stack(value: list[Any] | tuple[Any, ...]) -> tuple[str, ...]:
    """Names of mitigations that are used together."""
    if not value:
        refuse("is an empty list; write names of mitigations, or none")
    if len(value) > STACK_LIMIT:
        refuse(f"stacks {len(value)} mitigations; write at most {STACK_LIMIT}")
    for name in value:
        if not isinstance(name, str) or not re.fullmatch(NAME, name):
            refuse(f"{show(name)} in the list is not a name; write names of mitigations that are used together")
    return tuple(value)


@dataclass(frozen=True, slots=True)
class InlineImage:
    """An environment written where it is used: nothing but an image."""

    image: str

    @property
    def name(self) -> str:
        """`_inline_` and 8 hexadecimal digits that follow from the image: the same image has the same name."""
        return f"_inline_{hashlib.blake2b(self.image.encode(), digest_size=4).hexdigest()}"


def _inline(value: Mapping[Any, Any]) -> InlineImage:
    if set(value) != {"image"}:
        keys = ", ".join(sorted(map(str, value))) or "nothing"
        refuse(
            f"is an object with {one_line(keys, limit=60)}; write {{image: REFERENCE}} or the name of an environment"
        )
    image = value["image"]
    if not isinstance(image, str) or len(image) > 512 or not re.fullmatch(_IMAGE, image):
        refuse(f"{show(image)} has the wrong form; write an image reference such as registry.example/team/image:tag")
    return InlineImage(image)


def _entry(value: object) -> Entry:
    if isinstance(value, InlineImage):
        return value
    if isinstance(value, list | tuple):
        return _stack(value)
    return _inline(value) if isinstance(value, Mapping) else _scalar(value)


def _environment_ref(value: object) -> str | InlineImage:
    if isinstance(value, InlineImage):
        return value
    if isinstance(value, Mapping):
        return _inline(value)
    if not isinstance(value, str):
        refuse(f"{show(value)} is no name; write a name of a catalog, or {{image: REFERENCE}}")
    return value


def _match_value(value: object) -> MatchValue:
    if not isinstance(value, list | tuple):
        found = _entry(value)
        assert not isinstance(found, tuple)
        return found
    if not value:
        refuse("is an empty list, which matches nothing; write at least one value")
    if len(value) > 64:
        refuse(f"has {len(value)} alternatives; write at most 64")
    return tuple(_entry(item) for item in value)


def _plain(value: object) -> Any:
    """Back to what stands in a file."""
    if isinstance(value, InlineImage):
        return {"image": value.image}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


LABEL_VALUE = r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$"
_LABEL_KEY = r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
NAME = r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"
_VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"
DNS_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
DNS_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
_IMAGE = r"^[A-Za-z0-9][-A-Za-z0-9._/:@]*$"

LabelKey = Annotated[str, shape(_LABEL_KEY, "a key such as nvidia.com/gpu.product", 317)]
LabelValue = Annotated[str, shape(LABEL_VALUE, "a label value of at most 63 letters, digits, '-', '_' and '.'", 63)]
Text = Annotated[str, Field(max_length=16384)]
Variable = Annotated[str, shape(_VARIABLE, "letters, digits and underscores, no digit first", 63)]
Name = Annotated[str, shape(NAME, "letters, digits, '-', '_' and '.', a letter or digit at both ends", 63)]
DnsLabel = Annotated[str, shape(DNS_LABEL, "lower-case letters, digits and '-', a letter or digit at both ends", 63)]
DnsSubdomain = Annotated[
    str, shape(DNS_SUBDOMAIN, "lower-case letters, digits, '-' and '.', a letter or digit around each '.'", 253)
]
Image = Annotated[str, shape(_IMAGE, "an image reference such as registry.example/team/image:tag", 512)]
Duration = Annotated[
    str,
    shape(DURATION_PATTERN, "a duration such as 90s, 20m or 1h30m", 32),
    AfterValidator(_duration),
    Field(json_schema_extra=cel(DURATION_RULE)),
]
Quantity = Annotated[
    str,
    shape(QUANTITY_PATTERN, "a quantity such as 2, 500m or 64Gi", 24),
    BeforeValidator(_quantity),
    WithJsonSchema(
        {
            "x-kubernetes-int-or-string": True,
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "pattern": QUANTITY_PATTERN,
            "maxLength": 24,
            "minimum": 0,
        }
    ),
]


def _open(**bounds: int) -> WithJsonSchema:
    """A value of several types: a structural schema has no word for it, so each bound speaks about its own type."""
    return WithJsonSchema({"x-kubernetes-preserve-unknown-fields": True, "maxLength": 128, **bounds})


Entry = Scalar | tuple[str, ...] | InlineImage
"""A value of an axis: a parameter's, a name, mitigations that are used together, an environment's image."""
MatchValue = Scalar | InlineImage | tuple[Entry, ...]
"""What a value of an axis is held against: one value, or several of which one must fit."""

AxisValue = Annotated[
    Scalar,
    PlainValidator(_scalar),
    # Bounds that contradict each other refuse every list and every object.
    _open(minItems=1, maxItems=0, minProperties=1, maxProperties=0),
]
AxisEntry = Annotated[
    Entry,
    PlainValidator(_entry),
    PlainSerializer(_plain),
    _open(minItems=1, maxItems=STACK_LIMIT, minProperties=1, maxProperties=1),
]
EnvironmentRef = Annotated[
    str | InlineImage,
    PlainValidator(_environment_ref),
    PlainSerializer(_plain),
    _open(minItems=1, maxItems=0, minProperties=1, maxProperties=1),
]
Match = Annotated[
    dict[
        Variable,
        Annotated[
            MatchValue,
            PlainValidator(_match_value),
            PlainSerializer(_plain),
            _open(minItems=1, maxItems=64, minProperties=1, maxProperties=1),
        ],
    ],
    Field(max_length=8),
]
Labels = Annotated[dict[LabelKey, LabelValue], Field(max_length=16)]
Quantities = Annotated[dict[LabelKey, Quantity], Field(max_length=16)]
Variables = Annotated[dict[Variable, Text], Field(max_length=64)]
