"""Objects of the watch, less what costs memory and is of no use here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["lean"]


def lean(body: Mapping[str, Any]) -> dict[str, Any]:
    """The object without managedFields, which are a third of it."""
    kept = {key: value for key, value in body.items() if key != "metadata"}
    kept["metadata"] = {key: value for key, value in body["metadata"].items() if key != "managedFields"}
    return kept
