"""JSON files that users write: one line for what is wrong, and no key that a later one of its name silently undoes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.base.paths import field_path
from batchmatrix.base.text import one_line

__all__ = ["read_json"]


def read_json(text: str, *, source: str) -> tuple[Any, list[Problem]]:
    """What the file holds, and a problem for each key that is there twice. Raises InvalidSpec for what is not JSON."""
    problems: list[Problem] = []

    def unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        for name, count in Counter(name for name, _ in pairs).items():
            if count > 1:
                problems.append(Problem(f"{source}: {field_path((name,))}", "is there twice; keep one"))
        return dict(pairs)

    try:
        return json.loads(text, object_pairs_hook=unique), problems
    except (ValueError, RecursionError) as error:
        raise InvalidSpec([Problem(source, f"is not JSON: {one_line(str(error), limit=200)}; correct it")]) from None
