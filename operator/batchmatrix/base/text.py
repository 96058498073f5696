"""Text from outside made safe for the place where it is shown."""

from __future__ import annotations

import html
import re

__all__ = ["for_csv", "for_markdown", "one_line"]

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_MARKDOWN = re.compile(r"([\\`*_\[\]|~])")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def one_line(text: str, *, limit: int = 512) -> str:
    """`text` as one line without control characters, of at most `limit` characters.

    Escape sequences of a terminal cannot survive this (CVE-2021-25743 is the classic case).
    """
    flat = _CONTROL.sub("\ufffd", " ".join(text.replace("\t", " ").splitlines())).strip()
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def for_markdown(text: str) -> str:
    """`text` for a cell of a Markdown table: no line break, no live markup, HTML or link."""
    return _MARKDOWN.sub(r"\\\1", html.escape(one_line(text), quote=False))


def for_csv(text: str) -> str:
    """`text` for a CSV field: what a spreadsheet would run as a formula gets a leading apostrophe (OWASP)."""
    if text and text[0] in "=+-@\t\r" and not _NUMBER.fullmatch(text):
        return "'" + text
    return text
