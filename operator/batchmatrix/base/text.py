"""Text from outside made safe for the place where it is shown."""

from __future__ import annotations

import html
import re

__all__ = [
    "counted",
    "escaped",
    "for_csv",
    "for_markdown",
    "for_markdown_code",
    "one_line",
    "scalar_text",
]

_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters, marks that turn the direction of text, and half surrogates, which UTF-8 cannot hold."""

_MARKDOWN = re.compile(r"([\\`*\[\]|~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")
"""What has a meaning in Markdown; an underscore inside a word has none."""

_LINK = re.compile(r"(?<=:)//|(?i:(?<=www)\.)")
"""Where GitHub finds a link in plain text."""

_MENTION = re.compile(r"(?<![A-Za-z0-9])@(?=[A-Za-z0-9])")
_BACKTICKS = re.compile(r"`+")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def one_line(text: str, *, limit: int = 512) -> str:
    """`text` as one line without control characters, of at most `limit` characters.

    Escape sequences of a terminal cannot survive this (CVE-2021-25743 is the classic case).
    """
    flat = _CONTROL.sub("\ufffd", " ".join(text.replace("\t", " ").splitlines())).strip()
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def escaped(text: str) -> str:
    r"""`text` with every character that one_line replaces as `\uXXXX`, but for tabs and line feeds.

    Inside of a JSON string, and of double quotes in YAML, that is the same character.
    """
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def for_markdown(text: str) -> str:
    """`text` for a cell of a Markdown table: no line break, no live markup, HTML, link or mention."""
    safe = _MARKDOWN.sub(r"\\\1", html.escape(one_line(text), quote=False))
    return _MENTION.sub("@&#8203;", _LINK.sub(lambda match: "\\" + match[0], safe))


def for_markdown_code(text: str) -> str:
    """`text` as a code span outside of tables, where nothing in it is live and all of it reads as it was written."""
    flat = one_line(text) or " "
    fence = "`" * (1 + max((len(run) for run in _BACKTICKS.findall(flat)), default=0))
    pad = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{fence}{pad}{flat}{pad}{fence}"


def for_csv(text: str) -> str:
    """`text` for a CSV field: what a spreadsheet would run as a formula gets a leading apostrophe (OWASP)."""
    if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text):
        return "'" + text
    return text


def scalar_text(value: str | int | float | bool) -> str:
    """How the value of a parameter reads in a variable and in reports.

    `true` and `false`, whole numbers and fractions in the shortest form that reads back, texts as they are.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)


def counted(number: int, noun: str) -> str:
    """`1 cell`, `2 cells`: a count with its noun, which takes a plain s."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
