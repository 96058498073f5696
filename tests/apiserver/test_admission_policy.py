"""The chart's admission policy on a real API server: neither kind is a way around the right to create Jobs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import pytest

from tests.support.cluster import ApiError, Json, Kube
from tests.support.helm import kind_of, render
from tests.support.kube import ensure_crds
from tests.support.rights import grant
from tests.support.specs import catalog_object, matrix_object
from tests.support.wait import Pending, wait_for

OURS = {
    "apiGroups": ["batchmatrix.dev"],
    "resources": ["batchmatrices", "matrixcatalogs"],
    "verbs": ["create", "get", "list", "patch", "update"],
}
JOBS = {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create"]}
OBJECTS: dict[str, Callable[[], Json]] = {"batchmatrices": matrix_object, "matrixcatalogs": catalog_object}
GROUP = "admissionregistration.k8s.io"


IN_FORCE = {"expression": "object.metadata.name != 'in-force'", "message": "the copy of this test is in force"}
"""Shows the policy of the test itself: one that is installed on the cluster refuses the same people."""


def refused(user: Kube, plural: str, *, name: str = "") -> str:
    """What the server says to a creation that stores nothing; empty where it is allowed."""
    obj = OBJECTS[plural]()
    obj["metadata"]["name"] = name or obj["metadata"]["name"]
    try:
        user.create(plural, obj, dry_run=True)
    except ApiError as error:
        return str(error)
    return ""


@pytest.fixture
def users(kube: Kube, cluster: Kube) -> Iterator[tuple[Kube, Kube]]:
    """One who may write our kinds, and one who may create Jobs too, where the policy is in force for them."""
    ensure_crds(cluster)
    objects = copy.deepcopy(render())
    (policy,) = kind_of(objects, "ValidatingAdmissionPolicy")
    (binding,) = kind_of(objects, "ValidatingAdmissionPolicyBinding")
    name = f"{kube.namespace}-jobs"
    for each in (policy, binding):
        each["metadata"]["name"] = name
    binding["spec"]["policyName"] = name
    policy["spec"]["validations"].append(IN_FORCE)
    here = {"matchLabels": {"kubernetes.io/metadata.name": kube.namespace}}
    binding["spec"]["matchResources"] = {"namespaceSelector": here}  # other tests go on as if it were not there
    grant(kube, "writer", [OURS])
    grant(kube, "runner", [OURS, JOBS])
    writer, runner = kube.as_user("writer"), kube.as_user("runner")
    cluster.create("validatingadmissionpolicies", policy)
    cluster.create("validatingadmissionpolicybindings", binding)
    try:
        wait_for(
            lambda: IN_FORCE["message"] in refused(runner, "batchmatrices", name="in-force") or Pending("not yet"),
            timeout=30,
            what="the policy to be in force",
        )
        yield writer, runner
    finally:
        cluster.delete("validatingadmissionpolicybindings", name)
        cluster.delete("validatingadmissionpolicies", name)


def test_who_may_not_create_jobs_may_create_neither_kind(users: tuple[Kube, Kube]) -> None:
    writer, runner = users
    for plural, kind in (("batchmatrices", "BatchMatrix"), ("matrixcatalogs", "MatrixCatalog")):
        said = refused(writer, plural)
        assert f"a {kind} says what Jobs run, and writer may not create Jobs in namespace {writer.namespace}" in said
        assert refused(runner, plural) == ""


@pytest.mark.parametrize("plural", OBJECTS)
def test_nor_change_one(users: tuple[Kube, Kube], kube: Kube, plural: str) -> None:
    writer, runner = users
    obj = kube.create(plural, OBJECTS[plural]())
    name = obj["metadata"]["name"]
    change = {"spec": {"trials": 2}} if plural == "batchmatrices" else {"spec": {"mitigations": {"slow": {}}}}
    with pytest.raises(ApiError, match="may not create Jobs"):
        writer.patch(plural, name, change)
    assert kube.get(plural, name)["spec"] == obj["spec"]
    assert runner.patch(plural, name, change)["spec"] != obj["spec"]


def test_the_policy_has_no_warnings(users: tuple[Kube, Kube], cluster: Kube) -> None:
    """The server checks its expressions against both kinds."""
    name = f"{users[0].namespace}-jobs"

    def checked() -> Json | Pending:
        found: Json = cluster.get("validatingadmissionpolicies", name)
        return found if "typeChecking" in found.get("status", {}) else Pending(found.get("status"))

    found = wait_for(checked, timeout=30, what="the policy to be checked")
    assert found["status"]["typeChecking"].get("expressionWarnings", []) == []


@pytest.mark.parametrize("plural", OBJECTS)
def test_nor_change_one_that_is_being_deleted_although_its_finalizers_may_be_taken_off(
    users: tuple[Kube, Kube], kube: Kube, plural: str
) -> None:
    """Others still read it: a catalog that is kept by a finalizer could be changed under them."""
    writer, runner = users
    obj = OBJECTS[plural]()
    obj["metadata"]["finalizers"] = ["example.com/kept"]
    made = kube.create(plural, obj)
    name = made["metadata"]["name"]
    kube.delete(plural, name)
    assert "deletionTimestamp" in kube.get(plural, name)["metadata"]
    change = {"spec": {"trials": 2}} if plural == "batchmatrices" else {"spec": {"mitigations": {"slow": {}}}}
    with pytest.raises(ApiError, match="may not create Jobs"):
        writer.patch(plural, name, change)
    assert kube.get(plural, name)["spec"] == made["spec"]
    assert runner.patch(plural, name, change)["spec"] != made["spec"]
    writer.patch(plural, name, {"metadata": {"finalizers": None}})
    with pytest.raises(ApiError):
        kube.get(plural, name)
