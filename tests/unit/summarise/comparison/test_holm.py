from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from batchmatrix.summarise.comparison.holm import holm


def test_by_hand() -> None:
    # 4 x 0.01, 3 x 0.02, 2 x 0.03 = 0.06 but never under the one before, 1 x 0.5
    assert holm([0.03, 0.01, 0.5, 0.02]).tolist() == pytest.approx([0.06, 0.04, 0.5, 0.06])


@pytest.mark.parametrize("m", [1, 2, 7, 100])
def test_as_another_library_has_it(m: int) -> None:
    p = np.random.default_rng(m).uniform(size=m) ** 3
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])


def test_what_was_planned_and_came_to_nothing_counts_in_the_family() -> None:
    nan = float("nan")
    found = holm([nan, 0.02, nan])
    assert found[1] == pytest.approx(3 * 0.02)
    assert np.isnan(found[[0, 2]]).all()


def test_never_more_than_one_and_ties_agree() -> None:
    assert holm([0.5, 0.5, 0.9]).tolist() == [1.0, 1.0, 1.0]
    assert holm([0.01, 0.01]).tolist() == [0.02, 0.02]


def test_families_lie_along_the_last_axis() -> None:
    p = np.random.default_rng(0).uniform(size=(5, 4, 6))
    found = holm(p)
    for place in np.ndindex(5, 4):
        assert found[place].tolist() == holm(p[place]).tolist()
