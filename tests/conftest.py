"""What all rings share. Each folder under tests/ is a ring and a marker of the same name."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import settings

from tests.support.cluster import ApiError, Kube, NoCluster, find_kubeconfig, read_kubeconfig
from tests.support.golden import Golden
from tests.support.namespaces import drop_namespace, make_namespace, wait_until_gone

RINGS = {
    "unit": "one module, no I/O",
    "property": "laws that hold for all inputs (hypothesis)",
    "golden": "outputs that are fixed byte for byte",
    "browser": "pages in a real browser",
    "contract": "adapters and fakes under the same tests",
    "apiserver": "against a real control plane; no container runs",
    "e2e": "against a real cluster with real containers",
    "faults": "crashes, kills and outages",
    "perf": "measurements",
}
HERE = Path(__file__).resolve().parent
FAILED = pytest.StashKey[bool]()
# A change is judged by the same examples each time, so that what it breaks is not confused with what was broken
# before and is found only now; new examples are for `make explore`.
settings.register_profile("judge", derandomize=True)
settings.register_profile("explore", print_blob=True)
settings.load_profile(os.environ.get("BATCHMATRIX_EXAMPLES", "judge"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files instead of comparing")


def pytest_configure(config: pytest.Config) -> None:
    for ring, meaning in RINGS.items():
        config.addinivalue_line("markers", f"{ring}: {meaning}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        ring = item.path.relative_to(HERE).parts[0] if item.path.is_relative_to(HERE) else ""
        if ring in RINGS:
            item.add_marker(ring)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Leave a note of a failure for the namespace fixture."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


@pytest.fixture(scope="session")
def golden(request: pytest.FixtureRequest) -> Golden:
    """Call it with a file name under tests/golden and the actual value."""
    wanted = request.config.getoption("--update-golden") or os.environ.get("BATCHMATRIX_UPDATE_GOLDEN") == "1"
    return Golden(update=bool(wanted))


def _fail(text: str) -> NoReturn:
    """Fail with this one line and no traceback."""
    raise pytest.fail.Exception(text, pytrace=False) from None


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    """The kubeconfig of the local cluster; without one the test fails, it is never skipped."""
    try:
        return find_kubeconfig()
    except NoCluster as problem:
        _fail(str(problem))


@pytest.fixture(scope="session")
def cluster(kubeconfig: Path) -> Kube:
    """The local cluster as its administrator, without a namespace."""
    try:
        kube = Kube(read_kubeconfig(kubeconfig))
        kube.raw("GET", "/readyz")
    except NoCluster as problem:
        _fail(str(problem))
    except (OSError, ApiError) as problem:
        _fail(f"the cluster of {kubeconfig} does not answer ({problem}); start it with hack/cluster up")
    return kube


@pytest.fixture(scope="session")
def dropped_namespaces(cluster: Kube) -> Iterator[list[str]]:
    """Namespaces that tests are done with: at the very end all of them must be gone."""
    names: list[str] = []
    yield names
    wait_until_gone(cluster, names)


@pytest.fixture
def namespace(request: pytest.FixtureRequest, cluster: Kube, dropped_namespaces: list[str]) -> Iterator[str]:
    """A namespace of the test's own; afterwards nothing in it may be left, nor stay Terminating."""
    name = make_namespace(cluster)
    yield name
    drop_namespace(cluster, name, failed=request.node.stash.get(FAILED, False))
    dropped_namespaces.append(name)


@pytest.fixture
def kube(cluster: Kube, namespace: str) -> Kube:
    """The cluster's administrator in the test's own namespace."""
    return cluster.at(namespace)
