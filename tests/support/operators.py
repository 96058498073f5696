"""The operator as a process of its own, serving one namespace from outside the cluster, over a folder."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import yaml
import zstandard

from tests.support.cluster import Json, Kube
from tests.support.forks import Fork
from tests.support.trees import files_under
from tests.support.wait import Pending, wait_for

__all__ = ["Operator", "ended", "matrix_on", "served"]

STOP_SECONDS = 30.0
TAIL = 8000
"""Characters of its log that a failure shows."""


class Operator:
    """Start it, stop it, kill it, as often as the test likes; its store and its identity stay the same.

    `settings` go over those of tests, whole members at a time; `pod` tells replicas apart.
    """

    def __init__(
        self,
        *,
        kubeconfig: Path,
        namespace: str,
        folder: Path,
        settings: Mapping[str, object] | None = None,
        pod: str = "operator-0",
    ) -> None:
        self.store = folder / "store"
        self.log = folder / f"{pod}.log"
        self.pod = pod
        self._config = folder / f"{pod}.yaml"
        self._kubeconfig = kubeconfig
        self._namespace = namespace
        self._process: Fork | None = None
        self._starts = 0
        config: Json = {
            "namespaces": [namespace],
            "stores": {"default": {"folder": {"path": str(self.store)}}},
            "lease": {"name": "batchmatrix", "duration": "20s"},
            "probes": {"port": 0},
            "reports": {"pages": False},
            "logLevel": "debug",
            **(settings or {}),
        }
        self._config.write_text(yaml.safe_dump(config))

    def start(self) -> None:
        """Start the process; it acts once it has the lease."""
        assert self._process is None
        self._starts += 1
        self._process = Fork(
            ["operator", "--config", str(self._config), "--kubeconfig", str(self._kubeconfig)],
            log=self.log,
            env={
                **os.environ,
                "POD_NAME": self.pod,
                "POD_UID": f"00000000-{self.pod}",
                "POD_NAMESPACE": self._namespace,
            },
        )

    def end(self, number: signal.Signals) -> int:
        """End it by a signal and wait until it is gone; its exit status."""
        assert self._process is not None
        self._process.send_signal(number)
        status = self._process.wait(STOP_SECONDS)
        self._process = None
        return status

    def signal(self, number: signal.Signals) -> None:
        """Send a signal and wait for nothing; from any thread."""
        process = self._process
        if process is not None:
            process.send_signal(number)

    def died(self) -> int | None:
        """Exit status of a process that has ended without `end`, and is now forgotten; None while it lives."""
        status = None if self._process is None else self._process.poll()
        if status is not None:
            self._process = None
        return status

    def kill(self) -> None:
        """SIGKILL."""
        self.end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM, as a kubelet would; the exit status. It has a pod's grace period for that."""
        return self.end(signal.SIGTERM)

    def entries(self, kind: str) -> list[Json]:
        """All entries of one kind in the store, read with code of the tests' own, in the order of the ledger."""
        found: list[Json] = []
        shards = (path for path in files_under(self.store) if path.match("ledger/*.jsonl.zst"))
        for shard in shards:
            lines = zstandard.ZstdDecompressor().decompressobj().decompress(shard.read_bytes()).splitlines()
            found += [entry for entry in map(json.loads, lines[1:]) if entry["kind"] == kind]
        return found

    @property
    def running(self) -> bool:
        """Whether there is a process that was started and not ended."""
        return self._process is not None

    @property
    def port(self) -> int:
        """Where the running process serves probes and metrics, as it says itself."""

        def look() -> int | Pending:
            said = [line for line in self.log.read_text(errors="replace").splitlines() if '"port": ' in line]
            return int(json.loads(said[-1])["port"]) if len(said) == self._starts else Pending(said)

        return wait_for(look, timeout=30, what="the operator to say its port")

    def tail(self) -> str:
        """The end of its log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(line for line in lines if "kube_config" not in line)[-TAIL:]


@contextmanager
def served(kube: Kube, kubeconfig: Path, folder: Path) -> Iterator[Operator]:
    """A running operator for the namespace of `kube`; at the end it tidies up after its matrices, then stops."""
    _alone(kube)
    operator = Operator(kubeconfig=kubeconfig, namespace=kube.namespace, folder=folder)
    operator.start()
    try:
        yield operator
        if not operator.running:
            operator.start()
        kube.delete_all("batchmatrices")
        wait_for(
            lambda: not (left := [pod["metadata"]["name"] for pod in kube.list("pods")]) or Pending(left),
            timeout=60,
            what="the pods of deleted matrices to be recorded and released",
        )
    except BaseException:
        sys.stderr.write(operator.tail())
        raise
    finally:
        if operator.running:
            operator.stop()


def _alone(kube: Kube) -> None:
    """Two operators over one matrix would each do the other's work."""
    for found in kube.list("deployments", namespace="", selector="app.kubernetes.io/name=batchmatrix"):
        where = found["metadata"]["namespace"]
        for volume in found["spec"]["template"]["spec"]["volumes"]:
            if "configMap" not in volume:
                continue
            text = kube.get("configmaps", volume["configMap"]["name"], namespace=where)["data"].get("config.yaml", "")
            if not yaml.safe_load(text).get("namespaces"):
                name = found["metadata"]["name"]
                raise AssertionError(
                    f"operator {where}/{name} serves all namespaces, this test's too: uninstall it by helm first"
                )


def matrix_on(name: str, labels: dict[str, dict[str, str]], *, axes: list[Json] | None = None, **spec: object) -> Json:
    """A matrix over the hardware that `labels` names, on fake nodes."""
    tolerations = [{"operator": "Exists"}]
    hardware = {key: {"nodeLabels": value, "tolerations": tolerations} for key, value in labels.items()}
    return {
        "apiVersion": "batchmatrix.dev/v1alpha1",
        "kind": "BatchMatrix",
        "metadata": {"name": name},
        "spec": {
            "axes": [{"name": "hardware", "values": list(labels)}, *(axes or [])],
            "catalog": {"hardware": hardware},
            "workload": {"image": "fake:1", "command": ["run"]},
            **spec,
        },
    }


def ended(kube: Kube, name: str, *, generation: int = 1, timeout: float = 60) -> Json:
    """The matrix once that generation has finished."""

    def look() -> Json | Pending:
        found = kube.get("batchmatrices", name)
        status = found.get("status", {})
        conditions = {each["type"]: each["status"] for each in status.get("conditions", [])}
        done = status.get("observedGeneration") == generation and conditions.get("Finished") == "True"
        return found if done else Pending(status)

    return wait_for(look, timeout=timeout, what=f"generation {generation} of {name} to finish")
