"""BatchMatrix objects for end-to-end tests, and what comes out of them, read with code of the tests' own."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass, field
from typing import Any

import zstandard

from tests.support.cluster import Json, Kube
from tests.support.installation import Installation, Results
from tests.support.jobs import condition
from tests.support.nodes import CUDA_LABEL, ROCM_LABEL
from tests.support.wait import Pending, wait_for

__all__ = [
    "CUDA_LABEL",
    "HARDWARE",
    "ROCM_LABEL",
    "Ledger",
    "apply",
    "by_environment",
    "children",
    "finished",
    "ledger",
    "matrix",
    "pod_of",
    "probe_facts",
    "raw_log",
    "settled",
    "stalled",
    "summary",
]

HARDWARE: Json = {"h100": {"nodeLabels": CUDA_LABEL}, "mi300x": {"nodeLabels": ROCM_LABEL}}
"""Both kinds of nodes, without asking for their devices: tests that run side by side must not wait for each other."""


def matrix(
    name: str, images: Any, *, axes: list[Json], probe: Json | None = None, catalog: Json | None = None, **spec: Any
) -> Json:
    """A matrix of the probe program on both kinds of nodes' images; `probe` sets PROBE_ variables for every cell.

    An axis `environment` brings its own image; without one the image goes by the node.
    """
    rules = [
        {"nodeLabels": CUDA_LABEL, "image": images["sample-workload-cuda"]},
        {"nodeLabels": ROCM_LABEL, "image": images["sample-workload-rocm"]},
    ]
    workload: Json = {
        "command": ["python3", "probe.py"],
        "env": [{"name": f"PROBE_{key}", "value": str(value)} for key, value in (probe or {}).items()],
        # Two seconds are what a container gets that is asked to end.
        "terminationGracePeriodSeconds": 2,
    }
    if not any(axis["name"] == "environment" for axis in axes):
        workload["imagesByNode"] = rules
    workload.update(spec.pop("workload", {}))
    return {
        "apiVersion": "batchmatrix.dev/v1alpha1",
        "kind": "BatchMatrix",
        "metadata": {"name": name},
        "spec": {
            "axes": axes,
            "catalog": {"hardware": HARDWARE, **(catalog or {})},
            "workload": workload,
            "retention": {"jobs": "all"},
            **spec,
        },
    }


def by_environment(images: Any, **environments: Json) -> Json:
    """Axis and catalog in which each environment runs the probe with variables of its own, on any node."""
    catalog = {
        name: {"image": images["sample-workload-cuda"], "env": {f"PROBE_{key}": str(val) for key, val in probe.items()}}
        for name, probe in environments.items()
    }
    return {
        "axes": [{"name": "environment", "values": list(environments)}],
        "catalog": {"environments": catalog},
    }


def apply(kube: Kube, manifest: Json) -> Json:
    """Create the matrix with strict validation; the object as the server has it."""
    return kube.create("batchmatrices", manifest)


def finished(kube: Kube, name: str, *, timeout: float = 100) -> Json:
    """The matrix, once its condition Finished is True for its generation."""

    def look() -> Json | Pending:
        found = kube.get("batchmatrices", name)
        over = condition(found, "Finished")
        if over and over["observedGeneration"] == found["metadata"]["generation"]:
            return found
        return Pending(found.get("status"))

    return wait_for(look, timeout=timeout, what=f"matrix {name} to be finished", interval=0.25)


def stalled(kube: Kube, name: str, *, timeout: float = 30) -> str:
    """The message of a matrix whose spec cannot be used, once its conditions say so."""

    def look() -> str | Pending:
        status = kube.get("batchmatrices", name).get("status", {})
        found = condition({"status": status}, "Stalled")
        return str(found["message"]) if found and found["reason"] == "InvalidSpec" else Pending(status)

    return wait_for(look, timeout=timeout, what=f"matrix {name} to be Stalled")


def summary(kube: Kube, name: str) -> Json:
    """summary.json of the matrix's ConfigMap."""
    found: Json = json.loads(kube.get("configmaps", f"{name}-summary")["data"]["summary.json"])
    return found


def children(kube: Kube, resource: str, name: str) -> list[Json]:
    """Jobs or pods of the matrix."""
    return kube.list(resource, selector=f"batchmatrix.dev/matrix={name}")


def pod_of(kube: Kube, name: str, cell: str, *, attempt: int = 0) -> str:
    """The pod of an attempt of a cell's first trial, as soon as there is one."""
    labels = {"matrix": name, "cell": cell, "trial": 0, "attempt": attempt}
    selector = ",".join(f"batchmatrix.dev/{key}={value}" for key, value in labels.items())
    found = wait_for(lambda: kube.list("pods", selector=selector), timeout=60, what=f"a pod of {cell}")
    return str(found[0]["metadata"]["name"])


def probe_facts(pod: Json) -> Json:
    """What the probe program says of itself: bytes, lines and SHA-256 of what it wrote, trial, seed, image."""
    found: Json = json.loads(pod["status"]["containerStatuses"][0]["state"]["terminated"]["message"])
    return found


@dataclass(slots=True)
class Ledger:
    """All entries of a matrix's ledger, in order, and its shards as they lie in the store."""

    shards: dict[str, bytes] = field(default_factory=dict)
    records: list[Json] = field(default_factory=list)
    intents: list[Json] = field(default_factory=list)

    def outcomes(self) -> dict[tuple[str, int, int], str]:
        """Outcome by cell, trial and attempt; an attempt that was recorded twice is an AssertionError."""
        found: dict[tuple[str, int, int], str] = {}
        for record in self.records:
            key = (record["cell"], record["trial"], record["attempt"])
            assert key not in found, f"two records of {key}"
            found[key] = record["outcome"]
        return found


def ledger(results: Results) -> Ledger:
    """Read the ledger and check its chain: numbers without a gap, each shard naming the digest of the one before."""
    found = Ledger()
    previous = ""
    for number, key in enumerate(results.keys("ledger/"), start=1):
        assert key == f"ledger/{number:08}.jsonl.zst"
        data = results.read(key)
        lines = [json.loads(line) for line in _decompressed(data).splitlines()]
        head = lines[0]
        assert (head["kind"], head["sequence"], head["previous"]) == ("shard", number, previous)
        previous = hashlib.sha256(data).hexdigest()
        found.shards[key] = data
        found.records += [line for line in lines[1:] if line["kind"] == "record"]
        found.intents += [line for line in lines[1:] if line["kind"] == "intent"]
    return found


def raw_log(results: Results, record: Json) -> bytes:
    """The bytes that the store holds for a record's log, as any zstd decoder gives them."""
    key = str(record["log"]["key"])
    folder = key.removeprefix(f"{results.prefix}/").rstrip("/") + "/"
    return b"".join(_decompressed(results.read(name)) for name in results.keys(folder))


def _decompressed(data: bytes) -> bytes:
    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True) as reader:
        return reader.read()


def settled(installation: Installation, kube: Kube, name: str, *, timeout: float = 100) -> tuple[Json, Ledger, Results]:
    """A matrix that has finished, with its ledger and all that the store holds of it."""
    found = finished(kube, name, timeout=timeout)
    results = installation.results(found)
    return found, ledger(results), results
