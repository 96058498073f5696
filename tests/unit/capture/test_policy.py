from __future__ import annotations

import pytest

from batchmatrix.capture.policy import LOG_MODES, follow_from


@pytest.mark.parametrize(("mode", "begin"), [("auto", 130.0), ("follow", 100.0), ("end", None)])
def test_when_following_begins(mode: str, begin: float | None) -> None:
    assert follow_from(mode, 100.0) == begin


def test_every_mode_is_known() -> None:
    assert LOG_MODES == ("auto", "follow", "end")
