"""Fixtures of the e2e ring: a real cluster whose nodes run real containers, and the operator installed by Helm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.audit import AuditLog
from tests.support.busybox import load_busybox
from tests.support.cluster import Kube
from tests.support.installation import Installation, installed
from tests.support.namespaces import drop_namespace, make_namespace
from tests.support.nodes import Nodes, real_nodes

HERE = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever comes first waits for images to be built; each wait of a test has a deadline of its own."""
    for item in items:
        if item.path.is_relative_to(HERE) and "operator" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(2400))


@pytest.fixture(scope="session")
def busybox(cluster: Kube) -> str:
    """Name of an image with a shell and the usual small tools, present on every real node."""
    return load_busybox(cluster)


@pytest.fixture(scope="session")
def operator(cluster: Kube) -> Iterator[Installation]:
    """The operator, installed by Helm with an S3 store `default` and a store `folder` on a volume."""
    with installed(cluster) as installation:
        yield installation


@pytest.fixture
def nodes(cluster: Kube, kube: Kube) -> Iterator[Nodes]:
    """The real nodes, for tests that run beside no others; both are back before the test's namespace goes."""
    found = real_nodes(cluster)
    try:
        yield found
    finally:
        found.restore()


@pytest.fixture(scope="module")
def audit(cluster: Kube) -> AuditLog:
    """Requests since the first test of the module."""
    return AuditLog()


@pytest.fixture(scope="module")
def shared_namespace(request: pytest.FixtureRequest, cluster: Kube, dropped_namespaces: list[str]) -> Iterator[str]:
    """One namespace for all tests of a module; at the end nothing in it may be left."""
    name = make_namespace(cluster)
    failed_before = request.session.testsfailed
    yield name
    drop_namespace(cluster, name, failed=request.session.testsfailed > failed_before)
    dropped_namespaces.append(name)
