"""Rights of users in a test's namespace."""

from __future__ import annotations

from tests.support.cluster import Json, Kube

__all__ = ["grant"]


def grant(kube: Kube, user: str, rules: list[Json]) -> None:
    """Give a user a role of their own in the namespace of `kube`."""
    api = "rbac.authorization.k8s.io"
    role = {"apiVersion": f"{api}/v1", "kind": "Role", "metadata": {"name": user}, "rules": rules}
    binding = {
        "apiVersion": f"{api}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": user},
        "subjects": [{"kind": "User", "name": user, "apiGroup": api}],
        "roleRef": {"kind": "Role", "name": user, "apiGroup": api},
    }
    kube.create("roles", role)
    kube.create("rolebindings", binding)
