"""The cluster made of plain processes: bringing it up, looking at it, loading images into it."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from . import addons, cleanup, controlplane, fakenodes, network, node, packages, pki, processes, proxy
from .api import Api
from .errors import ClusterError
from .paths import KUBERNETES_VERSION, MAX_REAL_NODES, Layout, Node
from .pki import Authority
from .shell import say, wait_until
from .tools import built

NODE_SECONDS = 90.0
DEFAULT_NODES = 2


@dataclass(frozen=True, slots=True)
class Shape:
    """How many nodes of each sort a cluster has."""

    real: int
    fake: int


@dataclass(frozen=True, slots=True)
class Part:
    """One line of ``status``."""

    name: str
    healthy: bool
    detail: str


class LocalCluster:
    """See the module's description; every method is one command of ``hack/cluster``."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    # -- up ------------------------------------------------------------------------------------------------

    def up(self, real: int | None, fake: int) -> None:
        """Make the cluster run with at least these nodes; None leaves the number of real ones as it is."""
        packages.check_platform()
        packages.install(packages.NEEDS)
        present = self.shape()
        if present is not None and self.api_ready():
            shape = Shape(max(present.real, real or 0), max(present.fake, fake))
        else:
            shape = Shape(DEFAULT_NODES if real is None else real, fake)
            present = None
        if not 0 <= shape.real <= MAX_REAL_NODES:
            raise ClusterError(f"--nodes takes 0 to {MAX_REAL_NODES}")
        self._build(shape)
        if present is None:
            self._fresh_start()
        self._converge(shape)

    def _build(self, shape: Shape) -> None:
        for tool in ["components", *(["pause", "coredns"] if shape.real else []), *(["kwok"] if shape.fake else [])]:
            built(self.layout.cache, tool)
        if shape.real:
            # Before the nodes start side by side, lest each of them writes the same file.
            self._archives()

    def _archives(self) -> list[Path]:
        return [addons.pause_archive(self.layout), addons.dns_archive(self.layout)]

    def _fresh_start(self) -> None:
        if cleanup.residue(self.layout):
            say("taking away what an earlier cluster left behind")
            cleanup.down(self.layout)
        other = cleanup.foreign_kubernetes(self.layout)
        if other is not None:
            raise ClusterError(f"another Kubernetes runs on this machine: {other}; the two would share iptables chains")
        self.layout.create()
        cleanup.note_absent(self.layout)
        pki.create_all(Authority(self.layout.pki))
        controlplane.write_config(self.layout)

    def _converge(self, shape: Shape) -> None:
        """Start whatever of ``shape`` is not running, then wait until all of it is healthy."""
        layout = self.layout
        components = built(layout.cache, "components")
        nodes = [layout.node(number) for number in range(1, shape.real + 1)]
        network.start(layout, [one.address for one in nodes])
        for one in nodes:
            node.prepare(one, layout)
        with ThreadPoolExecutor(max_workers=4) as pool:
            # Importing images takes as long as the API server takes to start, so both go on at once.
            runtimes = [pool.submit(self._start_runtime, one) for one in nodes]
            controlplane.start(layout, components)
            for runtime in runtimes:
                runtime.result()
        # Written once the API server has answered: from here on `up` repairs, before that it starts anew.
        self._write_shape(shape)
        api = self.api()
        beats = {one: node.start_kubelet(api, one, layout, components) for one in nodes}
        if nodes:
            proxy.start(layout, components)
        addons.install(api, layout, dns=bool(nodes))
        if shape.fake:
            fakenodes.start(api, layout, built(layout.cache, "kwok"), shape.fake)
        self._wait_for_nodes(api, beats)
        if nodes:
            addons.wait_for_dns(api, layout)
        if shape.fake:
            fakenodes.wait(api, layout, shape.fake)

    def _start_runtime(self, one: Node) -> None:
        node.start_containerd(one, self.layout, self._archives())

    def _wait_for_nodes(self, api: Api, beats: Mapping[Node, int]) -> None:
        for one, after in beats.items():
            program = f"kubelet-{one.number}"
            log = self.layout.logs / f"{program}.log"

            def ready(one: Node = one, after: int = after) -> bool:
                return node.is_ready(api.get(f"/api/v1/nodes/{one.name}"), after)

            def guard(program: str = program, log: Path = log) -> None:
                processes.must_be_alive(self.layout.pids, program, log)

            wait_until(f"{one.name} to be Ready", ready, seconds=NODE_SECONDS, log=log, guard=guard)
            node.advertise_gpus(api, one)

    # -- looking -------------------------------------------------------------------------------------------

    def shape(self) -> Shape | None:
        """Return what ``up`` was last asked for, or None where no cluster came as far as an API server."""
        try:
            content = json.loads(self.layout.state.read_text())
            return Shape(int(content["real"]), int(content["fake"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _write_shape(self, shape: Shape) -> None:
        draft = self.layout.state.with_suffix(".new")
        draft.write_text(json.dumps({**asdict(shape), "version": KUBERNETES_VERSION}))
        draft.replace(self.layout.state)

    def api(self) -> Api:
        return Api(Authority(self.layout.pki))

    def api_ready(self) -> bool:
        names = ("etcd", controlplane.API_SERVER)
        if not all(processes.running(self.layout.pids, name) for name in names):
            return False
        with contextlib.suppress(ClusterError):
            return self.api().ready()
        return False

    def status(self) -> list[Part]:
        """Return the health of every part; no parts at all means that there is no cluster."""
        shape = self.shape()
        if shape is None:
            return []
        parts = [self._control_plane_part()]
        if not parts[0].healthy and not self.api_ready():
            return parts
        api = self.api()
        for number in range(1, shape.real + 1):
            parts.append(self._node_part(api, self.layout.node(number)))
        if shape.fake:
            ready = fakenodes.ready_count(api)
            alive = processes.running(self.layout.pids, fakenodes.PROGRAM)
            detail = f"{ready} of {shape.fake} Ready" + ("" if alive else ", kwok is not running")
            parts.append(Part("fake nodes", alive and ready >= shape.fake, detail))
        if shape.real:
            alive = processes.running(self.layout.pids, proxy.NAME)
            parts.append(Part("service proxy", alive, "running" if alive else "not running"))
            available = addons.dns_available(api)
            parts.append(Part("dns", available, "CoreDNS available" if available else "CoreDNS is not available"))
        free = addons.free_volumes(api)
        parts.append(Part("volumes", True, f"{free} of {addons.VOLUMES} free"))
        return parts

    def _control_plane_part(self) -> Part:
        dead = [name for name in controlplane.NAMES if not processes.running(self.layout.pids, name)]
        if dead:
            return Part("control plane", False, f"not running: {', '.join(dead)}")
        if not self.api_ready():
            log = self.layout.logs / "kube-apiserver.log"
            return Part("control plane", False, f"the API server is not ready; its log: {log}")
        return Part("control plane", True, f"Kubernetes {KUBERNETES_VERSION} ready")

    def _node_part(self, api: Api, one: Node) -> Part:
        names = (f"containerd-{one.number}", f"kubelet-{one.number}")
        dead = [name for name in names if not processes.running(self.layout.pids, name)]
        if dead:
            return Part(one.name, False, f"not running: {', '.join(dead)}")
        found = api.get(f"/api/v1/nodes/{one.name}") or {}
        if not node.is_ready(found):
            return Part(one.name, False, f"not Ready; its log: {self.layout.logs / names[1]}.log")
        status = found.get("status", {})
        wanted = node.gpu_capacity(one.number)
        gpus = ", ".join(f"{kind}: {status.get('allocatable', {}).get(kind, 0)}" for kind in wanted)
        complete = all(status.get("allocatable", {}).get(kind) == count for kind, count in wanted.items())
        return Part(one.name, complete, f"Ready, {gpus}")

    # -- using ---------------------------------------------------------------------------------------------

    def real_nodes(self) -> list[Node]:
        shape = self.shape()
        if shape is None or not self.layout.kubeconfig.is_file():
            raise ClusterError("there is no cluster; start one with: hack/cluster up")
        return [self.layout.node(number) for number in range(1, shape.real + 1)]

    def load_image(self, archive: Path, names: Sequence[str]) -> list[str]:
        """Import an archive into every real node and return the names its images have there."""
        nodes = self.real_nodes()
        if not archive.is_file():
            raise ClusterError(f"no such image archive: {archive}")
        if not nodes:
            raise ClusterError("this cluster has no real nodes that an image could be loaded into")
        with ThreadPoolExecutor(max_workers=len(nodes)) as pool:
            loaded = list(pool.map(lambda one: self._load(one, archive, names), nodes))
        return loaded[0]

    def _load(self, one: Node, archive: Path, names: Sequence[str]) -> list[str]:
        def load(*options: str) -> list[str]:
            words = ["images", "import", *options, str(archive.absolute())]
            return imported_names(node.ctr(one, *words, timeout=node.IMPORT_SECONDS) or "")

        imported = load()
        if not imported and names:
            # An OCI archive whose image has no name: its index gets one.
            imported = load("--index-name", names[0])
        if not imported:
            raise ClusterError(f"the image in {archive} has no name; give it one with --name")
        for name in names:
            if name not in imported:
                node.ctr(one, "images", "tag", "--force", imported[0], name)
        return [*imported, *(name for name in names if name not in imported)]

    def recycle_volumes(self) -> list[str]:
        self.real_nodes()
        return addons.recycle_volumes(self.api(), self.layout)

    def node_runtime(self, name: str) -> Path:
        """Return the containerd socket of a real node."""
        if name not in [one.name for one in self.real_nodes()]:
            raise ClusterError(f"{name} is not a real node of this cluster")
        return self.layout.node_by_name(name).containerd_socket

    def kubeconfig(self) -> Path:
        self.real_nodes()
        return self.layout.kubeconfig

    def audit_log(self) -> Path:
        self.real_nodes()
        return self.layout.audit_log

    def down(self) -> bool:
        """Take the cluster away; tell whether there was anything."""
        packages.check_platform()
        found = cleanup.residue(self.layout)
        if found:
            cleanup.down(self.layout)
        return found


def imported_names(output: str) -> list[str]:
    """Read the images' names from what ``ctr images import`` writes: ``unpacking NAME (sha256:...)...done``."""
    return re.findall(r"^unpacking (\S+) \(sha256:", output, flags=re.MULTILINE)
