"""A matrix is no way around the right to create Jobs."""

from __future__ import annotations

import json

import pytest

from tests.support.cluster import Json, Kube
from tests.support.cluster_matrices import matrix
from tests.support.installation import Installation
from tests.support.rights import grant

MATRICES = {
    "apiGroups": ["batchmatrix.dev"],
    "resources": ["batchmatrices"],
    "verbs": ["create", "get", "list", "patch", "update"],
}
JOBS = {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create"]}


@pytest.fixture
def manifest(operator: Installation) -> Json:
    # No node has this label, so nothing runs here.
    hardware = {"none": {"nodeLabels": {"batchmatrix.test/none": "none"}}}
    return matrix(
        "asked",
        operator.images,
        axes=[{"name": "hardware", "values": ["none"]}],
        catalog={"hardware": hardware},
    )


@pytest.fixture
def users(kube: Kube) -> tuple[Kube, Kube]:
    """One who may write matrices, and one who may create Jobs too."""
    grant(kube, "writer", [MATRICES])
    grant(kube, "runner", [MATRICES, JOBS])
    return kube.as_user("writer"), kube.as_user("runner")


def test_who_may_not_create_jobs_may_not_create_a_matrix(kube: Kube, users: tuple[Kube, Kube], manifest: Json) -> None:
    writer, runner = users
    refused = writer.kubectl("create", "-f", "-", stdin=json.dumps(manifest), check=False)
    assert refused.returncode != 0
    assert "may not create Jobs" in refused.stderr
    assert "writer" in refused.stderr
    assert kube.list("batchmatrices") == []
    runner.kubectl("create", "-f", "-", stdin=json.dumps(manifest))
    assert [one["metadata"]["name"] for one in kube.list("batchmatrices")] == ["asked"]


def test_nor_change_one(kube: Kube, users: tuple[Kube, Kube], manifest: Json) -> None:
    writer, runner = users
    runner.kubectl("create", "-f", "-", stdin=json.dumps(manifest))
    change = ("patch", "bmx", "asked", "--type=merge", "-p", '{"spec":{"trials":2}}')
    refused = writer.kubectl(*change, check=False)
    assert refused.returncode != 0
    assert "may not create Jobs" in refused.stderr
    assert kube.get("batchmatrices", "asked")["metadata"]["generation"] == 1
    runner.kubectl(*change)
    assert kube.get("batchmatrices", "asked")["spec"]["trials"] == 2


@pytest.mark.parametrize(("role", "may"), [("edit", True), ("view", False)])
def test_the_built_in_roles_cover_matrices(kube: Kube, manifest: Json, role: str, may: bool) -> None:
    user = f"{role}or"
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": role},
        "subjects": [{"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}],
        "roleRef": {"kind": "ClusterRole", "name": role, "apiGroup": "rbac.authorization.k8s.io"},
    }
    kube.create("rolebindings", binding)
    person = kube.as_user(user)
    done = person.kubectl("create", "-f", "-", stdin=json.dumps(manifest), check=False)
    assert (done.returncode == 0) is may, done.stderr
    assert person.kubectl("get", "bmx", check=False).returncode == 0
