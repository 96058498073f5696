"""kube-proxy: one for all real nodes, because they share this machine's network."""

from __future__ import annotations

from pathlib import Path

from . import processes
from .paths import POD_NETWORK, Layout
from .processes import Program

NAME = "kube-proxy"


def program(layout: Layout, components: Path) -> Program:
    arguments = [
        NAME,
        f"--kubeconfig={layout.config / 'kube-proxy.kubeconfig'}",
        f"--hostname-override={layout.node(1).name}",
        "--proxy-mode=iptables",
        f"--cluster-cidr={POD_NETWORK}",
        f"--nodeport-addresses={POD_NETWORK}",
        "--iptables-localhost-nodeports=false",
        "--iptables-min-sync-period=200ms",
        "--conntrack-max-per-core=0",
        "--healthz-bind-address=127.0.0.1:10256",
        "--metrics-bind-address=127.0.0.1:10249",
    ]
    return Program(NAME, components, arguments, layout.logs / f"{NAME}.log", argv0=NAME)


def start(layout: Layout, components: Path) -> None:
    processes.ensure(layout.pids, program(layout, components))
