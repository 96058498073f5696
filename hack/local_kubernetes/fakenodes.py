"""Nodes that exist in the API only; kwok plays their kubelets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from . import node, processes
from .api import Api, ApiProblem, Json
from .errors import ClusterError
from .paths import FAKE_POD_NETWORK, KWOK_PORT, Layout
from .pki import Authority
from .processes import Program
from .shell import wait_until
from .stages import stages

PROGRAM = "kwok"
FAKE_SECONDS = 60.0
ANNOTATION = "kwok.x-k8s.io/node"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
SELECTOR = "type=kwok"
MOST = 1000
PARALLEL_STAGES = 16
GPUS = "1000"
# kwok reads this file anew for every request, so a test may write another log into it.
LOG_NAME = "fake-pod.log"
LOG_LINES = (
    "training starts",
    "step=1 step_time_ms=101.5 loss=2.31",
    "step=2 step_time_ms=99.8 loss=2.10",
    "step=3 step_time_ms=100.2 loss=1.98",
    "TRAINING DONE",
)


def gpu_label(number: int) -> dict[str, str]:
    """Return a fake node's GPU label: even numbers carry NVIDIA, odd numbers AMD."""
    if number % 2:
        return {"amd.com/gpu.product-name": "AMD_Instinct_MI250X"}
    return {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"}


def fake_node(number: int) -> Json:
    """Return the Node object of the fake node ``number``, counted from 0."""
    name = f"bmx-fake-{number}"
    resources = {
        "cpu": "1000",
        "memory": "1Ti",
        "ephemeral-storage": "1Ti",
        "pods": "5000",
        node.AMD if number % 2 else node.NVIDIA: GPUS,
    }
    labels = {
        "type": "kwok",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        **gpu_label(number),
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": {ANNOTATION: "fake"}},
        "spec": {"taints": [{"key": ANNOTATION, "value": "fake", "effect": "NoSchedule"}]},
        "status": {"capacity": resources, "allocatable": resources},
    }


def log_text(lines: tuple[str, ...] = LOG_LINES) -> str:
    """Return ``lines`` as a container runtime writes them: time, stream, full-line mark, text."""
    return "".join(f"2026-01-01T00:00:{number:02d}.000000000Z stdout F {line}\n" for number, line in enumerate(lines))


def configuration(log: Path) -> str:
    """Return kwok's configuration: its options, the stages of pods and nodes, the log of every fake container."""
    options: dict[str, Any] = {
        "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
        "kind": "KwokConfiguration",
        "options": {"podPlayStageParallelism": PARALLEL_STAGES},
    }
    logs: dict[str, Any] = {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "ClusterLogs",
        "metadata": {"name": "every-fake-pod"},
        "spec": {"logs": [{"logsFile": str(log)}]},
    }
    return "---\n".join(json.dumps(document, indent=1) + "\n" for document in [options, *stages(), logs])


def program(layout: Layout, kwok: Path) -> Program:
    authority = Authority(layout.pki)
    arguments = [
        f"--kubeconfig={layout.config / 'kwok.kubeconfig'}",
        f"--config={layout.config / 'kwok.yaml'}",
        f"--manage-nodes-with-annotation-selector={ANNOTATION}=fake",
        "--manage-all-nodes=false",
        f"--cidr={FAKE_POD_NETWORK}",
        "--node-ip=127.0.0.1",
        f"--node-port={KWOK_PORT}",
        f"--server-address=127.0.0.1:{KWOK_PORT}",
        f"--tls-cert-file={authority.certificate_of('kwok')}",
        f"--tls-private-key-file={authority.key_of('kwok')}",
        "--node-lease-duration-seconds=40",
        "--v=WARN",
    ]
    # Its own folder, lest it reads or writes a configuration in the home folder.
    env = {**processes.COLLECT_SELDOM, "KWOK_WORKDIR": str(layout.run / "kwok")}
    return Program(PROGRAM, kwok, arguments, layout.logs / f"{PROGRAM}.log", env=env)


def start(api: Api, layout: Layout, kwok: Path, count: int) -> None:
    """Start kwok unless it runs, and add the fake nodes that are missing."""
    if not 0 <= count <= MOST:
        raise ClusterError(f"--fake-nodes takes 0 to {MOST}")
    log = layout.run / LOG_NAME
    if not log.exists():
        log.write_text(log_text())
    (layout.config / "kwok.yaml").write_text(configuration(log))
    if not processes.running(layout.pids, PROGRAM):
        forget_leases(api, count)
    processes.ensure(layout.pids, program(layout, kwok))
    for number in range(count):
        try:
            api.call("POST", "/api/v1/nodes", fake_node(number))
        except ApiProblem as problem:
            if problem.code != 409:
                raise


def forget_leases(api: Api, count: int) -> None:
    """Delete the nodes' leases: a kwok that died holds them, and the next one would wait until they run out."""
    for number in range(count):
        try:
            api.call("DELETE", f"{LEASES}/bmx-fake-{number}")
        except ApiProblem as problem:
            if problem.code != 404:
                raise


def ready_count(api: Api) -> int:
    found = api.get(f"/api/v1/nodes?labelSelector={quote(SELECTOR)}") or {}
    return sum(node.is_ready(item) for item in found.get("items", []))


def wait(api: Api, layout: Layout, count: int) -> None:
    log = layout.logs / f"{PROGRAM}.log"
    wait_until(
        f"{count} fake nodes to be Ready",
        lambda: ready_count(api) >= count,
        seconds=FAKE_SECONDS,
        log=log,
        guard=lambda: processes.must_be_alive(layout.pids, PROGRAM, log),
    )
