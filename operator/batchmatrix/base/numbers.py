"""Numbers as people read them: few digits, but never so few that a number reads as one that it is not.

What is rounded onto a limit, onto nothing or onto all would say something else than it is; it gets more digits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

__all__ = ["apart", "percent", "percent_sign", "quantity"]

_SAME = 1e-12
"""Share of a number up to which another one differs from it by floating point alone."""

_MORE = 14
"""Digits that are added at most; then two numbers differ by floating point alone."""

_PLACES = 6
"""Places behind the point that a percentage has at most; what needs more has an exponent."""


def apart(value: float, marks: Iterable[float], write: Callable[[int], str], digits: int) -> str:
    """`write(digits)` of the finite `value`, with more digits until it reads as none of the `marks` that it is not."""
    others = [mark for mark in marks if abs(value - mark) > _SAME * max(abs(value), abs(mark))]
    text = write(digits)
    for more in range(digits + 1, digits + _MORE):
        if all(float(text) != mark for mark in others):
            break
        text = write(more)
    return text


def quantity(value: float, *, digits: int = 3, signed: bool = False, marks: Iterable[float] = ()) -> str:
    """`12.3`, `1000`, `1.2e+08`: so many significant digits, and all of the whole number below ten million."""
    sign = "+" if signed else ""

    def write(digits: int) -> str:
        text = f"{value:{sign}.{digits}g}"
        return f"{value:{sign}.0f}" if "e" in text and 1 <= abs(value) < 1e7 else text

    return apart(value, marks, write, digits)


def percent(share: float, *, signed: bool = False, digits: int = 2) -> str:
    """`4.1`, `+11`, `0.04`, `99.6`: a share in per cent with so many digits, without the sign of per cent.

    Nothing else than 0 reads as `0`, and nothing else than 1 as `100`. Shares are ratios less one, as a rule, so that
    what is left of one below 1e-12 is floating point and no share.
    """
    value = 100 * share
    if abs(share) < _SAME:
        return "0"
    sign = "+" if signed else ""
    if not signed and abs(value - round(value)) < 1e-9 * abs(value):
        return str(round(value))  # as somebody wrote it
    size = abs(value)
    places = max(0, digits - (2 if size >= 9.95 else 1 if size >= 0.095 else 0))
    if size >= 99.5 and not places:  # at first the whole number is rounded, too
        places = -1

    def write(places: int) -> str:
        if places < 0:
            return f"{float(f'{value:.{digits}g}'):{sign}.0f}"
        if places > _PLACES and size < 1:
            return f"{value:{sign}.{digits}g}"
        return f"{value:{sign}.{places}f}"

    return apart(value, (0.0, 100.0, -100.0), write, places)


def percent_sign(share: float, *, marks: Iterable[float] = ()) -> str:
    """`+4.1%`, `+0.05%`: a change with one place behind the point, more where it would read as one of `marks` or 0."""
    if abs(share) < _SAME:
        share = 0.0
    limits = (0.0, 100.0, -100.0, *(100 * mark for mark in marks))
    places = 1 if abs(share) >= 0.00095 or not share else 2
    return apart(100 * share, limits, lambda places: f"{100 * share:+.{places}f}", places) + "%"
