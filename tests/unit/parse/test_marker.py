from __future__ import annotations

import pytest

from batchmatrix.parse.marker import EndMarker

MARKER = "TRAINING DONE"


def found(*blocks: bytes, marker: str = MARKER) -> bool:
    looked = EndMarker(marker)
    for block in blocks:
        looked.write(block)
    return looked.found


def test_it_may_stand_anywhere() -> None:
    assert found(b"[rank 0] TRAINING DONE in 5 s\n")
    assert found(b"TRAINING DONE")
    assert not found(b"training done\nTRAINING  DONE\nTRAINING\nDONE\n")
    assert not found()


@pytest.mark.parametrize("cut", range(30))
def test_where_the_log_is_cut_makes_no_difference(cut: int) -> None:
    log = b"step 1\nTRAINING DONE\nbye\n"
    assert found(log[:cut], log[cut:])
    assert found(*(bytes([byte]) for byte in log))


def test_bytes_on_both_sides_of_a_gap_are_no_marker() -> None:
    looked = EndMarker(MARKER)
    looked.write(b"TRAINING ")
    looked.break_off()
    looked.write(b"DONE\n")
    assert not looked.found


def test_any_text_can_be_one() -> None:
    assert found("fertig \u00fc\n".encode(), marker="\u00fc")
    assert found(b"a\n", b"b\n", marker="a\nb")
    assert found(b"x", marker="x")
    assert found(marker="")


def test_what_is_held_back_is_bounded() -> None:
    looked = EndMarker(MARKER)
    for _ in range(100):
        looked.write(b"T" * 100_000)
        assert len(looked._tail) < len(MARKER)
