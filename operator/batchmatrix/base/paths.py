"""Places in a document, as a person writes them."""

from __future__ import annotations

import re

from batchmatrix.base.text import one_line

__all__ = ["field_path"]

_PLAIN_STEP = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def field_path(location: tuple[int | str, ...]) -> str:
    """A location as a person writes it: `spec.axes[0].values`, `spec.catalog.hardware["h-100"]`.

    In quotes, a quote and a backslash have a backslash before them.
    """
    path = ""
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
        elif step == "[key]":
            continue
        elif _PLAIN_STEP.fullmatch(step):
            path += f".{step}" if path else step
        else:
            shown = one_line(step, limit=80) or " " * bool(step)  # a key of blanks alone is not none
            written = shown.replace("\\", "\\\\").replace('"', '\\"')
            path += f'["{written}"]'
    return path
