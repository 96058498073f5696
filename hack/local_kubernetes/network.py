"""The bridge that pods and nodes share, kernel settings, and the iptables rules to take away at the end.

Pods get no way out of the machine: nothing is masqueraded, because images come
from local archives and tests talk to the cluster only.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .paths import BRIDGE, BRIDGE_ADDRESS, POD_NETWORK, POD_RANGE, SERVICE_NETWORK, Layout
from .shell import run

NETWORK_NAME = "batchmatrix"
OUR_CHAINS = ("KUBE-", "CNI-")
SYSCTL = Path("/proc/sys")
CNI_RESULTS = Path("/var/lib/cni/results")
# Wanted for pods and services.
SETTINGS = {"net/ipv4/ip_forward": "1", "net/bridge/bridge-nf-call-iptables": "1"}
# Changed by kubelet or kube-proxy on their own; noted at the start and put back at the end.
NOTED = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
    "net/ipv4/conf/all/route_localnet",
    "net/netfilter/nf_conntrack_max",
    "net/netfilter/nf_conntrack_tcp_be_liberal",
    "net/netfilter/nf_conntrack_tcp_timeout_established",
    "net/netfilter/nf_conntrack_tcp_timeout_close_wait",
)


def cni_configuration(layout: Layout) -> dict[str, Any]:
    """Return the pod network: one bridge for all nodes, with addresses handed out from one folder of leases."""
    first, last = POD_RANGE
    ranges = [[{"subnet": POD_NETWORK, "rangeStart": first, "rangeEnd": last, "gateway": BRIDGE_ADDRESS}]]
    bridge = {
        "type": "bridge",
        "bridge": BRIDGE,
        "isGateway": True,
        "hairpinMode": True,
        "ipMasq": False,
        "ipam": {
            "type": "host-local",
            "dataDir": str(layout.ipam),
            "ranges": ranges,
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    return {"cniVersion": "0.4.0", "name": NETWORK_NAME, "plugins": [bridge]}


def start(layout: Layout, addresses: Iterable[str]) -> None:
    """Make the bridge with the API server's and the nodes' ``addresses``; what exists stays."""
    if not (SYSCTL / "net/bridge").exists() and shutil.which("modprobe") is not None:
        # Where these are modules and not parts of the kernel.
        run(["modprobe", "--all", "br_netfilter", "overlay"], check=False)
    note_settings(layout)
    for name, value in SETTINGS.items():
        with contextlib.suppress(FileNotFoundError):
            (SYSCTL / name).write_text(value)
    folder = layout.config / "cni"
    folder.mkdir(exist_ok=True)
    (folder / "10-batchmatrix.conflist").write_text(json.dumps(cni_configuration(layout), indent=1))
    if not exists(BRIDGE):
        run(["ip", "link", "add", BRIDGE, "type", "bridge"])
    prefix = POD_NETWORK.rsplit("/", 1)[1]
    run(["ip", "address", "replace", f"{BRIDGE_ADDRESS}/{prefix}", "dev", BRIDGE])
    for address in addresses:
        run(["ip", "address", "replace", f"{address}/32", "dev", BRIDGE])
    run(["ip", "link", "set", BRIDGE, "up"])
    # A source address that pods can answer, for calls from this machine to a service (webhooks, tests).
    run(["ip", "route", "replace", SERVICE_NETWORK, "dev", BRIDGE, "src", BRIDGE_ADDRESS])


def exists(link: str) -> bool:
    return (Path("/sys/class/net") / link).exists()


def note_settings(layout: Layout) -> None:
    """Write down kernel settings as they were before the cluster; a note that exists is kept."""
    file = layout.run / "sysctl-before.json"
    if file.exists():
        return
    before: dict[str, str] = {}
    for name in (*SETTINGS, *NOTED):
        with contextlib.suppress(OSError):
            before[name] = (SYSCTL / name).read_text().strip()
    file.write_text(json.dumps(before, indent=1))


def restore_settings(layout: Layout) -> None:
    """Put the noted kernel settings back where they differ."""
    try:
        before: Mapping[str, str] = json.loads((layout.run / "sysctl-before.json").read_text())
    except (OSError, ValueError):
        return
    for name, value in before.items():
        with contextlib.suppress(OSError):
            if (SYSCTL / name).read_text().strip() != value:
                (SYSCTL / name).write_text(value)


def removal_plan(saved: str) -> str:
    """Turn the output of iptables-save into input for ``iptables-restore --noflush`` that drops our chains.

    Every rule that jumps from a foreign chain to one of ours is deleted, our
    chains are emptied and then deleted; nothing else is named, so nothing else
    changes. An empty answer means that there is nothing to do.
    """
    plan: list[str] = []
    table = ""
    chains: list[str] = []
    rules: list[str] = []
    for line in saved.splitlines():
        if line.startswith("*"):
            table, chains, rules = line, [], []
        elif line.startswith(":"):
            name = line[1:].split()[0]
            if name.startswith(OUR_CHAINS):
                chains.append(name)
        elif line.startswith("-A "):
            if not line.split()[1].startswith(OUR_CHAINS) and _target(line).startswith(OUR_CHAINS):
                rules.append("-D " + line[3:])
        elif line == "COMMIT" and (chains or rules):
            plan += [table, *rules, *(f"-F {name}" for name in chains), *(f"-X {name}" for name in chains), "COMMIT"]
    return "".join(f"{line}\n" for line in plan)


def _target(rule: str) -> str:
    words = rule.split()
    for flag in ("-j", "-g"):
        if flag in words[:-1]:
            return words[words.index(flag) + 1]
    return ""


def remove_rules() -> None:
    """Take KUBE-* and CNI-* chains out of IPv4 and IPv6 tables."""
    for family in ("iptables", "ip6tables"):
        if shutil.which(f"{family}-save") is None:
            continue
        saved = run([f"{family}-save"], check=False)
        plan = removal_plan(saved.stdout) if saved.returncode == 0 else ""
        if plan:
            run([f"{family}-restore", "--noflush"], stdin=plan)


def our_namespaces(listed: Iterable[tuple[str, str]]) -> list[str]:
    """Pick our pods' network namespaces from pairs of a name and the JSON of its addresses."""
    found = []
    prefix = ".".join(POD_NETWORK.split(".")[:2]) + "."
    for name, text in listed:
        try:
            links = json.loads(text or "[]")
        except ValueError:
            continue
        local = [info.get("local", "") for link in links for info in link.get("addr_info", [])]
        if any(address.startswith(prefix) for address in local):
            found.append(name)
    return found


