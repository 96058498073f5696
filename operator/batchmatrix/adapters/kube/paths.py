"""Where the resources we use live under the API server."""

from __future__ import annotations

from dataclasses import dataclass

from batchmatrix.model.cell import GROUP, VERSION

__all__ = ["CATALOGS", "CONFIG_MAPS", "EVENTS", "JOBS", "LEASES", "MATRICES", "NODES", "PODS", "Resource", "requested"]


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of object as a place in the URL space."""

    root: str
    """`/api/v1` or `/apis/<group>/<version>`."""
    plural: str

    def all(self, namespace: str | None = None) -> str:
        """Path of the collection: of one namespace, or of the whole cluster for None."""
        middle = "" if namespace is None else f"/namespaces/{namespace}"
        return f"{self.root}{middle}/{self.plural}"

    def one(self, namespace: str, name: str, subresource: str = "") -> str:
        """Path of one object, or of a subresource of it such as `status`."""
        path = f"{self.all(namespace)}/{name}"
        return f"{path}/{subresource}" if subresource else path


JOBS = Resource("/apis/batch/v1", "jobs")
PODS = Resource("/api/v1", "pods")
NODES = Resource("/api/v1", "nodes")
CONFIG_MAPS = Resource("/api/v1", "configmaps")
EVENTS = Resource("/api/v1", "events")
LEASES = Resource("/apis/coordination.k8s.io/v1", "leases")
MATRICES = Resource(f"/apis/{GROUP}/{VERSION}", "batchmatrices")
CATALOGS = Resource(f"/apis/{GROUP}/{VERSION}", "matrixcatalogs")

_PLURALS = frozenset(each.plural for each in (JOBS, PODS, NODES, CONFIG_MAPS, EVENTS, LEASES, MATRICES, CATALOGS))


def requested(path: str) -> tuple[str, bool]:
    """What a path asks for, as `jobs` or `pods/log`, and whether it names one object; `other` for what is none of ours.

    No name of an object or a namespace is in the answer.
    """
    parts = path.split("/")
    rest = parts[3 if parts[1] == "api" else 4 :]
    if len(rest) > 2 and rest[0] == "namespaces":
        rest = rest[2:]
    if not rest or rest[0] not in _PLURALS:
        return "other", False
    return "/".join((rest[0], *rest[2:3])), len(rest) > 1
