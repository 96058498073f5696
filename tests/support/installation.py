"""The operator as a user installs it: images built, charts installed by Helm, a real S3 server inside the cluster."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import re
import secrets
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import obstore
import yaml
from obstore.store import S3Store

from tests.support.cluster import ROOT, Json, Kube
from tests.support.jobs import condition
from tests.support.nodes import CUDA_LABEL
from tests.support.wait import Pending, wait_for

__all__ = ["ACCOUNT", "NAMESPACE", "Installation", "Results", "installed"]

NAMESPACE = "batchmatrix-system"
ACCOUNT = f"system:serviceaccount:{NAMESPACE}:batchmatrix"
"""The operator as the audit log names it."""
ALLOWED_SERVICE_ACCOUNT = "trial-runner"
BUCKET = "batchmatrix"
S3_PORT = 8333
SERVER = "app.kubernetes.io/name=seaweedfs"
CREDENTIALS = "s3-credentials"
KEEP = "BATCHMATRIX_E2E_KEEP"
"""Set to 1, the installation stays for the next run."""
INSTALL_SECONDS = 90


@dataclass(frozen=True, slots=True)
class Results:
    """What lies in the store under one matrix object, read without any code of the operator."""

    store: S3Store
    prefix: str
    """`<namespace>/<matrix>/<uid>`."""

    def keys(self, folder: str = "") -> list[str]:
        """Keys of the matrix below `folder`, in order and relative to `prefix`."""
        found = [str(item["path"]) for page in obstore.list(self.store, self.prefix) for item in page]
        names = sorted(key.removeprefix(f"{self.prefix}/") for key in found)
        return [name for name in names if name.startswith(folder)]

    def read(self, key: str) -> bytes:
        """The object `key`, relative to `prefix`."""
        return bytes(obstore.get(self.store, f"{self.prefix}/{key}").bytes())


@dataclass(frozen=True, slots=True)
class Installation:
    """A running operator."""

    cluster: Kube
    images: Mapping[str, str]
    """References by short name: operator, sample-workload-cuda, sample-workload-rocm, seaweedfs."""

    @property
    def kube(self) -> Kube:
        """The operator's own namespace."""
        return self.cluster.at(NAMESPACE)

    def results(self, matrix: Json) -> Results:
        """What the store holds of a matrix object."""
        metadata = matrix["metadata"]
        pod = _ready_pod(self.kube, SERVER)
        assert not isinstance(pod, Pending), f"the S3 server is not ready: {pod}"
        secret = self.kube.get("secrets", CREDENTIALS)["data"]
        keys = {name: base64.b64decode(value).decode() for name, value in secret.items()}
        store = S3Store(
            BUCKET,
            endpoint=f"http://{pod['status']['podIP']}:{S3_PORT}",
            access_key_id=keys["accessKeyId"],
            secret_access_key=keys["secretAccessKey"],
            region="us-east-1",
            virtual_hosted_style_request=False,
            client_options={"allow_http": True},
        )
        return Results(store, f"{metadata['namespace']}/{metadata['name']}/{metadata['uid']}")

    def pod(self) -> Json:
        """The operator's pod, ready."""
        selector = "app.kubernetes.io/name=batchmatrix,app.kubernetes.io/component=operator"
        return wait_for(lambda: _ready_pod(self.kube, selector), timeout=60, what="the operator's pod to be ready")

    def upgrade(self, **values: Any) -> None:
        """`helm upgrade` to the values that it was installed with and these; comes back when the new pod is ready."""
        _helm(self.cluster, "batchmatrix", "charts/batchmatrix", _values(self.images) | values)

    def process(self) -> int:
        """Process id of the operator: pods are processes of this machine."""
        uid = self.pod()["metadata"]["uid"]
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            try:
                command = (folder / "cmdline").read_bytes().split(b"\0")
                mine = uid in (folder / "cgroup").read_text()
            except OSError:
                continue  # it has ended
            if mine and b"operator" in command and b"--config" in command:
                return int(folder.name)
        raise AssertionError(f"no process on this machine belongs to the operator's pod {uid}")

    def log(self) -> str:
        """What the operator wrote since its last start."""
        return self.kube.logs(self.pod()["metadata"]["name"]).decode(errors="replace")

    def command(self, *words: str) -> str:
        """Run `batchmatrix` with these words in the operator's pod; its standard output.

        Tried for a while, as a test that runs beside this one may have killed the operator a moment ago.
        """
        return wait_for(
            lambda: (self.kube.exec(self.pod()["metadata"]["name"], "batchmatrix", *words),),
            timeout=30,
            what=f"batchmatrix {' '.join(words)} to work",
        )[0]


