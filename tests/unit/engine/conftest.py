"""The operator's process, begun as often as a test likes."""

from __future__ import annotations

import pytest

from tests.support.process import begun

start = pytest.fixture(begun, name="start")
