"""The cluster's two real nodes: taken out of service as people and failures do it, and put back."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field

from hack.local_kubernetes import processes
from hack.local_kubernetes.paths import Layout

from tests.support.cluster import ROOT, Json, Kube
from tests.support.jobs import condition
from tests.support.wait import Pending, wait_for

__all__ = ["CUDA_LABEL", "ROCM_LABEL", "TAINT", "Nodes", "real_nodes"]

CUDA_LABEL = {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}
ROCM_LABEL = {"amd.com/gpu.product-name": "AMD_Instinct_MI300X"}
TAINT = "batchmatrix.test/out"
BACK_SECONDS = 90.0


@dataclass(slots=True)
class Nodes:
    """`home` carries the operator, its S3 server and the cluster's DNS, and runs on; `spare` may go."""

    cluster: Kube
    home: str
    spare: str
    _stopped: list[processes.Identity] = field(default_factory=list)

    @contextlib.contextmanager
    def only(self, name: str) -> Iterator[None]:
        """New pods come to this node alone."""
        other = self.home if name == self.spare else self.spare
        self._set(other, {"unschedulable": True})
        try:
            yield
        finally:
            self._set(other, {"unschedulable": None})

    def drain(self, name: str, *, seconds: int) -> subprocess.CompletedProcess[str]:
        """`kubectl drain` of all that is on the node, which gives up after so many seconds."""
        words = ("drain", name, "--ignore-daemonsets", "--delete-emptydir-data", f"--timeout={seconds}s")
        return self.cluster.kubectl(*words, check=False, timeout=seconds + 30)

    def taint(self, name: str) -> None:
        """Keep new pods off and have the ones that are there evicted."""
        self._set(name, {"taints": [{"key": TAINT, "value": "yes", "effect": "NoExecute"}]})

    def stop_kubelet(self, name: str) -> None:
        """The node falls silent, and what runs on it runs on."""
        layout = Layout.from_environment()
        known = processes.recorded(layout.pids, f"kubelet-{layout.node_by_name(name).number}")
        assert known is not None, f"the kubelet of {name} is no process that hack/cluster has started"
        assert processes.alive(known), f"the kubelet of {name} is not running"
        self._stopped.append(known)
        os.kill(known.pid, signal.SIGSTOP)

    def restore(self) -> None:
        """Undo all of it and wait until both nodes take pods again."""
        for name in (self.home, self.spare):
            self._set(name, {"unschedulable": None, "taints": self._taints(name, but=TAINT) or None})
        for known in self._stopped:
            processes.signal_process(known, signal.SIGCONT)
        if self._stopped:
            # Brings back what has died of it, and the devices that a new kubelet forgets.
            done = subprocess.run(
                [ROOT / "hack" / "cluster", "up"], capture_output=True, text=True, timeout=180, check=False
            )
            assert done.returncode == 0, f"hack/cluster up: {done.stderr.strip()}"
            self._stopped.clear()
        for name in (self.home, self.spare):
            wait_for(lambda name=name: self._fit(name), timeout=BACK_SECONDS, what=f"{name} to be back")

    def is_ready(self, name: str) -> bool:
        """Whether the API server believes that the node works."""
        return condition(self.cluster.get("nodes", name), "Ready") is not None

    def _fit(self, name: str) -> bool | Pending:
        node = self.cluster.get("nodes", name)
        return (condition(node, "Ready") is not None and not node["spec"].get("taints")) or Pending(node["spec"])

    def _taints(self, name: str, *, but: str) -> list[Json]:
        taints: list[Json] = self.cluster.get("nodes", name)["spec"].get("taints", [])
        return [taint for taint in taints if taint["key"] != but]

    def _set(self, name: str, spec: Json) -> None:
        self.cluster.patch("nodes", name, {"spec": spec})


def real_nodes(cluster: Kube) -> Nodes:
    """The nodes by what they carry. Raises AssertionError where there is not one of each kind."""
    found = []
    for label in (CUDA_LABEL, ROCM_LABEL):
        ((key, value),) = label.items()
        names = [node["metadata"]["name"] for node in cluster.list("nodes", selector=f"{key}={value}")]
        assert len(names) == 1, f"not one node with {key}={value} but {names}; start them with make cluster-up"
        found += names
    return Nodes(cluster, *found)
