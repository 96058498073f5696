"""Fixtures of the faults ring."""

from __future__ import annotations

import pytest

from tests.support.process import begun

start = pytest.fixture(begun, name="start")
