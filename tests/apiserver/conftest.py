"""Fixtures of the apiserver ring: a real control plane, and nodes that tests play."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.cluster import Kube
from tests.support.fake_kubelet import FakeKubelet


@pytest.fixture
def kubelet(kube: Kube) -> Iterator[FakeKubelet]:
    """A node of the test's own whose containers do what the test says."""
    fake = FakeKubelet(kube)
    yield fake
    fake.close()
