"""How often the words about a cell are right: false alarms, power and false equivalents, on trials of known truth.

CPU of this process alone; no cluster. The product's own tests judge; `agree` proves that what they say is what
`compare` says of the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import comb

import numpy as np

from batchmatrix.model.judging import Word
from batchmatrix.summarise.comparison.failures import boschloo
from tests.perf.judges import Judge, plain, pooled_steps, product, ratio
from tests.perf.noise import FAMILIES, SCENARIOS, Scenario
from tests.support.comparisons import METRIC, judged

__all__ = ["EFFECTS", "SEED", "SIZES", "Answers", "agree", "families", "of_failures", "scenarios"]

SEED = 20261126
"""Chosen before the first run, and not changed since."""
SIZES = (3, 5, 10, 30)
CELLS = (1, 10, 100)
EFFECTS = (0.0, 0.05, 0.15)
CHUNK = 200_000
"""Trials of a family that are judged at once."""


@dataclass(frozen=True, slots=True)
class Answers:
    """How often, as shares of all repeats, by true effect (0.05 is +5 %)."""

    name: str
    trials: int
    cells: int
    repeats: int
    differs: dict[float, float] = field(default_factory=dict)
    """One cell: shown to differ. Families: of the cells that truly differ; at 0 at least one that does not."""
    equivalent: dict[float, float] = field(default_factory=dict)
    """Shown to be equivalent; in families with a true effect, at least one of all."""
    plain: dict[float, float] = field(default_factory=dict)
    """`differs` by scipy's test and Holm's rule without our code."""
    ratio: dict[float, float] = field(default_factory=dict)
    pooled: dict[float, float] = field(default_factory=dict)


def scenarios(judge: Judge, repeats: int, say: Callable[[str], None], *, only: str = "") -> list[Answers]:
    """Each scenario, or those whose names are in `only`, with each number of trials: one cell and its baseline."""
    found = []
    for number, each in enumerate(SCENARIOS):
        if only and each.name not in only.split():
            continue
        say(f"verdicts: {each.name}, {each.what}")
        found += [_scenario(each, judge, trials, repeats, number) for trials in SIZES]
    return found


def _scenario(scenario: Scenario, judge: Judge, trials: int, repeats: int, number: int) -> Answers:
    rng = np.random.default_rng([SEED, number, trials])
    steps, base_steps = scenario.draw(rng, repeats, trials)
    cell, base = (np.log(np.exp(side).mean(axis=2)) for side in (steps, base_steps))
    answers = Answers(scenario.name, trials, 1, repeats)
    for effect in EFFECTS:
        shift = np.log1p(effect)
        found = judge((cell + shift)[:, None, :], base)
        answers.differs[effect] = float(found.differs.mean())
        answers.equivalent[effect] = float(found.equivalent.mean())
        answers.plain[effect] = float(plain((cell + shift)[:, None, :], base).mean())
        answers.ratio[effect] = float(ratio(cell + shift, base).mean())
        answers.pooled[effect] = float(pooled_steps(steps + shift, base_steps).mean())
    return answers


def families(judge: Judge, repeats: int, say: Callable[[str], None], *, cells: Sequence[int] = CELLS) -> list[Answers]:
    """Families of 1, 10 and 100 cells on one baseline: none differs; a tenth does; all differ by the margin."""
    found = []
    for number, (name, draw) in enumerate(FAMILIES.items()):
        for count in cells:
            say(f"verdicts: {name}, families of {count}")
            for trials in SIZES:
                rng = np.random.default_rng([SEED, 100 + number, count, trials])
                found.append(_family(name, draw, judge, rng, (repeats, count, trials)))
    return found


def _family(name: str, draw: object, judge: Judge, rng: np.random.Generator, shape: tuple[int, int, int]) -> Answers:
    repeats, cells, trials = shape
    sums: dict[tuple[str, float], list[float]] = {}
    moved = np.arange(cells) < max(1, cells // 10)
    powers = name == "normal"
    size = max(1, CHUNK // (cells * trials))
    for begin in range(0, repeats, size):
        y = draw(rng, min(size, repeats - begin), cells + 1, trials)  # type: ignore[operator]
        base, others = y[:, 0], y[:, 1:]
        none = judge(others, base)
        sums.setdefault(("differs", 0.0), []).extend(none.differs.any(axis=1))
        sums.setdefault(("equivalent", 0.0), []).extend(none.equivalent.mean(axis=1))
        margin = judge(others + np.log1p(0.05), base)
        sums.setdefault(("equivalent", 0.05), []).extend(margin.equivalent.any(axis=1))
        for effect in EFFECTS[1:] if powers else ():
            shifted = others + np.log1p(effect) * moved[:, None]
            sums.setdefault(("differs", effect), []).extend(judge(shifted, base).differs[:, moved].mean(axis=1))
            sums.setdefault(("plain", effect), []).extend(plain(shifted, base)[:, moved].mean(axis=1))
    answers = Answers(name, trials, cells, repeats)
    for (what, effect), values in sums.items():
        getattr(answers, what)[effect] = float(np.mean(values))
    return answers


def of_failures(sizes: Sequence[int] = (3, 5, 10)) -> list[Answers]:
    """Failures by enumeration of all results: false alarms at the worst rate, and power where .5 and .3 fall to 0."""
    found = []
    for n in sizes:
        shown = np.array([[boschloo(max(j, k), n, min(j, k), n) <= 0.05 for k in range(n + 1)] for j in range(n + 1)])
        ways = np.array([comb(n, k) for k in range(n + 1)], dtype=float)
        worst = max(_chance(shown, _rates(ways, rate), _rates(ways, rate)) for rate in np.arange(0.005, 1, 0.005))
        clean = np.eye(1, n + 1)[0]
        power = {rate: _chance(shown, _rates(ways, rate), clean) for rate in (0.5, 0.3)}
        found.append(Answers("failures", n, 1, 0, differs={0.0: worst, **power}))
    return found


def _rates(ways: np.ndarray, rate: float) -> np.ndarray:
    k = np.arange(len(ways))
    return ways * rate**k * (1 - rate) ** (len(ways) - 1 - k)


def _chance(shown: np.ndarray, one: np.ndarray, other: np.ndarray) -> float:
    return float((shown * one[:, None] * other[None, :]).sum())


def agree(matrices: int = 20) -> int:
    """Compare so many small matrices whole and by the judge; how many words were held against each other.

    Raises RuntimeError where the two differ.
    """
    rng = np.random.default_rng([SEED, 999])
    count = 0
    for number in range(matrices):
        trials, cells = (3, 5, 10)[number % 3], 6
        y = 0.03 * rng.standard_normal((1, cells + 1, trials))
        y[0, 1:, :] += np.array([0.0, 0.0, 0.02, 0.05, 0.15, -0.15])[:, None]
        found = product(y[:, 1:], y[:, 0])
        named = {f"c{cell}": np.exp(4 + y[0, cell]).tolist() for cell in range(cells + 1)}
        rows = [row for row in judged(named).comparisons if row.metric == METRIC.name]
        for row, differs, same in zip(rows, found.differs[0], found.equivalent[0], strict=True):
            expected = Word.EQUIVALENT if same else Word.NO_EVIDENCE
            if differs and not same:
                expected = Word.SLOWER if (row.estimate or 0) > 0 else Word.FASTER
            if row.word is not expected:
                raise RuntimeError(f"compare says {row.word!r} where its tests say {expected!r}: {row.text}")
            count += 1
    return count
