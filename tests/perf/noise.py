"""Trials whose truth is known: how machines scatter, in the ways that have fooled comparisons before.

A trial has 50 steps, of which the next takes after the one before where a scenario says so; what is compared is the
logarithm of the trial's mean step. `sd` below is that of such logarithms, in parts of one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FAMILIES", "SCENARIOS", "STEPS", "Scenario", "Sides"]

STEPS = 50
SLOWED = 0.15
SLOWER_BY = 0.2

Draw = NDArray[np.float64]
Rng = np.random.Generator
Sides = tuple[Draw, Draw]
"""Logarithms of steps of the cell and of the baseline, each (repeats, trials, STEPS)."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A kind of noise for one cell against its baseline."""

    name: str
    what: str
    draw: Callable[[Rng, int, int], Sides]
    """Of (repeats, trials a side), without any true difference."""
    limit: bool = False
    """Beyond what any test of so few numbers can judge: shown, and held to nothing."""


def _normal(rng: Rng, shape: Any) -> Draw:
    return rng.standard_normal(shape)


def _t3(rng: Rng, shape: Any) -> Draw:
    return rng.standard_t(3, shape) / np.sqrt(3)


def _steps(rng: Rng, repeats: int, trials: int, sd: float, follow: float, kind: Any = _normal) -> Draw:
    """Steps around 0; `follow` is the correlation of one with the next."""
    found = kind(rng, (repeats, trials, STEPS))
    for step in range(1, STEPS):
        found[..., step] = follow * found[..., step - 1] + np.sqrt(1 - follow**2) * found[..., step]
    return sd * found


def _side(
    rng: Rng, repeats: int, trials: int, *, steps: float, trial: float, follow: float = 0.8, kind: Any = _normal
) -> Draw:
    between = trial * kind(rng, (repeats, trials, 1))
    return _steps(rng, repeats, trials, steps, follow, kind) + between


def _alike(**noise: Any) -> Callable[[Rng, int, int], Sides]:
    def draw(rng: Rng, repeats: int, trials: int) -> Sides:
        return _side(rng, repeats, trials, **noise), _side(rng, repeats, trials, **noise)

    return draw


def _mixed(**noise: Any) -> Callable[[Rng, int, int], Sides]:
    """Trials of another kind than their steps."""
    kind = noise.pop("trials_of")

    def side(rng: Rng, repeats: int, trials: int) -> Draw:
        return _side(rng, repeats, trials, steps=0.05, trial=0.0) + noise["trial"] * kind(rng, (repeats, trials, 1))

    return lambda rng, repeats, trials: (side(rng, repeats, trials), side(rng, repeats, trials))


def _slow(rng: Rng, repeats: int, trials: int) -> Draw:
    some = rng.random((repeats, trials, 1)) < SLOWED
    return np.where(some, rng.exponential(SLOWER_BY, (repeats, trials, 1)), 0.0)


def _c(rng: Rng, repeats: int, trials: int) -> Draw:
    return _side(rng, repeats, trials, steps=0.05, trial=0.02)


def _both_slow(rng: Rng, repeats: int, trials: int) -> Sides:
    cell, base = (_c(rng, repeats, trials) + _slow(rng, repeats, trials) for _ in range(2))
    return cell, base


def _one_slow(rng: Rng, repeats: int, trials: int) -> Sides:
    return _c(rng, repeats, trials) + _slow(rng, repeats, trials) - SLOWED * SLOWER_BY, _c(rng, repeats, trials)


def _unequal(rng: Rng, repeats: int, trials: int) -> Sides:
    cell = _side(rng, repeats, trials, steps=0.05, trial=0.01)
    return cell, _side(rng, repeats, trials, steps=0.05, trial=0.08)


def _apart(rng: Rng, repeats: int, trials: int) -> Sides:
    cell, base = (_c(rng, repeats, trials) + 0.05 * _normal(rng, (repeats, 1, 1)) for _ in range(2))
    return cell, base


def _rounds(rng: Rng, repeats: int, trials: int) -> Sides:
    drift = 0.05 * _normal(rng, (repeats, trials, 1)).cumsum(axis=1)
    return _c(rng, repeats, trials) + drift, _c(rng, repeats, trials) + drift


SCENARIOS = (
    Scenario("A", "independent steps of .05, trials alike", _alike(steps=0.05, trial=0.0, follow=0.0)),
    Scenario("B", "independent steps of .2, trials alike", _alike(steps=0.2, trial=0.0, follow=0.0)),
    Scenario("C", "correlated steps of .05, trials .02", _alike(steps=0.05, trial=0.02)),
    Scenario("D", "correlated steps of .2, trials .05", _alike(steps=0.2, trial=0.05)),
    Scenario("E", "heavy tails (t with 3), steps .1, trials .05", _alike(steps=0.1, trial=0.05, kind=_t3)),
    Scenario("F", "C, and 15 % of trials are slower by 20 % on average", _both_slow),
    Scenario("G", "trials .01 against .08", _unequal),
    Scenario("H", "C, and F's slow trials in the cell alone, means alike", _one_slow, limit=True),
    Scenario("I", "C, cell after cell: each side has a drift of .05", _apart, limit=True),
    Scenario("I'", "C, in rounds: both sides share a drift of .05 a round", _rounds),
    Scenario("J", "log-normal trials of .05", _alike(steps=0.05, trial=0.05)),
    Scenario("K", "log-normal trials of .2", _alike(steps=0.05, trial=0.2)),
    Scenario("L", "heavy-tailed trials of .2", _mixed(trial=0.2, trials_of=_t3)),
)


def _scattered(kind: Callable[[Rng, Any], Draw]) -> Callable[[Rng, int, int, int], Draw]:
    return lambda rng, repeats, cells, trials: 0.03 * kind(rng, (repeats, cells, trials))


def _skewed(rng: Rng, shape: Any) -> Draw:
    """Mean 0, sd 1: most trials close together, some far slower."""
    slow = np.where(rng.random(shape) < SLOWED, rng.exponential(3.0, shape), 0.0)
    found = 0.3 * _normal(rng, shape) + slow - SLOWED * 3.0
    return found / np.sqrt(0.09 + SLOWED * 18.0 - (SLOWED * 3.0) ** 2)


def _each_its_own(rng: Rng, repeats: int, cells: int, trials: int) -> Draw:
    """Every cell with its own spread, up to eight times that of another."""
    sd = 0.0075 * 8 ** rng.random((repeats, cells, 1))
    return sd * _normal(rng, (repeats, cells, trials))


FAMILIES: Mapping[str, Callable[[Rng, int, int, int], Draw]] = {
    "normal": _scattered(_normal),
    "heavy": _scattered(_t3),
    "skewed": _scattered(_skewed),
    "unequal": _each_its_own,
}
"""Logarithms of trials, (repeats, cells, trials), of (repeats, cells, trials); the first cell is the baseline."""
