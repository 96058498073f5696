"""Row 17: the CRD is deleted in full flight; for a cluster that nobody else uses at the time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.conftest import Benches
from tests.faults.test_row_17_teardown import HELD, flying, in_flight, left_in, the_matrix
from tests.support.cluster import Kube
from tests.support.kube import ensure_crds
from tests.support.wait import Pending

CRD = "batchmatrices.batchmatrix.dev"


@pytest.fixture
def crds_again(cluster: Kube, installed: Kube) -> Iterator[Kube]:
    """The cluster, which gets its CRDs back."""
    yield installed
    ensure_crds(cluster)


@pytest.mark.parametrize("restart", [False, True])
def test_a_deleted_crd_takes_its_objects_and_their_pods_with_it(
    stage: Benches, cluster: Kube, crds_again: Kube, *, restart: bool
) -> None:
    assert crds_again
    with stage(play=in_flight) as case:
        case.operator.start()
        case.kube.create("batchmatrices", the_matrix())
        case.wait(flying(case.kube), what="trials to run")
        jobs = {job["metadata"]["name"] for job in case.kube.list("jobs")}
        if restart:
            case.operator.kill()
        cluster.delete("customresourcedefinitions", CRD)
        case.wait_without(
            lambda: cluster.find("customresourcedefinitions", CRD) is None or Pending("it is still there"),
            what="the CRD to be gone",
        )
        if restart:
            case.operator.start()
        case.wait(
            lambda: not (left := left_in(case.kube)["pods"]) or Pending([left, case.deaths, case.operator.tail()]),
            what="the pods of the objects to be let go",
        )
        records = case.records()
        assert {record["job"] for record in records} == jobs
        assert sum(record["outcome"] in ("Interrupted", "Cancelled") for record in records) == HELD
        ensure_crds(cluster)