@contextmanager
def installed(cluster: Kube) -> Iterator[Installation]:
    """Install, unless another test process of this run has; the last one to leave uninstalls."""
    folder = Path(tempfile.gettempdir()) / "batchmatrix-tests"
    folder.mkdir(exist_ok=True)
    noted = folder / "images.json"
    with (folder / "install.lock").open("w") as door, (folder / "users.lock").open("w") as users:
        with _held(door):
            if _alone(users):
                noted.unlink(missing_ok=True)  # of another run
            fcntl.flock(users, fcntl.LOCK_SH)
            installation = _find(cluster, noted) if noted.exists() else _install(cluster, noted)
        yield installation
        with _held(door):
            fcntl.flock(users, fcntl.LOCK_UN)
            if _alone(users):
                noted.unlink()
                if os.environ.get(KEEP) != "1":
                    _uninstall(cluster)
            fcntl.flock(users, fcntl.LOCK_UN)


@contextmanager
def _held(lock: IO[str]) -> Iterator[None]:
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(lock, fcntl.LOCK_UN)


def _alone(users: IO[str]) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _find(cluster: Kube, noted: Path) -> Installation:
    """What another process of this run has installed: the same over again would take each of them ten seconds."""
    installation = Installation(cluster, json.loads(noted.read_text()))
    installation.pod()
    return installation


def _install(cluster: Kube, noted: Path) -> Installation:
    built = json.loads(_run(str(ROOT / "hack" / "images"), "--json", timeout=1500))
    images = {name: str(each["reference"]) for name, each in built.items()}
    _start_server(cluster)
    _helm(cluster, "batchmatrix-crds", "charts/batchmatrix-crds")
    try:
        _helm(cluster, "batchmatrix", "charts/batchmatrix", _values(images))
    except AssertionError as problem:
        logs = cluster.at(NAMESPACE).kubectl("logs", "deployment/batchmatrix", "--tail=20", check=False)
        raise AssertionError(f"{problem}; the operator's log ends with:\n{logs.stdout}{logs.stderr}") from None
    installation = Installation(cluster, images)
    installation.pod()
    noted.write_text(json.dumps(images))
    return installation


def _values(images: Mapping[str, str]) -> Json:
    repository, _, tag = images["operator"].rpartition(":")
    return {
        "image": {"repository": repository, "tag": tag, "pullPolicy": "Never"},
        "stores": {
            "default": {
                "type": "s3",
                "bucket": BUCKET,
                "endpoint": f"http://seaweedfs.{NAMESPACE}.svc:{S3_PORT}",
                "allowHttp": True,
                "credentialsSecret": CREDENTIALS,
            },
            "folder": {"type": "folder"},
        },
        "persistence": {"size": "1Gi"},
        "serviceAccounts": [ALLOWED_SERVICE_ACCOUNT],
        # With the S3 server on the node that no test takes out of service.
        "nodeSelector": CUDA_LABEL,
    }


