"""The command line of ``hack/cluster``."""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from . import images, kind, packages, tools
from .errors import ClusterError
from .kind import KindCluster
from .local import LocalCluster
from .paths import Layout

Cluster = LocalCluster | KindCluster


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = argparse.ArgumentParser(prog="hack/cluster", description="A real Kubernetes on this machine.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text)

    up = add("up", "start the cluster, repair it, or add nodes to it")
    up.add_argument("--nodes", type=int, metavar="N", help="real nodes (2 unless it runs with more already; 0 is fine)")
    up.add_argument("--fake-nodes", type=int, default=0, metavar="N", help="nodes that exist in the API only")
    add("down", "end the cluster and leave nothing of it but the cache")
    add("status", "one line per part; exit status 0 only if all of them are healthy")
    add("kubeconfig", "print the path of the administrator's kubeconfig")
    add("audit-log", "print the path of the API server's audit log")
    add("env", "print shell lines that set KUBECONFIG and PATH; use them with eval")
    load = add("load-image", "import an image archive into every real node")
    load.add_argument("archive", type=Path, metavar="PATH.tar", help="a docker-archive or an OCI archive")
    load.add_argument("--name", action="append", default=[], metavar="REF", help="a further name for the image")
    program = add("bin", "print the path of a tool, building it first if need be")
    program.add_argument("tool", help="kubectl, helm, kwok, components, coredns, kind, ctr, ...")
    runtime = add("node-runtime", "print the containerd socket of a real node")
    runtime.add_argument("node")
    add("recycle-volumes", "wipe the local volumes whose claims are gone, and offer them anew")
    add("image-tools", "install what building images without Docker takes (debootstrap, buildah)")
    scratch = add("scratch-image", "pack files into an image that has nothing else in it")
    scratch.add_argument("--name", required=True, metavar="REF", help="repository:tag")
    scratch.add_argument("--file", action="append", default=[], metavar="SRC:DEST", help="a file and where it goes")
    scratch.add_argument(
        "--folder", action="append", default=[], metavar="PATH[:MODE]", help="an empty folder, as /tmp:1777"
    )
    scratch.add_argument("--entrypoint", required=True, metavar="JSON", help='for instance ["/server", "-v"]')
    scratch.add_argument("--env", action="append", default=[], metavar="NAME=VALUE")
    scratch.add_argument("--user", default="65532:65532", metavar="UID[:GID]")
    scratch.add_argument("--out", required=True, type=Path, metavar="FILE")
    return top


def pair(word: str, separator: str, flag: str) -> tuple[str, str]:
    """Split ``word`` at the last ``separator`` into two parts, neither of them empty."""
    left, mark, right = word.rpartition(separator)
    if not mark or not left or not right:
        raise ClusterError(f"{flag} takes two parts with {separator!r} between them, not {word!r}")
    return left, right


def scratch_image(options: argparse.Namespace) -> Path:
    try:
        entrypoint = json.loads(options.entrypoint)
    except ValueError as problem:
        raise ClusterError(f"--entrypoint takes a JSON list: {problem}") from problem
    if not isinstance(entrypoint, list) or not all(isinstance(word, str) for word in entrypoint):
        raise ClusterError("--entrypoint takes a JSON list of strings")
    files: dict[str, Path | bytes] = {}
    for word in options.file:
        source, target = pair(word, ":", "--file")
        if not Path(source).is_file():
            raise ClusterError(f"no such file: {source}")
        files[target] = Path(source)
    folders: dict[str, int] = {}
    for word in options.folder:
        path, _, mode = word.partition(":")
        if not all(digit in "01234567" for digit in mode):
            raise ClusterError(f"--folder takes PATH or PATH:MODE with an octal mode, not {word!r}")
        folders[path] = int(mode or "755", 8)
    env: dict[str, str] = {}
    for word in options.env:
        name, mark, value = word.partition("=")
        if not mark or not name:
            raise ClusterError(f"--env takes NAME=VALUE, not {word!r}")
        env[name] = value
    out: Path = options.out
    return images.scratch_image(options.name, files, entrypoint, options.user, out, env=env, folders=folders)


def environment(cluster: Cluster, layout: Layout) -> list[str]:
    """Return shell lines that put the kubeconfig and the tools that are built into place."""
    folders = [str(folder) for folder in tools.cached_folders(layout.cache)]
    own = tools.kubectl(layout.cache)
    if str(own).startswith(f"{layout.cache}/"):
        folders.append(str(own.parent))
    lines = [f"export KUBECONFIG={shlex.quote(str(cluster.kubeconfig()))}"]
    if folders:
        lines.append(f"export PATH={shlex.quote(':'.join(folders))}:$PATH")
    return lines


def status(cluster: Cluster) -> int:
    parts = cluster.status()
    if not parts:
        print("no cluster is running")
        return 1
    width = max(len(part.name) for part in parts)
    for part in parts:
        print(f"{part.name:<{width}}  {'ok ' if part.healthy else 'BAD'}  {part.detail}")
    return 0 if all(part.healthy for part in parts) else 1


def perform(options: argparse.Namespace, layout: Layout) -> int:
    """Run one command; commands that change the cluster exclude each other."""
    match options.command:
        case "scratch-image":
            print(scratch_image(options))
            return 0
        case "bin":
            print(tools.resolve(layout.cache, options.tool))
            return 0
        case "image-tools":
            packages.check_platform()
            packages.install(packages.IMAGE_TOOLS)
            return 0
        case _:
            pass
    on_kind = not layout.state.exists() and kind.wanted()
    cluster: Cluster = KindCluster(layout) if on_kind else LocalCluster(layout)
    match options.command:
        case "status":
            return status(cluster)
        case "kubeconfig":
            print(cluster.kubeconfig())
        case "audit-log":
            print(cluster.audit_log())
        case "env":
            print("\n".join(environment(cluster, layout)))
        case "node-runtime":
            print(cluster.node_runtime(options.node))
        case "load-image":
            print("\n".join(cluster.load_image(options.archive, options.name)))
        case _:
            with tools.locked(layout.lock, "another hack/cluster is at work; waiting for it"):
                change(options, cluster)
    return 0


def change(options: argparse.Namespace, cluster: Cluster) -> None:
    began = time.monotonic()
    match options.command:
        case "up":
            cluster.up(options.nodes, options.fake_nodes)
            status(cluster)
            print(f"the cluster is up after {time.monotonic() - began:.1f} s")
            print(f"KUBECONFIG={cluster.kubeconfig()}")
        case "down":
            found = cluster.down()
            text = f"the cluster is gone after {time.monotonic() - began:.1f} s" if found else "there was no cluster"
            print(text)
        case "recycle-volumes":
            recycled = cluster.recycle_volumes()
            print("\n".join(recycled) if recycled else "no volume was waiting for it")
        case _:
            raise ClusterError(f"no command {options.command}")


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    try:
        return perform(options, Layout.from_environment())
    except ClusterError as problem:
        print(f"hack/cluster: {problem}", file=sys.stderr)
        return 1
    except OSError as problem:
        print(f"hack/cluster: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        with contextlib.suppress(OSError):
            print("hack/cluster: interrupted", file=sys.stderr)
        return 130
