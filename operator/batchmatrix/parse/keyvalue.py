"""`name=value` and `name: value` anywhere in a text line.

A name is taken whole (`loss` is not found in `train/loss=1` or `loss_max=1`), and a number is taken whole or not
at all: `1,234.5`, `95%`, `12.5ms`, `12:30` count as invalid values, where cutting them would give a wrong figure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import re2

from batchmatrix.parse.number import number_of_text

__all__ = ["KeyValues"]

_BEFORE = rb"(?:^|[^\w.\-/|])"
_NUMBER = rb"([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|(?i:[+-]?(?:nan|inf(?:inity)?)))"
_CUT = rb"(\w|[.,:]\d|%)?"
"""What may not follow a number, for then the number is not what the writer meant."""


class KeyValues:
    """Reads the given names from lines."""

    def __init__(self, keys: Iterable[str]) -> None:
        names = b"|".join(re2.escape(key.encode()) for key in sorted(set(keys), reverse=True))
        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1  # bytes that are no UTF-8 must not end the search
        self._pattern = re2.compile(_BEFORE + b"(" + names + rb")\s*[=:]\s*" + _NUMBER + _CUT, options)

    def read(self, line: bytes) -> Iterator[tuple[str, float | None]]:
        """Each name with its value, in the order of the line; None where that is not a plain finite number."""
        for match in self._pattern.finditer(line):
            name, text, cut = match.groups()
            if cut is None:
                yield name.decode(), number_of_text(text)
            elif not text.lstrip(b"+-")[:1].isalpha():  # `nano`, `info` are words, not numbers cut short
                yield name.decode(), None
