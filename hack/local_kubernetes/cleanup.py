"""Taking everything away: processes, mounts, links, rules, control groups and folders."""

from __future__ import annotations

import contextlib
import ctypes
import json
import re
import shutil
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import cgroups, network, processes
from .controlplane import NAMES as CONTROL_PLANE
from .errors import ClusterError
from .paths import BRIDGE, MARKER, MAX_REAL_NODES, Layout, Node
from .shell import say

FOREIGN = ("kubelet", "kube-proxy", "k3s", "k3s-server", "k3s-agent", "microk8s")
CONTAINER_LINKS = Path("/var/log/containers")
MNT_DETACH = 2
ABSENT_NOTE = "absent-before.json"
# Folders with fixed names that kubelet, containerd and the CNI plugins make, and those of them that hold only theirs.
WITH_CONTENT = ("/var/lib/kubelet", "/var/lib/cni")
COMMON_FOLDERS = (
    *WITH_CONTENT,
    "/var/log/containers",
    "/var/log/pods",
    "/run/containerd/s",
    "/run/containerd",
    "/run/netns",
    "/run/mount",
)


def nodes(layout: Layout) -> list[Node]:
    return [layout.node(number) for number in range(1, MAX_REAL_NODES + 1)]


def mount_points(mountinfo: str, folders: Sequence[Path]) -> list[str]:
    """Return the mount points at or below ``folders`` from a /proc/self/mountinfo text, deepest first."""
    found = []
    for line in mountinfo.splitlines():
        point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), line.split()[4])
        if any(point == str(folder) or point.startswith(f"{folder}/") for folder in folders):
            found.append(point)
    return sorted(found, key=lambda point: (point.count("/"), point), reverse=True)


def unmount_all(folders: Sequence[Path]) -> None:
    """Unmount everything at or below ``folders``; what is still busy is detached."""
    libc = ctypes.CDLL(None, use_errno=True)
    for flags in (0, 0, MNT_DETACH):
        points = mount_points(Path("/proc/self/mountinfo").read_text(), folders)
        if not points:
            return
        for point in points:
            libc.umount2(point.encode(), flags)
        time.sleep(0.05)
    left = mount_points(Path("/proc/self/mountinfo").read_text(), folders)
    if left:
        raise ClusterError(f"cannot unmount {left[0]} ({len(left)} mounts left)")


def is_our_shim(words: Sequence[str], run_folder: Path) -> bool:
    """Tell from its command line whether a process is a containerd-shim of one of our nodes."""
    if not words or not Path(words[0]).name.startswith("containerd-shim"):
        return False
    with contextlib.suppress(ValueError, IndexError):
        return words[words.index("-address") + 1].startswith(f"{run_folder}/")
    return False


def is_ours_by_name(words: Sequence[str], layout: Layout) -> bool:
    """Tell whether a process belongs to this cluster though its pid file is lost.

    It has the name of one of our programs and was given a file that only those get: a configuration, a
    certificate, or something of the data folder. A kubeconfig of the cluster alone does not make it ours.
    """
    if not words:
        return False
    names = {*CONTROL_PLANE, "kubelet", "kube-proxy", "containerd", "kwok"}
    below = (f"{layout.config}/", f"{layout.pki}/", f"{layout.data}/")
    return Path(words[0]).name in names and any(part in word for word in words[1:] for part in below)


@dataclass(frozen=True, slots=True)
class Remains:
    """What containerd's folders tell of pods: their network namespaces, their shims' sockets, their sandboxes."""

    namespaces: tuple[str, ...]
    sockets: tuple[Path, ...]
    sandboxes: tuple[str, ...]


