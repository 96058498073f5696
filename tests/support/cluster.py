"""A thin client for the local cluster: objects are plain dicts, and only a cluster of ours is ever touched."""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import yaml

__all__ = ["Access", "ApiError", "Json", "Kube", "NoCluster", "find_kubeconfig", "kubectl_program", "read_kubeconfig"]

Json = dict[str, Any]

ROOT = Path(__file__).resolve().parents[2]
OURS: Mapping[str, frozenset[str]] = {
    "batchmatrix": frozenset({"10.88.0.1", "127.0.0.1"}),
    "kind-batchmatrix": frozenset({"127.0.0.1", "localhost", "0.0.0.0", "::1"}),
}
"""Contexts that tests may use, and where their API servers may be: nothing that is not on this machine."""

CORE = "/api/v1"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
PREFIXES: Mapping[str, str] = {
    "configmaps": CORE,
    "events": CORE,
    "namespaces": CORE,
    "nodes": CORE,
    "persistentvolumeclaims": CORE,
    "persistentvolumes": CORE,
    "pods": CORE,
    "resourcequotas": CORE,
    "secrets": CORE,
    "serviceaccounts": CORE,
    "services": CORE,
    "deployments": "/apis/apps/v1",
    "jobs": "/apis/batch/v1",
    "leases": "/apis/coordination.k8s.io/v1",
    "batchmatrices": "/apis/batchmatrix.dev/v1alpha1",
    "matrixcatalogs": "/apis/batchmatrix.dev/v1alpha1",
    "customresourcedefinitions": "/apis/apiextensions.k8s.io/v1",
    "clusterroles": RBAC,
    "clusterrolebindings": RBAC,
    "roles": RBAC,
    "rolebindings": RBAC,
    "validatingadmissionpolicies": ADMISSION,
    "validatingadmissionpolicybindings": ADMISSION,
    "validatingwebhookconfigurations": ADMISSION,
}
CLUSTER_WIDE = frozenset(
    {
        "namespaces",
        "nodes",
        "persistentvolumes",
        "customresourcedefinitions",
        "clusterroles",
        "clusterrolebindings",
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "validatingwebhookconfigurations",
    }
)
PATCH_TYPES = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "apply": "application/apply-patch+yaml",
    "strategic": "application/strategic-merge-patch+json",
}


class NoCluster(Exception):
    """There is no cluster that tests may use; the text is one line with the remedy."""


class ApiError(Exception):
    """The API server said no."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(f"{code} {reason}: {message}")
        self.code = code
        self.reason = reason
        self.message = message


def find_kubeconfig(environ: Mapping[str, str] = os.environ) -> Path:
    """The kubeconfig of KUBECONFIG, else the one that hack/cluster knows. Raises NoCluster."""
    named = environ.get("KUBECONFIG", "")
    if named:
        path = Path(named)
        if not path.is_file():
            raise NoCluster(f"KUBECONFIG={named} is no file; start a cluster with hack/cluster up, or unset it")
        return path
    tool = ROOT / "hack" / "cluster"
    try:
        done = subprocess.run([tool, "kubeconfig"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise NoCluster(f"hack/cluster kubeconfig does not work ({problem}); start it with hack/cluster up") from None
    path = Path(done.stdout.strip())
    if done.returncode != 0 or not done.stdout.strip() or not path.is_file():
        raise NoCluster("these tests need the local cluster; start it with hack/cluster up")
    return path


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach the API server as the kubeconfig's own user."""

    kubeconfig: Path
    context: str
    host: str
    port: int
    tls: ssl.SSLContext
    token: str = ""


def read_kubeconfig(path: Path) -> Access:
    """Read the current context of the kubeconfig at `path`. Raises NoCluster where it is not one of OURS."""
    content = yaml.safe_load(path.read_text())
    context_name = content.get("current-context", "")

    def entry(kind: str, name: str) -> Json:
        found: Json = next(one[kind] for one in content[f"{kind}s"] if one["name"] == name)
        return found

    if context_name not in OURS:
        raise NoCluster(
            f"context {context_name!r} of {path} is not a local test cluster (those are {', '.join(sorted(OURS))}); "
            "start one with hack/cluster up"
        )
    context = entry("context", context_name)
    cluster, user = entry("cluster", context["cluster"]), entry("user", context["user"])
    server = urlsplit(cluster["server"])
    host = server.hostname or ""
    if host not in OURS[context_name]:
        raise NoCluster(f"context {context_name!r} of {path} points to {host}, which is not on this machine")
    tls = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    if "client-certificate-data" in user:
        # ssl takes certificates from files only; this one is readable by us alone and gone at once.
        with tempfile.NamedTemporaryFile() as pair:
            pair.write(base64.b64decode(user["client-certificate-data"]))
            pair.write(base64.b64decode(user["client-key-data"]))
            pair.flush()
            tls.load_cert_chain(pair.name)
    return Access(path, context_name, host, server.port or 443, tls, user.get("token", ""))


