"""Metrics by a regular expression of the user, on RE2: linear time, no look-around, no back-references."""

from __future__ import annotations

import re2

from batchmatrix.parse.number import number_of_text

__all__ = ["MAX_PATTERN", "Pattern"]

MAX_PATTERN = 1024
"""Characters an expression may have."""

_MAX_MEMORY = 1 << 20
"""Bytes RE2 may use for one compiled expression; a repeat that explodes is refused when it is compiled."""

_TEXT_BOUND = ("\\A", "\\z", "\\Z", "\\Q", "(?", "(*")
"""Where one of these is written, `^` and `$` may not be all that ties the expression to the ends of a line."""


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
        # With lines instead of the text for ^ and $, a block without a match holds no line with one.
        plain = pattern.replace("(?P<", "").replace("(?:", "")
        several = not any(mark in plain for mark in _TEXT_BOUND)
        self._lines = re2.compile(b"(?m:" + pattern.encode() + b")", options) if several else None
        names = self._regexp.groupindex
        self._group = names.get("value", names.get(b"value", min(1, self._regexp.groups)))

    def may_match(self, lines: bytes) -> bool:
        """False only if no line of `lines` matches; a hundred times as fast as asking for each of them."""
        if self._lines is None or b"\r" in lines:
            return True
        return self._lines.search(lines) is not None

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
