"""What errors say."""

from __future__ import annotations

from batchmatrix.base.errors import BatchMatrixError, InvalidSpec, NotFound, Problem, Unavailable


def test_an_invalid_spec_says_everything_that_is_wrong_in_one_line() -> None:
    error = InvalidSpec([Problem("spec.trials", "0 is too few; write 1 or more"), Problem("", "no axes")])
    assert str(error) == "spec.trials: 0 is too few; write 1 or more; no axes"
    assert [problem.path for problem in error.problems] == ["spec.trials", ""]


def test_unavailable_knows_how_long_to_wait() -> None:
    assert Unavailable("busy", retry_after=2.5).retry_after == 2.5
    assert Unavailable("busy").retry_after is None


def test_all_are_errors_of_this_package() -> None:
    assert issubclass(NotFound, BatchMatrixError)
    assert issubclass(InvalidSpec, BatchMatrixError)
