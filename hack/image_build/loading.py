"""Which images the local cluster's nodes hold, and bringing them there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..local_kubernetes import kind, node
from ..local_kubernetes.kind import KindCluster
from ..local_kubernetes.local import LocalCluster
from ..local_kubernetes.paths import Layout
from ..local_kubernetes.shell import run

DIGESTS = 200


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


def is_loaded(held: Sequence[dict[str, str]], reference: str, digest: str | None) -> bool:
    """Tell whether every node has just this image under the name."""
    return digest is not None and bool(held) and all(one.get(reference) == digest for one in held)


class Digests:
    """The digest that nodes give the image of an archive, noted when it was loaded.

    A tag that stays the same says nothing about the content, and a second, telling tag would show up in the status
    of pods.
    """

    def __init__(self, file: Path) -> None:
        self.file = file

    def get(self, archive: str) -> str | None:
        return self._read().get(archive)

    def note(self, archive: str, digest: str) -> None:
        known = {**self._read(), archive: digest}
        draft = self.file.with_suffix(".new")
        draft.write_text(json.dumps(dict(list(known.items())[-DIGESTS:]), indent=2))
        draft.replace(self.file)

    def _read(self) -> dict[str, str]:
        try:
            found: dict[str, str] = json.loads(self.file.read_text())
        except (OSError, ValueError):
            return {}
        return found
