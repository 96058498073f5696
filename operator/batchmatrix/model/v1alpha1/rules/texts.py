"""Words and small checks that several rules share."""

from __future__ import annotations

import re

__all__ = ["LAUNCH_VARIABLES", "RESERVED", "literal", "references", "reserved"]

LAUNCH_VARIABLES = ("BATCHMATRIX_TRIAL", "BATCHMATRIX_SEED", "BATCHMATRIX_CELL", "BATCHMATRIX_ATTEMPT")
"""Variables that each attempt gets besides those in the spec, in this order; BATCHMATRIX_STEPS follows if set."""

RESERVED = "BATCHMATRIX_"
"""What the names of variables of users must not begin with."""

_REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")
_C_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def references(text: str) -> list[str]:
    """Names X in the `$(X)` of `text` that the kubelet would look up; `$$(X)` is a literal `$(X)`.

    Only C identifiers count: nothing else can be a variable here, and the kubelet leaves it as it is.
    """
    return [name for name in _REFERENCE.findall(text) if _C_NAME.fullmatch(name)]


def literal(text: str) -> str:
    """`text` as a variable's value in a manifest, so that the container sees `text` itself.

    The kubelet replaces `$(X)` and `$$` in values of variables, as in command and args; a doubled `$` is one `$`.
    """
    return text.replace("$", "$$")


def reserved(shown: str) -> str:
    """What is said of a name that is ours."""
    return f"{shown} begins with {RESERVED}, which is reserved; rename it"
