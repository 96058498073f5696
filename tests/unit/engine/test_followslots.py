"""Places for followed logs: what is promised to one matrix is not given to another."""

from __future__ import annotations

from batchmatrix.engine.followslots import FollowSlots


def test_a_promise_holds_against_others_alone() -> None:
    slots = FollowSlots(10)
    slots.used = 3
    slots.promise("one", 4)
    assert (slots.free_for("one"), slots.free_for("two")) == (7, 3)
    slots.promise("two", 2)
    assert (slots.free_for("one"), slots.free_for("two"), slots.free_for("three")) == (5, 3, 1)


def test_a_promise_that_is_kept_or_dropped_binds_nobody() -> None:
    slots = FollowSlots(2)
    slots.promise("one", 2)
    slots.promise("one", 0)
    assert slots.free_for("two") == 2
    slots.used = 3  # a lower limit than before a restart
    assert slots.free_for("two") == 0
