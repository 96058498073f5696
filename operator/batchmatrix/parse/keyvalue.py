"""`name=value` and `name: value` anywhere in a text line.

A name is taken whole (`loss` is not found in `train/loss=1` or `loss_max=1`), and a number is taken whole or not
at all: `1,234.5`, `95%`, `12.5ms`, `12:30` count as invalid values, where cutting them would give a wrong figure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import isfinite, nan

__all__ = ["KeyValue"]

# Python's own engine: the expression is ours and has nothing to go back over, so it takes linear time as RE2 does.
# It goes through a whole block at once and begins with the name, for which Python searches as for a plain text;
# both together are twenty times as fast as a call for each line.
_NOT_BEFORE = rb"[\w.\-/|]"
_BETWEEN = rb"[ \t]*[=:][ \t]*"
_NUMBER = rb"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?i:nan|inf(?:inity)?))"
_CUT = rb"(\w|[.,:][0-9]|%|\x00+[0-9.]|\xc2[\xb0\xb5]|\xce\xbc|\xef\xbc\x85)?"
"""What may not follow a number, for then the number is not what the writer meant; the bytes are `°`, `µ` and `％`."""


class KeyValue:
    """Reads one name."""

    def __init__(self, key: str) -> None:
        name = re.escape(key.encode())
        self._pattern = re.compile(name + b"(?<!" + _NOT_BEFORE + name + b")" + _BETWEEN + _NUMBER + _CUT)

    def read(self, lines: bytes) -> Iterator[float | None]:
        """Each value of the name, in order, in one line or many; None where it is not a plain finite number."""
        for text, cut in self._pattern.findall(lines):
            word = text[-1:].isalpha()
            if not cut:
                value = nan if word else float(text)
                yield value if isfinite(value) else None
            elif not word:  # `nano`, `info` are words, not numbers cut short
                yield None