def read_remains(layout: Layout) -> Remains:
    """Read containerd's folders of all our nodes, as they are found; a crash may have left anything."""
    namespaces: list[str] = []
    sockets: list[Path] = []
    sandboxes: list[str] = []
    for node in nodes(layout):
        tasks = node.containerd_state / "io.containerd.runtime.v2.task" / "k8s.io"
        for task in tasks.iterdir() if tasks.is_dir() else []:
            with contextlib.suppress(OSError, ValueError):
                spec = json.loads((task / "config.json").read_text())
                for one in spec.get("linux", {}).get("namespaces", []):
                    path = Path(one.get("path", ""))
                    if one.get("type") == "network" and path.name.startswith("cni-"):
                        namespaces.append(path.name)
            with contextlib.suppress(OSError):
                sockets.append(Path((task / "address").read_text().strip().removeprefix("unix://")))
            sandboxes.append(task.name)
        for top in (node.containerd_state, node.data / "containerd"):
            folder = top / "io.containerd.grpc.v1.cri" / "sandboxes"
            sandboxes += [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    return Remains(tuple(namespaces), tuple(sockets), tuple(sandboxes))


def note_absent(layout: Layout) -> None:
    """Write down which of the machine's common folders do not exist yet; a note that exists is kept."""
    file = layout.run / ABSENT_NOTE
    if not file.exists():
        file.write_text(json.dumps([path for path in COMMON_FOLDERS if not Path(path).exists()]))


def remove_common_folders(layout: Layout) -> None:
    """Delete the common folders that did not exist before the cluster; empty out of the others what is ours."""
    if CONTAINER_LINKS.is_dir():
        for link in CONTAINER_LINKS.iterdir():
            if link.is_symlink() and str(link.readlink()).startswith(f"{layout.data}/"):
                link.unlink(missing_ok=True)
    absent: list[str] = []
    with contextlib.suppress(OSError, ValueError):
        absent = json.loads((layout.run / ABSENT_NOTE).read_text())
    for path in COMMON_FOLDERS:
        folder = Path(path)
        busy = mount_points(Path("/proc/self/mountinfo").read_text(), [folder])
        if path in absent and folder.is_dir() and not busy:
            # What others put there in the meantime stays: only what Kubernetes makes is deleted with its content.
            if path in WITH_CONTENT:
                shutil.rmtree(folder)
            else:
                with contextlib.suppress(OSError):
                    folder.rmdir()


def foreign_kubernetes(layout: Layout) -> str | None:
    """Name another Kubernetes in this machine's network: its rules look like ours and must not be touched."""
    own = set(processes.every_recorded(layout.pids).values())
    for known, words in processes.command_lines():
        if not words or Path(words[0]).name not in FOREIGN or known in own or is_ours_by_name(words, layout):
            continue
        network_of = Path("/proc", str(known.pid), "ns/net")
        with contextlib.suppress(OSError):
            # Those in containers (kind's nodes, for one) have rules of their own.
            if network_of.readlink() == Path("/proc/self/ns/net").readlink():
                return f"{Path(words[0]).name} (pid {known.pid})"
    return None


def end_processes(layout: Layout) -> None:
    """End everything that was started: first what would start things anew, the data store last."""
    recorded = processes.every_recorded(layout.pids)
    by_name = {known: words for known, words in processes.command_lines() if is_ours_by_name(words, layout)}
    lost = [known for known in by_name if known not in recorded.values()]
    first = [known for name, known in recorded.items() if name.startswith(("kubelet", "kube-proxy", "kwok"))]
    plane = [recorded[name] for name in ("kube-controller-manager", "kube-scheduler") if name in recorded]
    api = [recorded[name] for name in ("kube-apiserver",) if name in recorded]
    # A stopped process cannot answer SIGTERM; the kill after the grace time ends it anyway.
    processes.end([*first, *plane, *lost], grace=5.0)
    # Ended together with etcd it would spend its long grace time on calls that cannot be answered.
    processes.end(api, grace=1.0)
    for node in nodes(layout):
        cgroups.kill(node.cgroup)
    shims = [known for known, words in processes.command_lines() if is_our_shim(words, layout.run)]
    processes.end([known for name, known in recorded.items() if name.startswith("containerd")], grace=5.0)
    processes.end(shims, grace=0)
    processes.end([known for known in recorded.values() if processes.alive(known)], grace=3.0)


def delete(folder: Path) -> None:
    """Delete a folder that carries our mark; a folder without it is somebody else's and stays."""
    if not folder.exists():
        return
    if not (folder / MARKER).exists():
        if any(folder.iterdir()):
            raise ClusterError(f"{folder} does not carry this command's mark; it is left as it is")
        folder.rmdir()
        return
    if mount_points(Path("/proc/self/mountinfo").read_text(), [folder]):
        raise ClusterError(f"something is still mounted below {folder}; it is left as it is")
    for entry in sorted(folder.iterdir(), key=lambda item: item.name == MARKER):
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    folder.rmdir()


def residue(layout: Layout) -> bool:
    """Tell whether anything of a cluster, running or crashed, is on this machine."""
    leftovers: Iterable[bool] = (
        layout.run.exists() and any(layout.run.iterdir()),
        layout.data.exists() and any(layout.data.iterdir()),
        network.exists(BRIDGE),
        any(bool(cgroups.groups(node.cgroup)) for node in nodes(layout)),
        any(is_ours_by_name(words, layout) for _, words in processes.command_lines()),
    )
    return any(leftovers)


def down(layout: Layout) -> None:
    """Leave nothing behind but the cache; works on a healthy cluster and on the remains of one."""
    remains = read_remains(layout)
    end_processes(layout)
    unmount_all([layout.run, layout.data])
    network.remove_namespaces(remains.namespaces)
    network.remove_links()
    network.forget_results(remains.sandboxes)
    other = foreign_kubernetes(layout)
    if other is None:
        network.remove_rules()
    else:
        say(f"iptables rules stay, because another Kubernetes runs here: {other}")
    network.restore_settings(layout)
    for node in nodes(layout):
        cgroups.remove(node.cgroup)
    for socket in remains.sockets:
        socket.unlink(missing_ok=True)
    remove_common_folders(layout)
    delete(layout.data)
    delete(layout.run)