class Kube:
    """One user's view of the API server; `namespace` is where namespaced resources are meant by default.

    A resource is a plural of PREFIXES, or `group/version/plural` for any other.
    """

    def __init__(self, access: Access, *, namespace: str = "", user: str = "", groups: Sequence[str] = ()) -> None:
        self.access = access
        self.namespace = namespace
        self.user = user
        self.groups = tuple(groups)
        self._local = threading.local()

    def at(self, namespace: str) -> Kube:
        """The same user with another default namespace."""
        return Kube(self.access, namespace=namespace, user=self.user, groups=self.groups)

    def as_user(self, user: str, *groups: str) -> Kube:
        """Another user, by impersonation."""
        return Kube(self.access, namespace=self.namespace, user=user, groups=groups)

    # -- objects ------------------------------------------------------------------------------------------------

    def path(self, resource: str, name: str = "", *, namespace: str | None = None, subresource: str = "") -> str:
        """The URL path of a collection or an object."""
        if "/" in resource:
            group, version, plural = resource.split("/")
            prefix = f"/apis/{group}/{version}"
        else:
            prefix, plural = PREFIXES[resource], resource
        where = self.namespace if namespace is None else namespace
        parts = [prefix]
        if where and resource not in CLUSTER_WIDE:
            parts += ["namespaces", where]
        parts += [part for part in (plural, name, subresource) if part]
        return "/".join(parts)

    def get(self, resource: str, name: str, *, namespace: str | None = None) -> Json:
        """The object. Raises ApiError 404."""
        return self.call("GET", self.path(resource, name, namespace=namespace))

    def find(self, resource: str, name: str, *, namespace: str | None = None) -> Json | None:
        """The object, or None where there is none."""
        try:
            return self.get(resource, name, namespace=namespace)
        except ApiError as problem:
            if problem.code == 404:
                return None
            raise

    def list(self, resource: str, *, namespace: str | None = None, selector: str = "", fields: str = "") -> list[Json]:
        """All objects of the namespace; `selector` is a label selector, `fields` a field selector."""
        query = {"labelSelector": selector, "fieldSelector": fields}
        found = self.call("GET", self.path(resource, namespace=namespace), query=query)
        items: list[Json] = found["items"]
        return items

    def create(
        self,
        resource: str,
        manifest: Mapping[str, Any],
        *,
        namespace: str | None = None,
        validation: str = "Strict",
        dry_run: bool = False,
    ) -> Json:
        """Create an object; `validation` is Strict, Warn or Ignore."""
        query = {"fieldValidation": validation, "dryRun": "All" if dry_run else ""}
        return self.call("POST", self.path(resource, namespace=namespace), manifest, query=query)

    def replace(
        self, resource: str, manifest: Mapping[str, Any], *, namespace: str | None = None, subresource: str = ""
    ) -> Json:
        """Put an object in the place of its older self."""
        name = manifest["metadata"]["name"]
        path = self.path(resource, name, namespace=namespace, subresource=subresource)
        return self.call("PUT", path, manifest, query={"fieldValidation": "Strict"})

    def patch(
        self,
        resource: str,
        name: str,
        patch: Any,
        *,
        kind: str = "merge",
        namespace: str | None = None,
        subresource: str = "",
    ) -> Json:
        """Patch an object; `kind` is merge, json, apply or strategic."""
        query = {"fieldManager": "batchmatrix-tests", "force": "true"} if kind == "apply" else {}
        path = self.path(resource, name, namespace=namespace, subresource=subresource)
        return self.call("PATCH", path, patch, content=PATCH_TYPES[kind], query=query)

    def drop_finalizer(self, pod: str, finalizer: str, *, namespace: str | None = None) -> None:
        """Take this finalizer off the pod and leave the others to who set them, who may be taking theirs off now."""
        patch = {"metadata": {"$deleteFromPrimitiveList/finalizers": [finalizer]}}
        self.patch("pods", pod, patch, kind="strategic", namespace=namespace)

    def delete(
        self,
        resource: str,
        name: str,
        *,
        namespace: str | None = None,
        propagation: str = "Background",
        grace: int | None = None,
        missing_ok: bool = False,
    ) -> None:
        """Ask for the object's deletion; `grace` in seconds, 0 takes a pod away without its kubelet's word."""
        options: Json = {"propagationPolicy": propagation}
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        try:
            self.call("DELETE", self.path(resource, name, namespace=namespace), options)
        except ApiError as problem:
            if problem.code != 404 or not missing_ok:
                raise

    def delete_all(self, resource: str, *, namespace: str | None = None, grace: int | None = None) -> None:
        """Ask for the deletion of every object of a kind in the namespace."""
        options: Json = {"propagationPolicy": "Background"}
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        self.call("DELETE", self.path(resource, namespace=namespace), options)

    def evict(self, pod: str, *, namespace: str | None = None) -> None:
        """Evict a pod as a drain does. Raises ApiError 429 where a disruption budget forbids it."""
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
        self.call("POST", self.path("pods", pod, namespace=namespace, subresource="eviction"), body)

    def logs(self, pod: str, *, namespace: str | None = None, timestamps: bool = False, since: str = "") -> bytes:
        """The log of the pod's one container as the API server hands it out, byte for byte."""
        query = {"timestamps": "true" if timestamps else "", "sinceTime": since}
        return self.raw("GET", self.path("pods", pod, namespace=namespace, subresource="log"), query=query)

    # -- the wire -----------------------------------------------------------------------------------------------

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content: str = "application/json",
        query: Mapping[str, str] | None = None,
    ) -> Json:
        """One request with a JSON answer."""
        answer: Json = json.loads(self.raw(method, path, body, content=content, query=query))
        return answer

    def raw(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content: str = "application/json",
        query: Mapping[str, str] | None = None,
    ) -> bytes:
        """One request; the answer's bytes. Raises ApiError for a status of 400 and above."""
        wanted = {name: value for name, value in (query or {}).items() if value}
        target = f"{path}?{urlencode(wanted)}" if wanted else path
        payload = None if body is None else json.dumps(body)
        headers = http_headers(self.access.token, self.user, self.groups)
        headers.append(("Content-Type", content))
        fresh = not hasattr(self._local, "connection")
        try:
            answer, data = self._exchange(method, target, payload, headers)
        except (http.client.HTTPException, OSError):
            self._drop()
            # The server may close an idle connection as we write to it; on a new one the error is real.
            if fresh:
                raise
            answer, data = self._exchange(method, target, payload, headers)
        if answer.status >= 400:
            raise _error(answer.status, data)
        return data

    def _exchange(
        self, method: str, target: str, payload: str | None, headers: Sequence[tuple[str, str]]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        connection: http.client.HTTPSConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            access = self.access
            connection = http.client.HTTPSConnection(access.host, access.port, context=access.tls, timeout=60)
            self._local.connection = connection
        data = None if payload is None else payload.encode()
        connection.putrequest(method, target)
        for name, value in headers:
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(data or b"")))
        connection.endheaders(data)
        answer = connection.getresponse()
        content = answer.read()
        return answer, content

    def _drop(self) -> None:
        connection: http.client.HTTPSConnection | None = self._local.__dict__.pop("connection", None)
        if connection is not None:
            connection.close()

    # -- kubectl ------------------------------------------------------------------------------------------------

    def kubectl(
        self, *words: str, stdin: str | None = None, check: bool = True, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl as this user in this namespace; with `check` a failure is an AssertionError."""
        command = [kubectl_program(), f"--kubeconfig={self.access.kubeconfig}", f"--context={self.access.context}"]
        command += [f"--namespace={self.namespace}"] if self.namespace else []
        command += [f"--as={self.user}"] if self.user else []
        command += [f"--as-group={group}" for group in self.groups]
        done = subprocess.run(
            [*command, *words], input=stdin, capture_output=True, text=True, timeout=timeout, check=False
        )
        if check and done.returncode != 0:
            raise AssertionError(f"kubectl {' '.join(words)} exited {done.returncode}: {done.stderr.strip()}")
        return done

    def exec(self, pod: str, *command: str, timeout: float = 60) -> str:
        """Run a command in the pod's one container; what it wrote to standard output."""
        return self.kubectl("exec", pod, "--", *command, timeout=timeout).stdout


@cache
def kubectl_program() -> str:
    """Path of the kubectl that hack/cluster would use; it brings one where the machine has none."""
    done = subprocess.run(
        [ROOT / "hack" / "cluster", "bin", "kubectl"], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, f"hack/cluster bin kubectl: {done.stderr.strip()}"
    return done.stdout.strip()


def http_headers(token: str, user: str, groups: Sequence[str]) -> list[tuple[str, str]]:
    """Headers that say who asks."""
    headers = [("Accept", "application/json, */*")]
    if token:
        headers.append(("Authorization", f"Bearer {token}"))
    if user:
        headers.append(("Impersonate-User", user))
        headers += [("Impersonate-Group", group) for group in groups]
    return headers


def _error(status: int, data: bytes) -> ApiError:
    try:
        answer = json.loads(data)
        return ApiError(status, str(answer.get("reason", "")), str(answer.get("message", "")))
    except (ValueError, AttributeError):
        return ApiError(status, "", data.decode(errors="replace").strip()[:500])
