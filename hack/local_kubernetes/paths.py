"""Names, addresses, versions and folders of the cluster."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import ClusterError

KUBERNETES_VERSION = "v1.34.4"

BRIDGE = "bmx0"
POD_NETWORK = "10.88.0.0/16"
BRIDGE_ADDRESS = "10.88.0.1"
POD_RANGE = ("10.88.1.0", "10.88.255.254")
SERVICE_NETWORK = "10.96.0.0/16"
KUBERNETES_SERVICE = "10.96.0.1"
DNS_SERVICE = "10.96.0.10"
DOMAIN = "cluster.local"
FAKE_POD_NETWORK = "10.89.0.1/16"

API_PORT = 6443
ETCD_CLIENT_PORT = 23790
ETCD_PEER_PORT = 23800
CONTROLLER_MANAGER_PORT = 10257
SCHEDULER_PORT = 10259
KUBELET_PORT = 10250
KWOK_PORT = 10247
MAX_REAL_NODES = 4

SOURCE = Path(__file__).resolve().parent
MARKER = ".batchmatrix-cluster"
# The kernel's limit for the path of a socket, less what containerd adds to it.
LONGEST_SOCKET = 107 - len(".ttrpc")


@dataclass(frozen=True, slots=True)
class Node:
    """One real node: its own containerd and kubelet on this machine. ``number`` counts from 1."""

    number: int
    run: Path
    data: Path

    @property
    def name(self) -> str:
        return f"bmx-node-{self.number}"

    @property
    def address(self) -> str:
        """An address of its own on the bridge, below the range that pods are given."""
        return f"10.88.0.{10 + self.number}"

    @property
    def health_port(self) -> int:
        return 10260 + self.number

    @property
    def cgroup(self) -> str:
        return f"/{self.name}"

    @property
    def containerd_socket(self) -> Path:
        return self.run / "containerd.sock"

    @property
    def containerd_state(self) -> Path:
        return self.run / "state"

    @property
    def kubelet_root(self) -> Path:
        return self.data / "kubelet"

    @property
    def pod_logs(self) -> Path:
        return self.data / "pod-logs"


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything lies: ``run`` and ``data`` go away on ``down``, ``cache`` stays."""

    run: Path
    data: Path
    cache: Path

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Layout:
        home = Path(environ.get("HOME") or "/root")
        xdg = Path(environ.get("XDG_CACHE_HOME") or home / ".cache")
        return cls(
            run=Path(environ.get("BATCHMATRIX_RUN") or "/run/batchmatrix").absolute(),
            data=Path(environ.get("BATCHMATRIX_DATA") or "/var/lib/batchmatrix-cluster").absolute(),
            cache=Path(environ.get("BATCHMATRIX_CACHE") or xdg / "batchmatrix").absolute(),
        )

    @property
    def logs(self) -> Path:
        return self.run / "logs"

    @property
    def pids(self) -> Path:
        return self.run / "pids"

    @property
    def pki(self) -> Path:
        return self.run / "pki"

    @property
    def config(self) -> Path:
        return self.run / "config"

    @property
    def ipam(self) -> Path:
        return self.run / "ipam"

    @property
    def kubeconfig(self) -> Path:
        return self.run / "admin.kubeconfig"

    @property
    def audit_log(self) -> Path:
        return self.logs / "audit.log"

    @property
    def state(self) -> Path:
        return self.run / "state.json"

    @property
    def volumes(self) -> Path:
        return self.data / "volumes"

    @property
    def lock(self) -> Path:
        return self.cache / "cluster.lock"

    def node(self, number: int) -> Node:
        return Node(number, self.run / f"node-{number}", self.data / f"node-{number}")

    def node_by_name(self, name: str) -> Node:
        for number in range(1, MAX_REAL_NODES + 1):
            node = self.node(number)
            if node.name == name:
                return node
        raise ClusterError(f"{name} is not a real node of this cluster (they are called bmx-node-1, bmx-node-2, ...)")

    def create(self) -> None:
        """Make the folders and mark run and data as ours, so that ``down`` may delete them."""
        if len(str(self.node(MAX_REAL_NODES).containerd_socket)) > LONGEST_SOCKET:
            raise ClusterError(f"{self.run} is too long for sockets below it; choose a shorter BATCHMATRIX_RUN")
        for folder in (self.run, self.data):
            marker = folder / MARKER
            if folder.exists() and not marker.exists() and any(folder.iterdir()):
                raise ClusterError(f"{folder} exists, is not empty and was not made by this command; choose another")
            folder.mkdir(parents=True, exist_ok=True)
            marker.touch()
        self.run.chmod(0o755)
        for folder in (self.logs, self.pids, self.config, self.ipam, self.volumes):
            folder.mkdir(parents=True, exist_ok=True)
        self.pki.mkdir(mode=0o700, exist_ok=True)
