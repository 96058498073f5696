"""Fixtures of the ring of faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.support.cluster import Json, Kube
from tests.support.faults.bench import Bench, bench
from tests.support.faults.oracle import End
from tests.support.faults.plays import PodPlay, Trial
from tests.support.kube import ensure_crds
from tests.support.namespaces import drop_namespace, make_namespace
from tests.support.seaweedfs import S3Server, seaweedfs

Benches = Callable[..., AbstractContextManager[Bench]]
Undisturbed = Callable[[Json, Callable[[Trial], PodPlay]], End]


@pytest.fixture(scope="session")
def installed(cluster: Kube) -> Kube:
    """The cluster with the CRDs of this checkout."""
    ensure_crds(cluster)
    return cluster


@pytest.fixture
def stage(kube: Kube, installed: Kube, tmp_path: Path) -> Benches:
    """Makes the bench of a test, with the arguments of support.faults.bench."""
    assert installed

    def make(**more: Any) -> AbstractContextManager[Bench]:
        return bench(kube, tmp_path, **more)

    return make


@pytest.fixture(scope="session")
def undisturbed(
    cluster: Kube, installed: Kube, dropped_namespaces: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Undisturbed:
    """How a matrix ends when nothing goes wrong; each name is run once in a session, so a name means one spec."""
    assert installed
    ends: dict[str, End] = {}

    def run(manifest: Json, play: Callable[[Trial], PodPlay]) -> End:
        name = manifest["metadata"]["name"]
        if name not in ends:
            namespace = make_namespace(cluster)
            with bench(cluster.at(namespace), tmp_path_factory.mktemp("undisturbed"), play=play) as case:
                case.operator.start()
                case.kube.create("batchmatrices", manifest)
                case.settled(name)
                ends[name] = case.end(name)
                assert case.deaths == []
            drop_namespace(cluster, namespace, failed=False)
            dropped_namespaces.append(namespace)
        return ends[name]

    return run


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """One S3 server for all tests of a process; each has a bucket of its own."""
    with seaweedfs(tmp_path_factory.mktemp("s3") / "weed") as server:
        yield server
