"""Where the objects of one matrix lie, relative to its own folder in the store (MatrixRef.prefix)."""

from __future__ import annotations

import hashlib
import re

__all__ = [
    "catalog_key",
    "log_prefix",
    "plan_key",
    "resolved_key",
    "run_prefix",
    "runs_prefix",
    "safe_part",
    "spec_key",
]

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]|^\.")
_PART_LIMIT = 160
"""Characters of one part of a key: the stores take 255, a file system adds to them."""


def safe_part(text: str) -> str:
    """`text` as one part of a key: percent-encoded but for letters, digits, `.`, `_` and `-`.

    Never empty, never beginning with a dot, so never `..`; what is too long is cut and told apart by its digest.
    Different texts give different parts.
    """
    encoded = _UNSAFE.sub(_percent, text) or "%"
    if len(encoded) <= _PART_LIMIT:
        return encoded
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{encoded[: _PART_LIMIT - 33]}~{digest[:32]}"


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "surrogatepass"))


def log_prefix(cell: str, trial: int, pod_uid: str) -> str:
    """Folder of one pod's log, without a slash at its end."""
    return f"logs/{safe_part(cell)}/{trial}/{safe_part(pod_uid)}"


def runs_prefix() -> str:
    """Folder of all generations, with its slash."""
    return "runs/"


def run_prefix(generation: int) -> str:
    """Folder of one generation, without a slash at its end."""
    return f"{runs_prefix()}{generation}"


def plan_key(generation: int) -> str:
    """The pinned plan."""
    return f"{run_prefix(generation)}/plan.json"


def catalog_key(generation: int) -> str:
    """Every entry of a catalog that the generation uses, with its source."""
    return f"{run_prefix(generation)}/catalog.json"


def resolved_key(generation: int) -> str:
    """The matrix with those entries written into it."""
    return f"{run_prefix(generation)}/matrix.resolved.yaml"


def spec_key(generation: int) -> str:
    """The object as it was when the plan was made."""
    return f"{run_prefix(generation)}/spec.json"
