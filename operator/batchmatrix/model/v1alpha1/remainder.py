"""What is left of an object without the places that are wrong by themselves: so that they hide nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from batchmatrix.base.paths import field_path

__all__ = ["Place", "Remainder", "widened"]

Place = tuple[int | str, ...]

_INDEX = re.compile(r"\[(\d+)\]")


def widened(place: Place) -> Place:
    """The whole item of a list that a place lies in: of what is left of one, little can be told. Else the place."""
    way = place[: place.index("[key]")] if "[key]" in place else place
    items = [index for index, step in enumerate(way) if isinstance(step, int)]
    return way[: items[-1] + 1] if items else way


class Remainder:
    """A copy without the places that are `gone`, and the way back from its own places to those of the object.

    Keys that are no texts are left out too.
    """

    def __init__(self, obj: Mapping[str, Any], gone: Iterable[Place]) -> None:
        self._gone = frozenset(gone)
        self._kept: dict[str, list[int]] = {}
        self.data: dict[str, Any] = self._copy(obj, (), ())

    def _copy(self, value: Any, place: Place, new: Place) -> Any:
        if isinstance(value, Mapping):
            return {
                key: self._copy(item, (*place, key), (*new, key))
                for key, item in value.items()
                if isinstance(key, str) and (*place, key) not in self._gone
            }
        if isinstance(value, list):
            kept = [index for index in range(len(value)) if (*place, index) not in self._gone]
            if len(kept) < len(value):
                self._kept[field_path(new)] = kept
            return [self._copy(value[old], (*place, old), (*new, index)) for index, old in enumerate(kept)]
        return value

    def place(self, place: Place) -> Place:
        """Where in the object `place` of the copy is."""
        found: Place = ()
        for index, step in enumerate(place):
            kept = self._kept.get(field_path(place[:index])) if isinstance(step, int) else None
            found = (*found, step if kept is None else kept[int(step)])
        return found

    def path(self, path: str) -> str:
        """The same for a field path."""

        def one(step: re.Match[str]) -> str:
            kept = self._kept.get(path[: step.start()])
            return step[0] if kept is None else f"[{kept[int(step[1])]}]"

        return _INDEX.sub(one, path)
