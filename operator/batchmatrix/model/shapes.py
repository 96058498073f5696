"""What JSON of ours has to look like: what is read from a file is what was written, or is refused in one line."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from batchmatrix.base.errors import Problem
from batchmatrix.base.text import one_line

__all__ = ["Shape", "first_problem"]


class Shape(BaseModel):
    """An object whose keys are its fields in camel case. Keys that it does not know are left to later versions."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="ignore",
        strict=True,
        frozen=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )


def first_problem(error: ValidationError) -> Problem:
    """The first thing that is wrong, at its place, with how much else is."""
    errors = error.errors(include_url=False)
    one = errors[0]
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in one["loc"]).lstrip(".")
    said = one["msg"][0].lower() + one["msg"][1:]
    shown = "" if one["type"] == "missing" or isinstance(one["input"], dict | list) else f"{one['input']!r}: "
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return Problem(one_line(path, limit=160), one_line(f"{shown}{said}{more}", limit=240))
