"""How much a spec may ask for, by arithmetic, before a cell is resolved or a trial is listed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.model.v1alpha1 import Match, Spec
from batchmatrix.plan.combination import Combination
from batchmatrix.plan.match import Rule

__all__ = ["check_trials"]


def check_trials(spec: Spec, cells: Sequence[Combination], *, max_trials: int) -> None:
    """Raises InvalidSpec at the place that asks for most, where there would be more than `max_trials` trials."""
    own = [cell.settings.trials for cell in cells]
    total = sum(spec.trials if trials is None else trials for trials in own)
    if total <= max_trials:
        return
    asked: Counter[str] = Counter()
    setters = list(_setters(spec))
    for cell, trials in zip(cells, own, strict=True):
        path = next((path for path, sets in setters if sets(cell)), "spec.trials") if trials else "spec.trials"
        asked[path] += trials or spec.trials
    path, most = asked.most_common(1)[0]
    limit = f"this operator takes at most {max_trials}: lower trials or remove values"
    if len(asked) == 1 and path == "spec.trials":
        text = f"{len(cells)} cells x {spec.trials} trials make {total}; {limit}"
    else:
        text = f"makes {most} of {total} trials; {limit}"
    raise InvalidSpec([Problem(path, text)])


def _setters(spec: Spec) -> Iterator[tuple[str, Callable[[Combination], bool]]]:
    """Places that say how many trials some cells have, and whether they say it of a cell; what wins comes first."""
    for index, override in reversed(list(enumerate(spec.overrides))):
        if override.set.trials is not None:
            yield f"spec.overrides[{index}].set.trials", _fits(override.match)
    for index, include in reversed(list(enumerate(spec.include))):
        if include.set.trials is not None:
            yield f"spec.include[{index}].set.trials", _adds(include.match, f"spec.include[{index}]")
    for index, one in enumerate(spec.cells):
        if one.trials is not None:
            yield f"spec.cells[{index}].trials", _is(f"spec.cells[{index}]")


def _fits(match: Match) -> Callable[[Combination], bool]:
    rule = Rule(match)
    return lambda cell: rule.fits(cell.values)


def _adds(match: Match, path: str) -> Callable[[Combination], bool]:
    """An include speaks of the cell that it makes, and of those of the product that it agrees with."""
    rule = Rule(match, alternatives=False)
    return lambda cell: cell.origin == path or (cell.origin == "axes" and rule.fits(cell.values))


def _is(path: str) -> Callable[[Combination], bool]:
    return lambda cell: cell.origin == path
