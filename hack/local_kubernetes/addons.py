"""What a cluster has from the start: its DNS and a few volumes on local disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .api import Api, Json
from .images import scratch_image
from .node import PAUSE_IMAGE
from .paths import DNS_SERVICE, DOMAIN, MAX_REAL_NODES, Layout
from .shell import wait_until
from .tools import TOOLS, built

DNS_IMAGE = f"localhost/batchmatrix/coredns:{TOOLS['coredns'].version}"
DNS_PATH = "/apis/apps/v1/namespaces/kube-system/deployments/coredns"
DNS_SECONDS = 60.0
STORAGE_CLASS = "batchmatrix-local"
VOLUMES = 4
VOLUME_SIZE = "2Gi"
# The group of the operator's container (runAsUser, runAsGroup and fsGroup are 65532).
VOLUME_GROUP = 65532
VOLUME_LABEL = "batchmatrix.dev/local-volume"

# Names outside of the cluster do not exist: there is no way out of it either. Two blocks, because within one
# CoreDNS would ask `template` before `kubernetes`, in whatever order they are written.
COREFILE = f"""\
{DOMAIN}:5353 in-addr.arpa:5353 ip6.arpa:5353 {{
    errors
    ready :8181
    kubernetes {DOMAIN} in-addr.arpa ip6.arpa {{
        pods insecure
        ttl 5
    }}
    cache 5
    loadbalance
}}
.:5353 {{
    errors
    template ANY ANY {{
        rcode NXDOMAIN
    }}
}}
"""


def pause_archive(layout: Layout) -> Path:
    """Return the sandbox image as an archive in the cache, made when missing."""
    binary = built(layout.cache, "pause")
    archive = binary.with_name("pause-image.tar")
    if not archive.is_file():
        scratch_image(PAUSE_IMAGE, {"/pause": binary}, ["/pause"], "65535:65535", archive)
    return archive


def dns_archive(layout: Layout) -> Path:
    """Return the CoreDNS image as an archive in the cache, made when missing."""
    binary = built(layout.cache, "coredns")
    archive = binary.with_name("coredns-image.tar")
    if not archive.is_file():
        scratch_image(DNS_IMAGE, {"/coredns": binary}, ["/coredns"], "65532:65532", archive)
    return archive


def _meta(name: str, namespace: str | None = "kube-system", **more: Any) -> Json:
    return {"name": name, **({"namespace": namespace} if namespace else {}), **more}


def dns_manifests(first_node: str) -> list[Json]:
    """Return the objects of the cluster's DNS: CoreDNS without root, on an unprivileged port of the first node."""
    rbac = "rbac.authorization.k8s.io"
    labels = {"k8s-app": "kube-dns"}
    watch = ["list", "watch"]
    rules = [
        {"apiGroups": [""], "resources": ["endpoints", "services", "pods", "namespaces"], "verbs": watch},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": watch},
    ]
    container = {
        "name": "coredns",
        "image": DNS_IMAGE,
        "imagePullPolicy": "Never",
        "args": ["-conf", "/etc/coredns/Corefile"],
        "ports": [
            {"name": "dns", "containerPort": 5353, "protocol": "UDP"},
            {"name": "dns-tcp", "containerPort": 5353, "protocol": "TCP"},
        ],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 1, "failureThreshold": 60},
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
        },
        "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns", "readOnly": True}],
    }
    pod = {
        "serviceAccountName": "coredns",
        "priorityClassName": "system-cluster-critical",
        "dnsPolicy": "Default",
        "terminationGracePeriodSeconds": 1,
        "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoSchedule"}],
        # Any other node may be drained or stopped, and the cluster still has names.
        "nodeSelector": {"kubernetes.io/hostname": first_node},
        "containers": [container],
        "volumes": [{"name": "config", "configMap": {"name": "coredns"}}],
    }
    ports = [
        {"name": "dns", "port": 53, "targetPort": 5353, "protocol": "UDP"},
        {"name": "dns-tcp", "port": 53, "targetPort": 5353, "protocol": "TCP"},
    ]
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _meta("coredns")},
        {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": _meta("coredns", None), "rules": rules},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": _meta("coredns", None),
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "coredns"},
            "subjects": [{"kind": "ServiceAccount", "name": "coredns", "namespace": "kube-system"}],
        },
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _meta("coredns"), "data": {"Corefile": COREFILE}},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": _meta("kube-dns", labels=labels),
            "spec": {"clusterIP": DNS_SERVICE, "selector": labels, "ports": ports},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": _meta("coredns", labels=labels),
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        },
    ]