def remove_namespaces(known: Iterable[str]) -> None:
    """Delete the ``known`` network namespaces and every other one that has an address of our pod network."""
    folder = Path("/run/netns")
    names = [entry.name for entry in folder.glob("cni-*")] if folder.is_dir() else []
    listed = [(name, run(["ip", "-n", name, "-4", "-j", "address"], check=False).stdout) for name in names]
    for name in sorted({*our_namespaces(listed), *(name for name in known if name in names)}):
        run(["ip", "netns", "delete", name], check=False)


def remove_links() -> None:
    """Delete the bridge and the veth ends still on it."""
    if exists(BRIDGE):
        listed = run(["ip", "-j", "link", "show", "master", BRIDGE], check=False).stdout
        for link in json.loads(listed or "[]"):
            run(["ip", "link", "delete", link["ifname"]], check=False)
        run(["ip", "link", "delete", BRIDGE])


def forget_results(containers: Iterable[str], folder: Path = CNI_RESULTS) -> None:
    """Delete what the CNI library remembers of our network and of the loopback of our ``containers``."""
    known = set(containers)
    for file in folder.iterdir() if folder.is_dir() else []:
        owner = file.name.removeprefix("cni-loopback-").removesuffix("-lo")
        if file.name.startswith(f"{NETWORK_NAME}-") or owner in known:
            file.unlink(missing_ok=True)
