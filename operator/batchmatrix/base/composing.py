"""Texts of YAML to nodes, by libyaml where it reads as our other reader does; what scalars mean is not said here."""

from __future__ import annotations

import re
from typing import Any

import yaml

from batchmatrix.base.plain import is_null

__all__ = ["PLAIN", "STRING", "CarefulLoader", "FastLoader", "compose", "is_for_libyaml"]

PLAIN = "plain"
"""Tag of a scalar without quotes, that can mean anything."""

STRING = "tag:yaml.org,2002:str"


class _Plain:
    """Leaves open what a plain scalar means: resolve_plain says that."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            return PLAIN if implicit[0] else STRING
        return str(super().resolve(kind, value, implicit))  # type: ignore[misc]


class CarefulLoader(_Plain, yaml.SafeLoader):
    """Says best what is wrong with a text, and where."""


class FastLoader(_Plain, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """By libyaml where PyYAML was built with it, ten times as fast."""


_UNLIKE = re.compile(r"[\t\ufeff?]|(?:^|[\s\[{,:&-])!|[|>][-+0-9]*#")
"""Of these the two readers make different things, or say different places; within a word `!` is no tag."""

_DEEP = 200
"""Collections in each other. PyYAML's use of libyaml has no limit of its own: it would end the process."""


def is_for_libyaml(text: str) -> bool:
    """Whether both readers read `text` alike, if FastLoader takes it at all.

    Raises yaml.YAMLError, and UnicodeError, where it does not.
    """
    if _UNLIKE.search(text):
        return False
    depth = 0
    for event in yaml.parse(text, FastLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEP:
            return False
    return True


def compose(text: str, loader: type[CarefulLoader | FastLoader]) -> list[yaml.Node]:
    """The node of each document that is not empty.

    Raises yaml.YAMLError; UnicodeError for half a character, from FastLoader; RecursionError.
    """
    return [node for node in yaml.compose_all(text, loader) if not _empty(node)]


def _empty(node: yaml.Node | None) -> bool:
    """Whether there is nothing between two `---`."""
    return node is None or (node.tag == PLAIN and is_null(node.value))
