"""What the kubelet makes of variables (third_party/forked/golang/expansion of Kubernetes, written down anew)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["expanded", "seen_by_the_container"]

_STEP = re.compile(r"\$(\$|\(([^)]*)\))", re.DOTALL)


def expanded(text: str, known: Mapping[str, str]) -> str:
    """`text` with `$(X)` replaced where X is known, and `$$` by one `$`; all else stays."""

    def one(found: re.Match[str]) -> str:
        if found[1] == "$":
            return "$"
        return known.get(found[2], found[0])

    return _STEP.sub(one, text)


def seen_by_the_container(variables: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The environment that `env` of a container gives to its process."""
    seen: dict[str, str] = {}
    for variable in variables:
        seen[variable["name"]] = expanded(variable.get("value", ""), seen)
    return seen
