"""The programs that the demonstration calls: those of hack/, kubectl and helm."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .screen import DemoError, Screen

ROOT = Path(__file__).resolve().parents[2]


@dataclass(slots=True)
class Tools:
    """Runs programs in the checkout, against the local cluster."""

    screen: Screen
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    helm_path: str = "helm"
    kubectl_path: str = "kubectl"

    def hack(self, name: str, *words: str) -> str:
        """Run hack/NAME, showing what it says of its progress; return its output."""
        command = [str(ROOT / "hack" / name), *words]
        with subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            last = ""
            # Output is short and fits the pipe; progress is what comes over minutes.
            for line in process.stderr:
                last = line.rstrip("\n") or last
                self.screen.line(f"    {line.rstrip()}")
            output = process.stdout.read()
        if process.returncode != 0:
            raise DemoError(f"hack/{name} {' '.join(words)} failed: {last}", f"hack/{name} {' '.join(words)}")
        return output

    def use_cluster(self) -> None:
        """Point kubectl and helm to the local cluster, whatever the user's own configuration says."""
        self.environment["KUBECONFIG"] = self.hack("cluster", "kubeconfig").strip()
        self.helm_path = self.hack("cluster", "bin", "helm").strip()
        self.kubectl_path = self.hack("cluster", "bin", "kubectl").strip()

    def kubectl(self, *words: str, stdin: str | None = None, look: str = "", check: bool = True) -> str:
        return self._run([self.kubectl_path, *words], stdin, look, check=check)

    def get(self, *words: str) -> dict[str, Any]:
        """Return an object as kubectl prints it, or an empty one where it does not exist."""
        text = self.kubectl("get", *words, "--ignore-not-found", "--output", "json")
        found: dict[str, Any] = json.loads(text) if text.strip() else {}
        return found

    def helm(self, *words: str, look: str = "") -> str:
        return self._run([self.helm_path, *words], None, look)

    def _run(self, command: Sequence[str], stdin: str | None, look: str, *, check: bool = True) -> str:
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, input=stdin, capture_output=True, text=True, check=False
        )
        if check and done.returncode != 0:
            lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
            name = Path(command[0]).name
            said = lines[-1] if lines else f"exit status {done.returncode}"
            raise DemoError(f"{name} {' '.join(command[1:4])}: {said[:300]}", look or f"{name} {' '.join(command[1:])}")
        return done.stdout

    @contextmanager
    def forwarded(self, namespace: str, target: str, port: int) -> Iterator[int]:
        """Forward a free port of this machine to a port in the cluster, and give that port."""
        command = [
            self.kubectl_path,
            "--namespace",
            namespace,
            "port-forward",
            "--address",
            "127.0.0.1",
            target,
            f":{port}",
        ]
        with subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            try:
                assert process.stdout is not None
                first = process.stdout.readline()
                found = re.search(r"127\.0\.0\.1:(\d+)", first)
                if found is None:
                    raise DemoError(
                        f"cannot reach {target} in namespace {namespace}: {first.strip()}", " ".join(command)
                    )
                yield int(found[1])
            finally:
                process.terminate()


def until(what: str, seconds: float, look: str) -> Iterator[None]:
    """Yield every half second; raise a DemoError when `seconds` have passed."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(0.5)
    raise DemoError(f"waited {seconds:.0f} s for {what}", look)


def manifest(kind: str, name: str, namespace: str = "", **more: Any) -> str:
    """Return a core object as JSON for `kubectl apply`."""
    metadata: dict[str, Any] = {"name": name, **({"namespace": namespace} if namespace else {})}
    metadata |= more.pop("metadata", {})
    content: Mapping[str, Any] = {"apiVersion": "v1", "kind": kind, "metadata": metadata, **more}
    return json.dumps(content)
