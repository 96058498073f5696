"""Which images the local cluster's nodes hold, and bringing them there."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local_kubernetes import kind, node
from local_kubernetes.kind import KindCluster
from local_kubernetes.local import LocalCluster
from local_kubernetes.paths import Layout
from local_kubernetes.shell import run


def cluster(layout: Layout) -> LocalCluster | KindCluster:
    """Return the cluster that runs, as `hack/cluster` chooses it."""
    return KindCluster(layout) if not layout.state.exists() and kind.wanted() else LocalCluster(layout)


def digests(where: LocalCluster | KindCluster) -> list[dict[str, str]]:
    """Return for each real node the images it holds: name to manifest digest."""
    if isinstance(where, LocalCluster):
        nodes = where.real_nodes()
        with ThreadPoolExecutor(max_workers=max(1, len(nodes))) as pool:
            return list(pool.map(lambda one: listing(node.ctr(one, "images", "ls") or ""), nodes))
    command = ["ctr", "--namespace", "k8s.io", "images", "ls"]
    workers = run(["docker", "ps", "--filter", f"name=^{kind.NAME}-worker", "--format", "{{.Names}}"]).stdout.split()
    return [listing(run(["docker", "exec", worker, *command]).stdout) for worker in workers]


def listing(table: str) -> dict[str, str]:
    """Read the table that `ctr images ls` prints: name, type and digest lead each row."""
    rows = (line.split() for line in table.splitlines()[1:])
    return {row[0]: row[2] for row in rows if len(row) > 2}


def is_loaded(held: Sequence[dict[str, str]], reference: str, alias: str | None) -> bool:
    """Tell whether every node holds `reference`, and knows the same image under `alias`."""
    return bool(held) and all(
        reference in one and (alias is None or one.get(alias) == one[reference]) for one in held
    )


def load(where: LocalCluster | KindCluster, archive: Path, alias: str | None) -> None:
    """Bring an archive to every real node."""
    where.load_image(archive, [alias] if alias else [])
