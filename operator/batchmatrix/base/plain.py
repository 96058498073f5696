"""What an unquoted scalar of YAML means to kubectl."""

from __future__ import annotations

import re

__all__ = ["is_null", "resolve_plain"]

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|([1-9][0-9]*|0))")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def is_null(text: str) -> bool:
    """Whether it is read as null, as where nothing stands."""
    return _WORDS.get(text, False) is None


def _number(whole: int | float) -> int | float:
    """JSON has one kind of number: what is whole loses its point on the way to the API server."""
    return int(whole) if isinstance(whole, float) and whole.is_integer() else whole


def resolve_plain(text: str) -> str | int | float | bool | None:
    """What kubectl takes an unquoted scalar for, after its way through JSON.

    `yes`, `on` and `y` are booleans, `010` is 8, `1_000` is 1000 and `1e3` is 1000; dates and `12:30` are texts.
    Raises ValueError for infinities and NaN, which JSON does not have.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INFINITE.fullmatch(text):
        raise ValueError(f"{text} is not a number that JSON has; put it in quotes if a text is meant")
    if text[0] not in "+-.0123456789":
        return text
    plain = text if text[0] == "." else text.replace("_", "")
    integer = _INTEGER.fullmatch(plain)
    if integer is not None:
        sign, *digits = integer.groups()
        base, found = next((b, d) for b, d in zip((16, 2, 8, 10), digits, strict=True) if d is not None)
        return int(found, base) * (-1 if sign == "-" else 1)
    if _FLOAT.fullmatch(plain):
        number = float(plain)
        return text if number in (float("inf"), float("-inf")) else _number(number)
    return text