def _uninstall(cluster: Kube) -> None:
    """The claim stays with the release's end on purpose; here its namespace goes too."""
    helm = _run(str(ROOT / "hack" / "cluster"), "bin", "helm").strip()
    for release in ("batchmatrix", "batchmatrix-crds"):
        where = f"--kubeconfig={cluster.access.kubeconfig}"
        _run(helm, "uninstall", release, f"--namespace={NAMESPACE}", where, "--ignore-not-found", "--wait")
    cluster.at(NAMESPACE).delete_all("deployments")
    cluster.at(NAMESPACE).delete_all("pods", grace=1)  # the S3 server would take its thirty seconds
    cluster.delete("namespaces", NAMESPACE, missing_ok=True)
    wait_for(
        lambda: (there := cluster.find("namespaces", NAMESPACE)) is None or Pending(there),
        timeout=90,
        what=f"namespace {NAMESPACE} to be gone",
    )
    _run(str(ROOT / "hack" / "cluster"), "recycle-volumes")


def _helm(cluster: Kube, release: str, chart: str, values: Json | None = None) -> None:
    helm = _run(str(ROOT / "hack" / "cluster"), "bin", "helm").strip()
    command = [helm, "upgrade", "--install", release, str(ROOT / chart), f"--namespace={NAMESPACE}"]
    # Other rings put the CRD there by themselves.
    command += [f"--kubeconfig={cluster.access.kubeconfig}", "--take-ownership", "--wait", "--values=-"]
    command += [f"--timeout={INSTALL_SECONDS}s"]
    where = (f"--namespace={NAMESPACE}", f"--kubeconfig={cluster.access.kubeconfig}")
    known = json.loads(_run(helm, "list", "--all", "--output=json", f"--filter=^{release}$", *where))
    if any(each["status"] != "deployed" for each in known):
        # What an interrupted run left half done cannot be upgraded.
        _run(helm, "uninstall", release, "--wait", *where)
    _run(*command, stdin=json.dumps(values or {}), timeout=INSTALL_SECONDS + 60)


def _run(*command: str, stdin: str = "", timeout: float = 120) -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
    shown = re.sub(r"\s+", " ", done.stderr.strip())[-1500:]
    assert done.returncode == 0, f"{Path(command[0]).name} {' '.join(command[1:4])} exited {done.returncode}: {shown}"
    return done.stdout


def _ready_pod(kube: Kube, selector: str) -> Json | Pending:
    found = [pod for pod in kube.list("pods", selector=selector) if "deletionTimestamp" not in pod["metadata"]]
    ready = [pod for pod in found if condition(pod, "Ready")]
    return ready[0] if len(ready) == len(found) == 1 else Pending([pod["status"] for pod in found])


def _start_server(cluster: Kube) -> None:
    """The S3 server of the examples in the operator's namespace, which admits only restricted pods."""
    level = {"pod-security.kubernetes.io/enforce": "restricted"}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": level}}
    server = cluster.at(NAMESPACE)
    apply = ("apply", "--server-side", "--force-conflicts", "-f")
    cluster.kubectl(*apply, "-", stdin=json.dumps(namespace))
    if server.find("secrets", CREDENTIALS) is None:
        # A server that runs already knows the keys that it started with.
        keys = {"accessKeyId": secrets.token_hex(10), "secretAccessKey": secrets.token_hex(20)}
        metadata = {"name": CREDENTIALS}
        server.create("secrets", {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": keys})
    for manifest in yaml.safe_load_all((ROOT / "examples" / "support" / "seaweedfs.yaml").read_text()):
        if manifest["kind"] == "Deployment":
            manifest["spec"]["template"]["spec"]["nodeSelector"] = CUDA_LABEL
        server.kubectl(*apply, "-", stdin=json.dumps(manifest))
    wait_for(lambda: _ready_pod(server, SERVER), timeout=90, what="the S3 server to be ready")


def wait_until_restarted(installation: Installation, restarts: int, *, timeout: float = 90) -> None:
    """Wait until the operator's container has been started `restarts` times more than at first and is ready."""

    def look() -> bool | Pending:
        status = installation.pod()["status"]["containerStatuses"][0]
        return (status["restartCount"] >= restarts and status["ready"]) or Pending(status)

    deadline = time.monotonic() + timeout
    wait_for(look, timeout=max(1.0, deadline - time.monotonic()), what="the operator to be back")
