"""Until when the server wants to be left alone, and with what."""

from __future__ import annotations

import pytest

from batchmatrix.adapters.kube.patience import LONGEST, Patience
from batchmatrix.base.errors import Unavailable

PODS = "/api/v1/namespaces/a/pods"
JOBS = "/apis/batch/v1/namespaces/a/jobs"


def test_the_same_kind_of_request_waits_and_every_other_does_not() -> None:
    now = 100.0
    patience = Patience(monotonic=lambda: now)
    patience.note("PATCH", f"{PODS}/x", 5)
    now = 102.0
    with pytest.raises(Unavailable, match="asked to wait 3 s more") as caught:
        patience.check("PATCH", f"{PODS}/y")
    assert caught.value.retry_after == 3
    patience.check("DELETE", f"{PODS}/y")
    patience.check("PATCH", "/api/v1/namespaces/b/pods/y")
    patience.check("PATCH", f"{JOBS}/y")
    patience.check("PATCH", "/api/v1/pods")
    now = 105.0
    patience.check("PATCH", f"{PODS}/y")


def test_collections_of_a_namespace_and_of_the_cluster_are_told_apart() -> None:
    patience = Patience(monotonic=lambda: 0.0)
    for path in (JOBS, "/api/v1/nodes", "/apis/batchmatrix.dev/v1alpha1/namespaces/a/batchmatrices/m/status"):
        patience.note("GET", path, 1)
        with pytest.raises(Unavailable):
            patience.check("GET", path)
    with pytest.raises(Unavailable):
        patience.check("GET", "/apis/batchmatrix.dev/v1alpha1/namespaces/a/batchmatrices")
    patience.check("GET", "/api/v1/namespaces")


def test_no_header_stops_a_matrix_for_a_day() -> None:
    now = 0.0
    patience = Patience(monotonic=lambda: now)
    patience.note("POST", JOBS, 86_400)
    now = LONGEST
    patience.check("POST", JOBS)
