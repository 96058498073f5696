"""When a matrix whose pass came to nothing gets its next one."""

from __future__ import annotations

import pytest

from batchmatrix.controller.backoff import LONGEST, Backoff
from batchmatrix.model.cell import MatrixRef

ONE = MatrixRef("triage", "one", "uid-1")
OTHER = MatrixRef("triage", "other", "uid-2")


def test_each_failure_makes_the_wait_twice_as_long_up_to_a_limit() -> None:
    backoff = Backoff(jitter=lambda: 1.0)
    assert [backoff.failed(ONE) for _ in range(9)] == [1, 2, 4, 8, 16, 32, LONGEST, LONGEST, LONGEST]
    assert backoff.failed(OTHER) == 1
    backoff.succeeded(ONE)
    assert backoff.failed(ONE) == 1


@pytest.mark.parametrize(("asked", "waits"), [(4.0, 4.0), (0.001, 1.0), (300.0, 300.0)])
def test_a_wait_that_was_asked_for_is_kept_and_is_no_failure(asked: float, waits: float) -> None:
    backoff = Backoff(jitter=lambda: 1.0)
    assert [backoff.failed(ONE, asked=asked) for _ in range(20)] == [waits] * 20
    assert backoff.failed(ONE) == 1


def test_those_that_failed_together_do_not_come_together() -> None:
    jitters = iter([0.8, 1.2])
    backoff = Backoff(jitter=lambda: next(jitters))
    assert [backoff.failed(ONE), backoff.failed(OTHER)] == [0.8, 1.2]
