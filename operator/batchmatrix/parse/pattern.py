"""Metrics by a regular expression of the user, on RE2: linear time, no look-around, no back-references."""

from __future__ import annotations

import re2

from batchmatrix.parse.number import number_of_text

__all__ = ["MAX_PATTERN", "Pattern"]

MAX_PATTERN = 1024
"""Characters an expression may have."""

_MAX_MEMORY = 1 << 20
"""Bytes RE2 may use for one compiled expression; a repeat that explodes is refused when it is compiled."""


class Pattern:
    """One expression; the first match on a line counts."""

    def __init__(self, pattern: str) -> None:
        """Raises ValueError, with the reason, for an expression that RE2 does not take."""
        if len(pattern) > MAX_PATTERN:
            raise ValueError(f"longer than {MAX_PATTERN} characters")
        options = re2.Options()
        options.log_errors = False
        options.max_mem = _MAX_MEMORY
        try:
            self._regexp = re2.compile(pattern.encode(), options)
        except re2.error as error:
            reason = error.args[0] if error.args else "not an RE2 expression"
            raise ValueError(reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)) from error
        names = self._regexp.groupindex
        self._group = names.get("value", names.get(b"value", min(1, self._regexp.groups)))

    def read(self, line: bytes) -> tuple[float | None] | None:
        """The value as a 1-tuple, (None,) where it is not a finite number; None where the line does not match.

        An expression without a group gives 1 for each line that it matches.
        """
        match = self._regexp.search(line)
        if match is None:
            return None
        if self._group == 0:
            return (1.0,)
        text = match.group(self._group)
        return None if text is None else (number_of_text(text),)
