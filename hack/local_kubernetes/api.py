"""A small client for the API server, for the few calls that bringing up a cluster needs."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from typing import Any

from .errors import ClusterError
from .paths import API_PORT, BRIDGE_ADDRESS
from .pki import Authority

Json = dict[str, Any]
FIELD_MANAGER = "hack-cluster"

# Where objects of a kind live: API prefix, plural name, whether they are namespaced.
KINDS: Mapping[tuple[str, str], tuple[str, str, bool]] = {
    ("v1", "Namespace"): ("/api/v1", "namespaces", False),
    ("v1", "Node"): ("/api/v1", "nodes", False),
    ("v1", "PersistentVolume"): ("/api/v1", "persistentvolumes", False),
    ("v1", "ConfigMap"): ("/api/v1", "configmaps", True),
    ("v1", "Service"): ("/api/v1", "services", True),
    ("v1", "ServiceAccount"): ("/api/v1", "serviceaccounts", True),
    ("apps/v1", "Deployment"): ("/apis/apps/v1", "deployments", True),
    ("storage.k8s.io/v1", "StorageClass"): ("/apis/storage.k8s.io/v1", "storageclasses", False),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"): ("/apis/rbac.authorization.k8s.io/v1", "clusterroles", False),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): (
        "/apis/rbac.authorization.k8s.io/v1",
        "clusterrolebindings",
        False,
    ),
}


class ApiProblem(ClusterError):
    """The API server answered with an error; ``code`` is the HTTP status."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def object_path(manifest: Mapping[str, Any]) -> str:
    """Return the URL path of the object that ``manifest`` describes."""
    prefix, plural, namespaced = KINDS[(manifest["apiVersion"], manifest["kind"])]
    metadata = manifest["metadata"]
    middle = f"/namespaces/{metadata['namespace']}" if namespaced else ""
    return f"{prefix}{middle}/{plural}/{metadata['name']}"


class Api:
    """One user's view of the API server at ``host``; each call opens a connection of its own."""

    def __init__(self, authority: Authority, user: str = "cluster-tool", *, host: str = BRIDGE_ADDRESS) -> None:
        self._host = host
        try:
            self._tls = ssl.create_default_context(cafile=str(authority.certificate))
            self._tls.load_cert_chain(authority.certificate_of(user), authority.key_of(user))
        except (OSError, ssl.SSLError) as problem:
            raise ClusterError(f"no usable certificates under {authority.folder}") from problem

    def call(
        self, method: str, path: str, body: Any = None, *, content: str = "application/json", timeout: float = 15.0
    ) -> Json:
        """Send one request and return the parsed answer; an error status becomes an ApiProblem."""
        text = self.text(method, path, body, content=content, timeout=timeout)
        parsed: Json = json.loads(text) if text else {}
        return parsed

    def text(
        self, method: str, path: str, body: Any = None, *, content: str = "application/json", timeout: float = 15.0
    ) -> str:
        connection = http.client.HTTPSConnection(self._host, API_PORT, context=self._tls, timeout=timeout)
        try:
            payload = None if body is None else json.dumps(body)
            connection.request(method, path, body=payload, headers={"Content-Type": content})
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as problem:
            raise ApiProblem(0, f"the API server does not answer: {problem}") from problem
        finally:
            connection.close()
        if answer.status >= 400:
            try:
                message = str(json.loads(text)["message"])
            except (ValueError, KeyError, TypeError):
                message = text.strip()[:300]
            raise ApiProblem(answer.status, f"{method} {path}: {answer.status}: {message}")
        return text

    def get(self, path: str) -> Json | None:
        """Return the object, or None where there is none."""
        try:
            return self.call("GET", path)
        except ApiProblem as problem:
            if problem.code == 404:
                return None
            raise

    def ready(self) -> bool:
        """Tell whether the API server says of itself that it is ready."""
        try:
            return self.text("GET", "/readyz", timeout=3.0) == "ok"
        except ClusterError:
            return False

    def apply(self, manifest: Mapping[str, Any]) -> Json:
        """Create or update an object by server-side apply."""
        query = f"?fieldManager={FIELD_MANAGER}&force=true"
        return self.call("PATCH", object_path(manifest) + query, manifest, content="application/apply-patch+yaml")

    def merge(self, path: str, patch: Any) -> Json:
        return self.call("PATCH", path, patch, content="application/merge-patch+json")
