"""Namespaces of tests: made empty, and at the end proved to leave nothing behind."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from tests.support.cluster import ApiError, Json, Kube
from tests.support.wait import Pending, wait_for

__all__ = ["drop_namespace", "make_namespace", "wait_until_gone"]

OUR_FINALIZER = "batchmatrix.dev/"
CHILDREN = ("jobs", "pods")
EMPTY_SECONDS = 45.0
GONE_SECONDS = 90.0


def make_namespace(kube: Kube, *, labels: dict[str, str] | None = None) -> str:
    """Create a namespace with a name of its own and wait until pods can be made in it."""
    name = f"test-{secrets.token_hex(4)}"
    metadata = {"name": name, "labels": {"batchmatrix-tests": "true", **(labels or {})}}
    kube.create("namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    there = kube.at(name)
    wait_for(lambda: there.find("serviceaccounts", "default"), timeout=30, what=f"service account default of {name}")
    return name


def drop_namespace(kube: Kube, name: str, *, failed: bool) -> None:
    """Delete a test's namespace and all in it.

    After a test that passed, whoever put finalizers of ours on objects must take them off without help: what
    does not go away is an AssertionError. After a test that failed (`failed`) they are taken off here, so that
    one failure stays one.
    """
    there = kube.at(name)
    if not failed:
        try:
            _empty(there)
        except AssertionError:
            _force(there)
            kube.delete("namespaces", name, missing_ok=True)
            raise
    else:
        _force(there)
    kube.delete("namespaces", name, missing_ok=True)


def wait_until_gone(kube: Kube, names: Iterable[str]) -> None:
    """Wait for the end of namespaces that were dropped; Kubernetes takes at least five seconds for each."""
    wait_for(
        lambda: not (left := [name for name in names if kube.find("namespaces", name)]) or Pending(left),
        timeout=GONE_SECONDS,
        what="the namespaces of the tests to be gone",
        interval=0.5,
    )


def _empty(there: Kube) -> None:
    _delete_matrices(there)
    there.delete_all("jobs")
    there.delete_all("pods", grace=1)
    wait_for(
        lambda: _nothing_left(there),
        timeout=EMPTY_SECONDS,
        what=f"Jobs and pods of namespace {there.namespace} to be gone",
        interval=0.2,
    )


def _delete_matrices(there: Kube) -> None:
    try:
        there.delete_all("batchmatrices")
    except ApiError as problem:
        if problem.code != 404:  # without the CRD there is no such collection
            raise


def _nothing_left(there: Kube) -> bool | Pending:
    left = [_line(kind, item) for kind in CHILDREN for item in there.list(kind)]
    return Pending("\n".join(left)) if left else True


def _line(kind: str, item: Json) -> str:
    metadata = item["metadata"]
    since = metadata.get("deletionTimestamp", "not deleted")
    return f"{kind}/{metadata['name']}: finalizers {metadata.get('finalizers', [])}, deletion {since}"


def _force(there: Kube) -> None:
    """Delete everything without waiting for a kubelet, and take our finalizers off."""
    _delete_matrices(there)
    there.delete_all("jobs")
    there.delete_all("pods", grace=0)
    for pod in there.list("pods"):
        for ours in [name for name in pod["metadata"].get("finalizers", []) if name.startswith(OUR_FINALIZER)]:
            try:
                there.drop_finalizer(pod["metadata"]["name"], ours)
            except ApiError as problem:
                if problem.code != 404:
                    raise
