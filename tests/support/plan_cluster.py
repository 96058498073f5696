"""An API server of plain objects that nothing changes, and a kubeconfig for it: what the command line looks at."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

__all__ = ["ReadOnlyCluster", "a_kubeconfig", "matrix_path", "read_only_cluster", "summary_path"]

Json = dict[str, Any]

_MATRICES = "/apis/batchmatrix.dev/v1alpha1/namespaces/{}/{}/{}"


def matrix_path(namespace: str, name: str, *, plural: str = "batchmatrices") -> str:
    """Where a BatchMatrix, or a MatrixCatalog, is read."""
    return _MATRICES.format(namespace, plural, name)


def summary_path(namespace: str, name: str) -> str:
    """Where a matrix's summary is read."""
    return f"/api/v1/namespaces/{namespace}/configmaps/{name}-summary"


@dataclass(slots=True)
class ReadOnlyCluster:
    """Objects by path; what is not there is answered with 404, an int is a refusal of that code."""

    objects: dict[str, Json | int] = field(default_factory=dict)
    url: str = ""
    kubeconfig: Path = Path()
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Method and path of every request."""
    sent: list[Json] = field(default_factory=list)
    """What was sent to change something; it is answered, and changes nothing here."""


def a_kubeconfig(folder: Path, server: str, *, namespace: str = "default") -> Path:
    """A kubeconfig with one context, `here`."""
    path = folder / "kubeconfig"
    body = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "t0"}}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": namespace}}],
    }
    path.write_text(yaml.safe_dump(body))
    return path


@contextmanager
def read_only_cluster(folder: Path, objects: Mapping[str, Json | int]) -> Iterator[ReadOnlyCluster]:
    """Serve `objects` on 127.0.0.1 in threads of its own, as the command has an event loop of its own."""
    cluster = ReadOnlyCluster({"/api/v1/nodes": {"kind": "NodeList", "items": []}, **objects})

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            path = self.path.partition("?")[0]
            cluster.asked.append((self.command, path))
            found = cluster.objects.get(path, 404)
            if self.command != "GET":
                cluster.sent.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                found = cluster.objects.get(f"{self.command} {path}", found)
            code = found if isinstance(found, int) else 200
            refusal = {"kind": "Status", "status": "Failure", "code": code, "message": f"{path} is refused"}
            data = json.dumps(refusal if isinstance(found, int) else found).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its name there
            """Say nothing."""

    for verb in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Handler, f"do_{verb}", Handler.answer)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        cluster.url = f"http://127.0.0.1:{server.server_address[1]}"
        cluster.kubeconfig = a_kubeconfig(folder, cluster.url)
        yield cluster
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
