"""The same commands on top of kind, for machines that have a Docker engine.

Kept small on purpose: kind brings the control plane, DNS and a volume
provisioner of its own; added here are GPU labels and capacity, the storage
class name, and fake nodes.
"""

from __future__ import annotations

import json
import os
import shutil
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import fakenodes, node, processes
from .controlplane import audit_policy
from .errors import ClusterError
from .local import DEFAULT_NODES, Part
from .paths import KWOK_PORT, MAX_REAL_NODES, Layout
from .processes import Program
from .shell import run, wait_until
from .tools import built, kubectl

NAME = "bmx"
UP_SECONDS = 600.0


def wanted(environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether to use kind: a Docker engine answers, and nobody asked for plain processes."""
    if environ.get("BATCHMATRIX_CLUSTER") == "local" or shutil.which("docker") is None:
        return False
    if environ.get("BATCHMATRIX_CLUSTER") == "kind":
        return True
    return run(["docker", "info"], check=False, timeout=20).returncode == 0


def node_name(number: int) -> str:
    """Return the name that kind gives to the worker ``number``, counted from 1."""
    return f"{NAME}-worker" + ("" if number == 1 else str(number))


def configuration(real: int, audit: Path) -> dict[str, Any]:
    """Return kind's configuration: one control plane that writes the audit log, and ``real`` GPU workers."""
    flags = {"audit-policy-file": "/etc/bmx/audit-policy.json", "audit-log-path": f"/etc/bmx/{audit.name}"}
    volume = {"name": "bmx", "hostPath": "/etc/bmx", "mountPath": "/etc/bmx", "pathType": "Directory"}
    patch = {
        "kind": "ClusterConfiguration",
        "apiServer": {
            "extraArgs": flags,
            "extraVolumes": [volume],
        },
    }
    plane: dict[str, Any] = {
        "role": "control-plane",
        "extraMounts": [{"hostPath": str(audit.parent), "containerPath": "/etc/bmx"}],
        "kubeadmConfigPatches": [json.dumps({"apiVersion": "kubeadm.k8s.io/v1beta3", **patch})],
    }
    workers = [{"role": "worker", "labels": node.gpu_labels(number)} for number in range(1, real + 1)]
    return {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": [plane, *workers]}


class KindCluster:
    """The commands of ``hack/cluster`` for a cluster that kind made."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.folder = layout.cache / "kind"
        self._audit = self.folder / "audit" / "audit.log"

    def _kind(self, *words: str, check: bool = True) -> str:
        return run([built(self.layout.cache, "kind"), *words], timeout=UP_SECONDS, check=check).stdout

    def _kubectl(self, *words: str, stdin: str | None = None, check: bool = True) -> str:
        command: list[str | Path] = [kubectl(self.layout.cache), "--kubeconfig", self.kubeconfig(), *words]
        return run(command, stdin=stdin, check=check).stdout

    def _exists(self) -> bool:
        return NAME in self._kind("get", "clusters", check=False).split()

    def _workers(self) -> list[str]:
        nodes = self._kind("get", "nodes", "--name", NAME).split()
        return [name for name in map(node_name, range(1, MAX_REAL_NODES + 1)) if name in nodes]

    def up(self, real: int | None, fake: int) -> None:
        if not self._exists():
            count = DEFAULT_NODES if real is None else real
            self._audit.parent.mkdir(parents=True, exist_ok=True)
            (self._audit.parent / "audit-policy.json").write_text(json.dumps(audit_policy()))
            config = self.folder / "config.yaml"
            config.write_text(json.dumps(configuration(count, self._audit)))
            target = self.folder / "kubeconfig"
            words = ["create", "cluster", "--name", NAME, "--wait", "180s"]
            self._kind(*words, "--config", str(config), "--kubeconfig", str(target))
            alias: dict[str, Any] = {
                "apiVersion": "storage.k8s.io/v1",
                "kind": "StorageClass",
                "metadata": {"name": "batchmatrix-local"},
                "provisioner": "rancher.io/local-path",
                "volumeBindingMode": "WaitForFirstConsumer",
            }
            self._kubectl("apply", "-f", "-", stdin=json.dumps(alias))
        for number, name in enumerate(self._workers(), start=1):
            patch = json.dumps(node.capacity_patch(node.gpu_capacity(number)))
            self._kubectl("patch", "node", name, "--subresource=status", "--type=merge", "-p", patch)
        if fake:
            self._fake(fake)

    def _fake(self, count: int) -> None:
        pids = self.folder / "pids"
        pids.mkdir(exist_ok=True)
        log = self.folder / fakenodes.LOG_NAME
        log.write_text(fakenodes.log_text())
        config = self.folder / "kwok.yaml"
        config.write_text(fakenodes.configuration(log))
        arguments = [
            f"--kubeconfig={self.kubeconfig()}",
            f"--config={config}",
            f"--manage-nodes-with-annotation-selector={fakenodes.ANNOTATION}=fake",
            "--manage-all-nodes=false",
            f"--server-address=127.0.0.1:{KWOK_PORT}",
        ]
        binary = built(self.layout.cache, "kwok")
        processes.ensure(pids, Program("kwok", binary, arguments, self.folder / "kwok.log"))
        for number in range(count):
            self._kubectl("create", "-f", "-", stdin=json.dumps(fakenodes.fake_node(number)), check=False)
        path = ("get", "nodes", "-l", fakenodes.SELECTOR, "-o", "json")

        def ready() -> bool:
            return sum(map(node.is_ready, json.loads(self._kubectl(*path))["items"])) >= count

        wait_until(f"{count} fake nodes to be Ready", ready, seconds=60, log=self.folder / "kwok.log", interval=1)

    def down(self) -> bool:
        existed = self._exists()
        processes.end(list(processes.every_recorded(self.folder / "pids").values()), grace=5)
        self._kind("delete", "cluster", "--name", NAME)
        shutil.rmtree(self.folder, ignore_errors=True)
        return existed

    def status(self) -> list[Part]:
        if not self._exists():
            return []
        found = json.loads(self._kubectl("get", "nodes", "-o", "json"))["items"]
        return [
            Part(one["metadata"]["name"], node.is_ready(one), "Ready" if node.is_ready(one) else "not Ready")
            for one in found
        ]

    def load_image(self, archive: Path, names: Sequence[str]) -> list[str]:
        self._kind("load", "image-archive", str(archive), "--name", NAME)
        held = image_names(archive)
        for worker in self._workers():
            for name in names:
                words = ["docker", "exec", worker, "ctr", "--namespace", "k8s.io", "images", "tag", "--force"]
                run([*words, held[0], name])
        return [*held, *names]

    def recycle_volumes(self) -> list[str]:
        return []

    def node_runtime(self, name: str) -> Path:
        raise ClusterError(f"{name} is a container of kind; its runtime answers to: docker exec {name} crictl")

    def kubeconfig(self) -> Path:
        file = self.folder / "kubeconfig"
        if not file.is_file():
            raise ClusterError("there is no cluster; start one with: hack/cluster up")
        return file

    def audit_log(self) -> Path:
        self.kubeconfig()
        return self._audit


def image_names(archive: Path) -> list[str]:
    """Return the tags that a docker-archive carries."""
    try:
        with tarfile.open(archive) as content:
            manifest = content.extractfile("manifest.json")
            names = [name for image in json.load(manifest) for name in image["RepoTags"]] if manifest else []
    except (KeyError, OSError, ValueError, tarfile.TarError) as problem:
        raise ClusterError(f"{archive} is not a docker-archive whose image has a name") from problem
    if not names:
        raise ClusterError(f"no image in {archive} has a name")
    return names
