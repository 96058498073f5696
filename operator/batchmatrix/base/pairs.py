"""`key=value` pairs of one line of a program's own statistics, with numbers told from texts."""

from __future__ import annotations

import re

__all__ = ["key_values", "last_with"]

_PAIR = re.compile(r"(?P<key>[A-Za-z0-9_]+)=(?P<value>\S+)")
_WHOLE = re.compile(r"-?\d+")
_FRACTION = re.compile(r"-?\d+\.\d+")


def key_values(line: str) -> dict[str, int | float | str]:
    """Every pair of a line, in the order in which its keys first appear; of a key that is there twice the last value.

    A value goes to the next blank. It is a number only if it is nothing else: `12`, `-3`, `0.5`; what has a unit, a
    percent sign, an exponent or a separator stays a text, as does a whole number of more digits than Python reads.
    """
    return {pair["key"]: _value(pair["value"]) for pair in _PAIR.finditer(line)}


def last_with(text: str, token: str) -> str:
    """The last line of `text` that holds the token; empty where none does."""
    return next((line for line in reversed(text.splitlines()) if token in line), "")


def _value(text: str) -> int | float | str:
    try:
        if _WHOLE.fullmatch(text):
            return int(text)
        if _FRACTION.fullmatch(text):
            return float(text)
    except ValueError:
        pass
    return text
