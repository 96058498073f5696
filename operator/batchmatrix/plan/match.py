"""Matches held against values of axes: what include, exclude, overrides, `when` and baseline.match have in common."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from batchmatrix.base.text import scalar_text
from batchmatrix.model.cell import Scalar
from batchmatrix.model.v1alpha1 import Entry, InlineImage, MatchValue

__all__ = ["Rule", "key_of", "label_of", "match_text", "stack_hint"]


def label_of(value: Entry) -> Scalar:
    """How a value of an axis is shown and told apart: a stack as `a+b`, an inline image by its name."""
    if isinstance(value, InlineImage):
        return value.name
    return "+".join(value) if isinstance(value, tuple) else value


def key_of(value: Entry) -> str:
    """What makes values of one axis the same: the text that the workload would see; a stack of one is its name."""
    return scalar_text(label_of(value))


def _keys(value: MatchValue, *, alternatives: bool) -> frozenset[str]:
    """Keys of the values that `value` fits."""
    if not isinstance(value, tuple):
        return frozenset((key_of(value),))
    if alternatives:
        return frozenset(key_of(item) for item in value)
    return frozenset((key_of(tuple(str(item) for item in value)),))


class Rule:
    """A match, ready to be held against many combinations.

    A list means alternatives, or one stack where there are none (in an include).
    """

    def __init__(self, match: Mapping[str, MatchValue], *, alternatives: bool = True) -> None:
        self._wanted = {name: _keys(value, alternatives=alternatives) for name, value in sorted(match.items())}

    def fits(self, values: Mapping[str, Scalar]) -> bool:
        """Whether it agrees on every axis that it names."""
        return all(name in values and scalar_text(values[name]) in keys for name, keys in self._wanted.items())

    @property
    def wanted(self) -> dict[str, frozenset[str]]:
        """Axis or label to the texts of its values that fit."""
        return dict(self._wanted)

    def takes(self, axis: str, key: str) -> bool:
        """Whether it lets a combination with this value of `axis` pass, whatever its other values are."""
        return axis not in self._wanted or key in self._wanted[axis]


def stack_hint(match: Mapping[str, MatchValue], labels: Collection[Scalar]) -> str:
    """What to say of a rule that fits nothing because its list means alternatives; empty where that is not why.

    `labels` are those of the mitigations that there are.
    """
    value = match.get("mitigation")
    if isinstance(value, tuple) and "+".join(map(str, value)) in labels and not any(key_of(v) in labels for v in value):
        return f"; a stack is written [[{', '.join(map(str, value))}]]"
    return ""


def match_text(match: Mapping[str, MatchValue], *, between: str = " or ") -> str:
    """A match in words, `between` alternatives: `mitigation=none, size=8 or 32`."""
    parts = []
    for name, value in match.items():
        items = value if isinstance(value, tuple) else (value,)
        parts.append(f"{name}={between.join(key_of(item) for item in items)}")
    return ", ".join(parts)
