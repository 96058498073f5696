from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.weightstats import ttost_ind

from batchmatrix.summarise.comparison.equivalence import equivalence
from batchmatrix.summarise.comparison.welch import welch

CELL = np.array([[4.61, 4.62, 4.60, 4.63, 4.61]])
BASE = np.array([[4.60, 4.61, 4.63, 4.62]])


@pytest.mark.parametrize("margin", [0.01, 0.03, 0.05])
def test_as_another_library_has_it(margin: float) -> None:
    expected = ttost_ind(CELL[0], BASE[0], -margin, margin, usevar="unequal")[0]
    assert equivalence(CELL, BASE, np.array([margin]))[0] == pytest.approx(expected)


def test_it_is_shown_exactly_where_the_90_percent_interval_lies_inside_the_margin() -> None:
    cells, bases = np.random.default_rng(11).normal(scale=0.03, size=(2, 500, 5))
    found = welch(cells, bases)
    shown = equivalence(cells, bases, np.full(500, 0.05)) <= 0.05
    inside = (found.low90 > -0.05) & (found.high90 < 0.05)
    assert (shown == inside).all()
    assert 0 < shown.sum() < 500


@pytest.mark.parametrize("shift", [0.2, -0.2])
def test_what_differs_by_more_than_the_margin_is_not_equivalent(shift: float) -> None:
    assert equivalence(CELL + shift, BASE, np.array([0.05]))[0] > 0.99
