"""What the benchmarks stand on: a namespace of the local cluster, users of their own, and what processes cost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support.cluster import ROOT, Access, Json, Kube, NoCluster, find_kubeconfig, read_kubeconfig
from tests.support.kube import ensure_crds
from tests.support.namespaces import drop_namespace, make_namespace, wait_until_gone
from tests.support.wait import wait_for

__all__ = ["Child", "Rig", "Usage", "measured", "python", "rig", "usage"]

TICK = os.sysconf("SC_CLK_TCK")
TOKEN_SECONDS = 3600
STOP_SECONDS = 20.0
IDLE_SECONDS = 30.0
RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has cost so far."""

    cpu: float
    """Seconds of CPU, user and system."""
    peak: int
    """Most resident bytes (VmHWM)."""
    resident: int
    """Resident bytes now (VmRSS)."""


def usage(pid: int | str = "self") -> Usage:
    """The cost of a process, as the kernel counts it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    memory = {
        name: int(rest.split()[0]) << 10
        for name, _, rest in (line.partition(":") for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        if name in ("VmHWM", "VmRSS")
    }
    return Usage((int(fields[11]) + int(fields[12])) / TICK, memory["VmHWM"], memory["VmRSS"])


def python(*words: str, environ: Mapping[str, str] | None = None, **options: Any) -> subprocess.Popen[bytes]:
    """A process of this interpreter that finds the package and the tests."""
    path = os.pathsep.join([str(ROOT / "operator"), str(ROOT)])
    return subprocess.Popen(
        [sys.executable, *words], env={**os.environ, "PYTHONPATH": path, **(environ or {})}, cwd=ROOT, **options
    )


def measured(module: str, *words: str, what: str, longest: float) -> Any:
    """What a process of its own, `python -m module words`, measures and prints as JSON.

    Raises RuntimeError, which names `what`, where it fails or takes more than `longest` seconds.
    """
    process = python("-m", module, *words, stdout=subprocess.PIPE)
    try:
        out, _ = process.communicate(timeout=longest)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise RuntimeError(f"{what}: not done after {longest:g} s") from None
    if process.returncode != 0:
        raise RuntimeError(f"{what}: exit status {process.returncode}")
    return json.loads(out)


class Child:
    """A process with its output in a file; leaving the block ends it."""

    def __init__(self, what: str, log: Path, *words: str, environ: Mapping[str, str] | None = None) -> None:
        self._what = what
        self._log = log
        with log.open("wb") as out:
            self._process = python(*words, environ=environ, stdout=out, stderr=out)

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def usage(self) -> Usage:
        """What it has cost so far. Raises RuntimeError where it has ended."""
        self.check()
        return usage(self._process.pid)

    def check(self) -> None:
        """Raises RuntimeError with the end of its output where it has ended."""
        if self._process.poll() is not None:
            tail = self._log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{self._what} ended with status {self._process.returncode}:\n{tail}")

    def finish(self, seconds: float) -> None:
        """Wait for its own end. Raises RuntimeError where it fails or takes longer."""
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"{self._what} was not done after {seconds:g} s") from None
        if status != 0:
            self.check()


class Rig:
    """A namespace of the local cluster, empty at first, and a folder that goes with it."""

    def __init__(self, access: Access, namespace: str, folder: Path) -> None:
        self.namespace = namespace
        self.folder = folder
        self._access = access
        self._kube = Kube(access, namespace=namespace)
        self._used = time.monotonic()

    @property
    def kube(self) -> Kube:
        """The administrator's view of the namespace; ask for it anew each time, as servers close idle connections."""
        now = time.monotonic()
        if now - self._used > IDLE_SECONDS:
            self._kube = Kube(self._access, namespace=self.namespace)
        self._used = now
        return self._kube

    def account(self, name: str) -> tuple[str, Path]:
        """A service account with every right in the namespace: its name in the audit log, and its kubeconfig."""
        kube = self.kube
        kube.create("serviceaccounts", {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}})
        subject = {"kind": "ServiceAccount", "name": name, "namespace": self.namespace}
        for kind, label, role in (
            ("RoleBinding", name, "cluster-admin"),
            ("ClusterRoleBinding", f"{self.namespace}-{name}", self.namespace),
        ):
            kube.create(
                f"{kind.lower()}s",
                {
                    "apiVersion": f"{RBAC}/v1",
                    "kind": kind,
                    "metadata": {"name": label},
                    "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
                    "subjects": [subject],
                },
            )
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": TOKEN_SECONDS},
        }
        answer = kube.call("POST", kube.path("serviceaccounts", name, subresource="token"), request)
        path = self.folder / f"{name}.kubeconfig"
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(_kubeconfig(kube, name, answer["status"]["token"])))
        return f"system:serviceaccount:{self.namespace}:{name}", path

    def empty(self, *, timeout: float, check: Callable[[], None] = lambda: None) -> None:
        """Wait until no Job and no pod is left in the namespace, asking for one object at a time."""

        def look() -> bool:
            check()
            return not any(
                self.kube.call("GET", self.kube.path(kind), query={"limit": "1"})["items"] for kind in ("jobs", "pods")
            )

        wait_for(look, timeout=timeout, what=f"Jobs and pods of {self.namespace} to be gone", interval=0.3)


@contextmanager
def rig() -> Iterator[Rig]:
    """The namespace and all that goes with it; nothing of it stays but the CRD. Raises NoCluster."""
    access = read_kubeconfig(find_kubeconfig())
    _refuse_others(Kube(access))
    ensure_crds(Kube(access))
    name = make_namespace(Kube(access))
    rules = [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]}]
    try:
        Kube(access).create(
            "clusterroles",
            {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules},
        )
        with tempfile.TemporaryDirectory(prefix="batchmatrix-bench-") as folder:
            yield Rig(access, name, Path(folder))
    finally:
        admin = Kube(access)
        for binding in admin.list("clusterrolebindings"):
            if binding["metadata"]["name"].startswith(f"{name}-"):
                admin.delete("clusterrolebindings", binding["metadata"]["name"], missing_ok=True)
        admin.delete("clusterroles", name, missing_ok=True)
        drop_namespace(admin, name, failed=True)
        wait_until_gone(admin, [name])


def _refuse_others(kube: Kube) -> None:
    """An operator that serves the whole cluster would take the matrices of the benchmark for its own."""
    selector = "app.kubernetes.io/name=batchmatrix,app.kubernetes.io/component=operator"
    for found in kube.list("deployments", selector=selector):
        if found["spec"].get("replicas", 1) > 0:
            where = found["metadata"]
            raise NoCluster(
                f"deployment {where['name']} is an operator that would take the benchmark's matrices for its own; "
                f"stop it first: kubectl -n {where['namespace']} scale deployment {where['name']} --replicas=0"
            )


def _kubeconfig(kube: Kube, name: str, token: str) -> Json:
    """The administrator's kubeconfig with another user."""
    content: Json = yaml.safe_load(kube.access.kubeconfig.read_text())
    context = next(each for each in content["contexts"] if each["name"] == kube.access.context)
    cluster = next(each for each in content["clusters"] if each["name"] == context["context"]["cluster"])
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context["name"],
        "clusters": [cluster],
        "contexts": [{"name": context["name"], "context": {"cluster": cluster["name"], "user": name}}],
        "users": [{"name": name, "user": {"token": token}}],
    }
