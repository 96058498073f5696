"""Fixtures of the e2e ring: a real cluster whose nodes run real containers."""

from __future__ import annotations

import pytest

from tests.support.busybox import load_busybox
from tests.support.cluster import Kube


@pytest.fixture(scope="session")
def busybox(cluster: Kube) -> str:
    """Name of an image with a shell and the usual small tools, present on every real node."""
    return load_busybox(cluster)