def volume_manifests(layout: Layout) -> list[Json]:
    """Return the default storage class and its volumes.

    All real nodes are this one machine, so a volume may be used from any of
    them; it still goes to one pod at a time.
    """
    hosts = [layout.node(number).name for number in range(1, MAX_REAL_NODES + 1)]
    terms = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": hosts}]}]
    manifests: list[Json] = [
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": _meta(STORAGE_CLASS, None, annotations={"storageclass.kubernetes.io/is-default-class": "true"}),
            "provisioner": "kubernetes.io/no-provisioner",
            "reclaimPolicy": "Retain",
            "volumeBindingMode": "WaitForFirstConsumer",
        }
    ]
    for name, folder in volume_folders(layout).items():
        manifests.append(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": _meta(name, None, labels={VOLUME_LABEL: "true"}),
                "spec": {
                    "capacity": {"storage": VOLUME_SIZE},
                    "accessModes": ["ReadWriteOnce"],
                    "volumeMode": "Filesystem",
                    "persistentVolumeReclaimPolicy": "Retain",
                    "storageClassName": STORAGE_CLASS,
                    "local": {"path": str(folder)},
                    "nodeAffinity": {"required": {"nodeSelectorTerms": terms}},
                },
            }
        )
    return manifests


def volume_folders(layout: Layout) -> dict[str, Path]:
    names = [f"{STORAGE_CLASS}-{number}" for number in range(1, VOLUMES + 1)]
    return {name: layout.volumes / name for name in names}


def prepare_volumes(layout: Layout) -> None:
    """Make the volumes' folders, owned by the operator's group and writable for it."""
    for folder in volume_folders(layout).values():
        folder.mkdir(parents=True, exist_ok=True)
        os.chown(folder, 0, VOLUME_GROUP)
        folder.chmod(0o2775)


def wipe(folder: Path) -> None:
    """Delete what lies in ``folder``, but not the folder itself."""
    for entry in folder.iterdir() if folder.is_dir() else []:
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def released(found: Mapping[str, Any]) -> bool:
    """Tell from a PersistentVolume object whether its claim is gone and its data may go."""
    return found.get("status", {}).get("phase") in ("Released", "Failed")


def recycle_volumes(api: Api, layout: Layout) -> list[str]:
    """Wipe the volumes whose claims are gone and offer them anew; return their names."""
    recycled = []
    prepare_volumes(layout)
    for name, folder in volume_folders(layout).items():
        path = f"/api/v1/persistentvolumes/{name}"
        found = api.get(path)
        if found is None or not released(found):
            continue
        wipe(folder)
        prepare_volumes(layout)
        api.merge(path, {"spec": {"claimRef": None}})
        recycled.append(name)
    return recycled


def free_volumes(api: Api) -> int:
    """Return how many volumes wait for a claim."""
    found = api.get(f"/api/v1/persistentvolumes?labelSelector={quote(VOLUME_LABEL)}") or {}
    return sum(item.get("status", {}).get("phase") == "Available" for item in found.get("items", []))


def install(api: Api, layout: Layout, *, dns: bool) -> None:
    """Apply everything; without real nodes DNS has no place to run and is left out."""
    prepare_volumes(layout)
    for manifest in [*volume_manifests(layout), *(dns_manifests(layout.node(1).name) if dns else [])]:
        api.apply(manifest)
    recycle_volumes(api, layout)


def dns_available(api: Api) -> bool:
    found = api.get(DNS_PATH) or {}
    return int(found.get("status", {}).get("availableReplicas") or 0) >= 1


def wait_for_dns(api: Api, layout: Layout) -> None:
    log = layout.logs / "kubelet-1.log"
    wait_until("CoreDNS to be available", lambda: dns_available(api), seconds=DNS_SECONDS, log=log)
