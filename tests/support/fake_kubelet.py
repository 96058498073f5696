"""A node without a machine: the test itself says what the containers on it do.

Facts about the control plane need no container, and are faster and exact without one.
"""

from __future__ import annotations

import secrets
import time

from batchmatrix.base.clock import format_rfc3339
from tests.support.cluster import ApiError, Json, Kube

__all__ = ["NO_SCHEDULER", "FakeKubelet"]

NO_SCHEDULER: Json = {"schedulerName": "nobody"}
"""Pod fields that keep the real scheduler off, so that the pod waits for `run`."""


class FakeKubelet:
    """One Node object and the pods that `run` puts on it. Pods are told by name, in `kube`'s namespace."""

    def __init__(self, kube: Kube) -> None:
        self.kube = kube
        self.node = f"test-node-{secrets.token_hex(4)}"
        # Nothing else may land here, and no controller has to believe that it is healthy.
        manifest = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": self.node},
            "spec": {"unschedulable": True},
        }
        kube.create("nodes", manifest)

    def run(self, pod: str) -> Json:
        """Bind the pod to this node and report its container as running."""
        target = {"apiVersion": "v1", "kind": "Node", "name": self.node}
        binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": pod}, "target": target}
        self.kube.call("POST", self.kube.path("pods", pod, subresource="binding"), binding)
        return self._report(pod, "Running", {"running": {"startedAt": format_rfc3339(time.time())}})

    def end(self, pod: str, exit_code: int, *, reason: str = "") -> Json:
        """Report that the container has ended."""
        now = format_rfc3339(time.time())
        ended = {
            "exitCode": exit_code,
            "reason": reason or ("Error" if exit_code else "Completed"),
            "startedAt": now,
            "finishedAt": now,
        }
        return self._report(pod, "Failed" if exit_code else "Succeeded", {"terminated": ended})

    def let_go(self, pod: str) -> None:
        """The kubelet's last word on a pod that is being deleted: its object may go (finalizers still hold it)."""
        self.kube.delete("pods", pod, grace=0, missing_ok=True)

    def close(self) -> None:
        """Take the node away, and every pod that is still on it."""
        for pod in self.kube.list("pods", fields=f"spec.nodeName={self.node}"):
            self.let_go(pod["metadata"]["name"])
        try:
            self.kube.delete("nodes", self.node)
        except ApiError as problem:
            if problem.code != 404:
                raise

    def _report(self, pod: str, phase: str, state: Json) -> Json:
        status = {
            "name": "trial",
            "state": state,
            "ready": False,
            "restartCount": 0,
            "image": "localhost/none:none",
            "imageID": "",
        }
        patch = {"status": {"phase": phase, "containerStatuses": [status]}}
        return self.kube.patch("pods", pod, patch, subresource="status")
