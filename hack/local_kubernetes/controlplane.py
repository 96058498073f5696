"""etcd, the API server, the controller manager and the scheduler."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import processes
from .api import Api
from .paths import (
    API_PORT,
    BRIDGE_ADDRESS,
    CONTROLLER_MANAGER_PORT,
    DOMAIN,
    ETCD_CLIENT_PORT,
    ETCD_PEER_PORT,
    POD_NETWORK,
    SCHEDULER_PORT,
    SERVICE_NETWORK,
    Layout,
)
from .pki import Authority
from .processes import COLLECT_SELDOM, Program
from .shell import wait_until

API_SERVER = "kube-apiserver"
NAMES = ("etcd", API_SERVER, "kube-controller-manager", "kube-scheduler")
API_SECONDS = 90.0


def audit_policy() -> dict[str, Any]:
    """Record every request's user, verb and object, but no bodies; leave out what only beats time."""
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {"level": "None", "nonResourceURLs": ["/healthz*", "/readyz*", "/livez*", "/openapi/*", "/metrics"]},
            {
                "level": "None",
                "userGroups": ["system:nodes"],
                "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}],
            },
            {"level": "Metadata"},
        ],
    }


def programs(layout: Layout, components: Path) -> dict[str, Program]:
    """Return the four programs of the control plane, by name, in the order they start."""
    authority = Authority(layout.pki)
    etcd_url = f"http://127.0.0.1:{ETCD_CLIENT_PORT}"
    peer_url = f"http://127.0.0.1:{ETCD_PEER_PORT}"
    arguments: dict[str, Sequence[str]] = {
        "etcd": [
            "--name=default",
            f"--data-dir={layout.data / 'etcd'}",
            f"--listen-client-urls={etcd_url}",
            f"--advertise-client-urls={etcd_url}",
            f"--listen-peer-urls={peer_url}",
            f"--initial-advertise-peer-urls={peer_url}",
            f"--initial-cluster=default={peer_url}",
            "--unsafe-no-fsync",
            "--quota-backend-bytes=4294967296",
            "--auto-compaction-retention=1h",
            "--log-level=warn",
        ],
        API_SERVER: [
            f"--etcd-servers={etcd_url}",
            f"--bind-address={BRIDGE_ADDRESS}",
            f"--advertise-address={BRIDGE_ADDRESS}",
            f"--secure-port={API_PORT}",
            f"--tls-cert-file={authority.certificate_of('apiserver')}",
            f"--tls-private-key-file={authority.key_of('apiserver')}",
            f"--client-ca-file={authority.certificate}",
            f"--kubelet-certificate-authority={authority.certificate}",
            f"--kubelet-client-certificate={authority.certificate_of('apiserver-kubelet')}",
            f"--kubelet-client-key={authority.key_of('apiserver-kubelet')}",
            "--kubelet-preferred-address-types=InternalIP",
            f"--service-account-issuer=https://kubernetes.default.svc.{DOMAIN}",
            f"--service-account-key-file={authority.service_account_key}",
            f"--service-account-signing-key-file={authority.service_account_key}",
            f"--service-cluster-ip-range={SERVICE_NETWORK}",
            "--authorization-mode=Node,RBAC",
            "--anonymous-auth=false",
            "--enable-admission-plugins=NodeRestriction",
            # Instead of 300: what becomes of the pods of a dead node can be seen within a test.
            "--default-unreachable-toleration-seconds=10",
            "--allow-privileged=true",
            "--max-requests-inflight=2000",
            "--max-mutating-requests-inflight=1000",
            f"--audit-policy-file={layout.config / 'audit-policy.json'}",
            f"--audit-log-path={layout.audit_log}",
            "--audit-log-maxsize=4096",
            "--audit-log-maxbackup=1",
            "--profiling=false",
        ],
        "kube-controller-manager": [
            f"--kubeconfig={layout.config / 'kube-controller-manager.kubeconfig'}",
            "--bind-address=127.0.0.1",
            f"--secure-port={CONTROLLER_MANAGER_PORT}",
            "--use-service-account-credentials",
            f"--service-account-private-key-file={authority.service_account_key}",
            f"--root-ca-file={authority.certificate}",
            f"--cluster-signing-cert-file={authority.certificate}",
            f"--cluster-signing-key-file={authority.key}",
            f"--cluster-cidr={POD_NETWORK}",
            "--allocate-node-cidrs=false",
            f"--flex-volume-plugin-dir={layout.data / 'volume-plugins'}",
            "--leader-elect=false",
            "--kube-api-qps=2000",
            "--kube-api-burst=4000",
            "--profiling=false",
        ],
        "kube-scheduler": [
            f"--kubeconfig={layout.config / 'kube-scheduler.kubeconfig'}",
            "--bind-address=127.0.0.1",
            f"--secure-port={SCHEDULER_PORT}",
            "--leader-elect=false",
            "--kube-api-qps=2000",
            "--kube-api-burst=4000",
            "--profiling=false",
        ],
    }
    return {
        name: Program(name, components, [name, *words], layout.logs / f"{name}.log", argv0=name, env=COLLECT_SELDOM)
        for name, words in arguments.items()
    }


def write_config(layout: Layout) -> None:
    """Write the audit policy and the kubeconfigs of the control plane's own users."""
    authority = Authority(layout.pki)
    (layout.config / "audit-policy.json").write_text(json.dumps(audit_policy(), indent=1))
    for user in ("kube-controller-manager", "kube-scheduler", "kube-proxy", "kwok"):
        authority.kubeconfig(user, layout.config / f"{user}.kubeconfig")
    authority.kubeconfig("admin", layout.kubeconfig)


def start(layout: Layout, components: Path) -> None:
    """Start what is not running; come back when the API server is ready and the other two are started.

    etcd and the API server start together, because the API server waits for etcd by itself.
    """
    wanted = programs(layout, components)
    for name in NAMES[:2]:
        processes.ensure(layout.pids, wanted[name])
    api = Api(Authority(layout.pki))

    def guard() -> None:
        for name in NAMES[:2]:
            processes.must_be_alive(layout.pids, name, wanted[name].log)

    wait_until("the API server to be ready", api.ready, seconds=API_SECONDS, log=wanted[API_SERVER].log, guard=guard)
    for name in NAMES[2:]:
        processes.ensure(layout.pids, wanted[name])
