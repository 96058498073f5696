"""An image of Debian's static busybox, so that tests can run shell scripts in real containers."""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import tempfile
from pathlib import Path

from tests.support.cluster import ROOT, Kube

__all__ = ["load_busybox"]

BINARY = Path("/bin/busybox")


def load_busybox(cluster: Kube) -> str:
    """Put the image into every real node, unless this cluster has it; its name. Raises AssertionError."""
    assert BINARY.is_file(), f"{BINARY} is missing; the package is busybox-static"
    digest = hashlib.sha256(BINARY.read_bytes()).hexdigest()[:12]
    name = f"localhost/batchmatrix-tests/busybox:{digest}"
    uid = cluster.get("namespaces", "kube-system")["metadata"]["uid"]
    folder = Path(tempfile.gettempdir()) / "batchmatrix-tests"
    folder.mkdir(exist_ok=True)
    loaded = folder / f"{uid}-{digest}.loaded"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes may come here at once
        if not loaded.exists():
            archive = folder / f"busybox-{digest}.tar"
            # Debian's busybox finds its own applets, so that the shell is the only file needed.
            words = [f"--name={name}", f"--file={BINARY}:/bin/sh", '--entrypoint=["/bin/sh"]', "--user=65532:65532"]
            _cluster_tool("scratch-image", *words, "--folder=/tmp:1777", f"--out={archive}")
            _cluster_tool("load-image", str(archive))
            archive.unlink()
            loaded.touch()
    return name


def _cluster_tool(*words: str) -> None:
    command = [str(ROOT / "hack" / "cluster"), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"hack/cluster {words[0]} exited {done.returncode}: {done.stderr.strip()[-500:]}"
