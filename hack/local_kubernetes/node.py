"""A real node: a containerd and a kubelet of its own, and the GPUs it claims to have."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from . import cgroups, packages, processes
from .api import Api
from .errors import ClusterError
from .paths import DNS_SERVICE, DOMAIN, KUBELET_PORT, Layout, Node
from .pki import Authority
from .processes import COLLECT_SELDOM, Program
from .shell import run, wait_until

PAUSE_IMAGE = "localhost/batchmatrix/pause:1"
CONTAINERD_SECONDS = 30.0
IMPORT_SECONDS = 300.0
NVIDIA = "nvidia.com/gpu"
AMD = "amd.com/gpu"


def gpu_labels(number: int) -> dict[str, str]:
    """Return a real node's GPU labels: odd numbers carry NVIDIA, even numbers AMD."""
    if number % 2:
        return {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3", "nvidia.com/gpu.present": "true"}
    return {"amd.com/gpu.product-name": "AMD_Instinct_MI300X"}


def gpu_capacity(number: int) -> dict[str, str]:
    return {NVIDIA if number % 2 else AMD: "4"}


def containerd_configuration(node: Node, layout: Layout, cni: Path) -> str:
    """Return the node's containerd configuration (TOML)."""
    return f"""version = 2
root = "{node.data / "containerd"}"
state = "{node.containerd_state}"
oom_score = 0
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.internal.v1.opt",
  "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.internal.v1.tracing",
]

[grpc]
  address = "{node.containerd_socket}"

[debug]
  level = "warn"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  tolerate_missing_hugetlb_controller = true
  disable_hugetlb_controller = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{cni}"
    conf_dir = "{layout.config / "cni"}"
    max_conf_num = 1

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
        Root = "{node.run / "runc"}"
"""


def kubelet_configuration(node: Node, layout: Layout) -> dict[str, Any]:
    """Return the node's kubelet configuration."""
    authority = Authority(layout.pki)
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": node.address,
        "port": KUBELET_PORT,
        "healthzBindAddress": "127.0.0.1",
        "healthzPort": node.health_port,
        "authentication": {
            "x509": {"clientCAFile": str(authority.certificate)},
            "webhook": {"enabled": True},
            "anonymous": {"enabled": False},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(authority.certificate_of(node.name)),
        "tlsPrivateKeyFile": str(authority.key_of(node.name)),
        "containerRuntimeEndpoint": f"unix://{node.containerd_socket}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": node.cgroup,
        "enforceNodeAllocatable": [],
        "failCgroupV1": False,
        "failSwapOn": False,
        "clusterDNS": [DNS_SERVICE],
        "clusterDomain": DOMAIN,
        "resolvConf": str(layout.config / "resolv.conf"),
        "podLogsDir": str(node.pod_logs),
        "volumePluginDir": str(node.kubelet_root / "volume-plugins"),
        "maxPods": 250,
        "serializeImagePulls": False,
        "maxParallelImagePulls": 5,
        "evictionHard": {},
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "nodeStatusUpdateFrequency": "5s",
        "kubeAPIQPS": 100,
        "kubeAPIBurst": 200,
        # Checked often, so that a test meets the node beginning a new file (10 MiB) without a long log or a long wait.
        "containerLogMonitorInterval": "3s",
        "registryPullQPS": 0,
        "eventRecordQPS": 0,
        "logging": {"verbosity": 1},
    }


def containerd_program(node: Node, layout: Layout) -> Program:
    name = f"containerd-{node.number}"
    config = layout.config / f"{name}.toml"
    executable = packages.command("containerd")
    return Program(name, executable, ["--config", str(config)], layout.logs / f"{name}.log", env=COLLECT_SELDOM)


def kubelet_program(node: Node, layout: Layout, components: Path) -> Program:
    name = f"kubelet-{node.number}"
    labels = ",".join(f"{key}={value}" for key, value in gpu_labels(node.number).items())
    arguments = [
        "kubelet",
        f"--config={layout.config / f'{name}.json'}",
        f"--kubeconfig={layout.config / f'{node.name}.kubeconfig'}",
        f"--root-dir={node.kubelet_root}",
        f"--cert-dir={node.kubelet_root / 'pki'}",
        f"--hostname-override={node.name}",
        f"--node-ip={node.address}",
        f"--node-labels={labels}",
    ]
    return Program(name, components, arguments, layout.logs / f"{name}.log", argv0="kubelet", env=COLLECT_SELDOM)


def prepare(node: Node, layout: Layout) -> None:
    """Make a node's folders, control groups, certificate and configuration files."""
    cni = packages.cni_folder()
    if cni is None:
        raise ClusterError("no CNI plugins on this machine; the package is containernetworking-plugins")
    for folder in (node.run, node.data, node.kubelet_root, node.pod_logs):
        folder.mkdir(parents=True, exist_ok=True)
    node.data.chmod(0o711)
    cgroups.create(node.cgroup)
    authority = Authority(layout.pki)
    if not authority.certificate_of(node.name).is_file():
        hosts = [f"IP:{node.address}", f"DNS:{node.name}"]
        authority.issue(node.name, f"/O=system:nodes/CN=system:node:{node.name}", hosts=hosts)
    authority.kubeconfig(node.name, layout.config / f"{node.name}.kubeconfig")
    # Pods ask the cluster's DNS only; nothing of this machine's resolver leaks into them.
    (layout.config / "resolv.conf").write_text(f"nameserver {DNS_SERVICE}\n")
    configuration = kubelet_configuration(node, layout)
    (layout.config / f"kubelet-{node.number}.json").write_text(json.dumps(configuration, indent=1))
    (layout.config / f"containerd-{node.number}.toml").write_text(containerd_configuration(node, layout, cni))


def start_containerd(node: Node, layout: Layout, archives: Sequence[Path]) -> None:
    """Start the node's containerd and import the images that ``archives`` hold, unless it runs already."""
    program = containerd_program(node, layout)
    if not processes.ensure(layout.pids, program):
        return
    wait_until(
        f"containerd of {node.name}",
        lambda: ctr(node, "version", check=False) is not None,
        seconds=CONTAINERD_SECONDS,
        log=program.log,
        guard=lambda: processes.must_be_alive(layout.pids, program.name, program.log),
    )
    for archive in archives:
        ctr(node, "images", "import", str(archive), timeout=IMPORT_SECONDS)


def start_kubelet(api: Api, node: Node, layout: Layout, components: Path) -> int:
    """Start the node's kubelet unless it runs; return the time (Unix seconds) its heartbeat has to be later than.

    A kubelet that comes back takes GPU capacity off its Node object, while that
    object still says Ready from before. So whoever patches capacity has to see
    the new kubelet's own word first.
    """
    known_before = api.get(f"/api/v1/nodes/{node.name}") is not None
    started = processes.ensure(layout.pids, kubelet_program(node, layout, components))
    return int(time.time()) if started and known_before else 0


def ctr(node: Node, *words: str, check: bool = True, timeout: float = 30.0) -> str | None:
    """Run ctr against a node's containerd; without ``check`` None says that it failed."""
    command = ["ctr", "--address", str(node.containerd_socket), "--namespace", "k8s.io", *words]
    done = run(command, check=check, timeout=timeout)
    return done.stdout if done.returncode == 0 else None


def capacity_patch(capacity: Mapping[str, str]) -> dict[str, Any]:
    """Return a merge patch for a node's status; allocatable too, or pods would wait for the kubelet to copy it."""
    return {"status": {"capacity": dict(capacity), "allocatable": dict(capacity)}}


def is_ready(found: Mapping[str, Any] | None, after: int = 0) -> bool:
    """Tell from a Node object whether it is Ready, by a heartbeat later than ``after`` (Unix seconds)."""
    for one in (found or {}).get("status", {}).get("conditions", []):
        if one.get("type") == "Ready":
            beat = datetime.fromisoformat(one.get("lastHeartbeatTime") or "1970-01-01T00:00:00Z")
            return one.get("status") == "True" and beat.timestamp() > after
    return False


def advertise_gpus(api: Api, node: Node) -> None:
    """Set labels and GPU capacity where they are missing; a kubelet that starts anew takes capacity away."""
    found = api.get(f"/api/v1/nodes/{node.name}") or {}
    labels, capacity = gpu_labels(node.number), gpu_capacity(node.number)
    present = found.get("metadata", {}).get("labels", {})
    if any(present.get(name) != value for name, value in labels.items()):
        api.merge(f"/api/v1/nodes/{node.name}", {"metadata": {"labels": labels}})
    status = found.get("status", {})
    for part in ("capacity", "allocatable"):
        if any(status.get(part, {}).get(name) != value for name, value in capacity.items()):
            api.merge(f"/api/v1/nodes/{node.name}/status", capacity_patch(capacity))
            return
