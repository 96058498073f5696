"""Results on a volume, the store that a plain `helm install` comes with, read by the operator's own commands."""

from __future__ import annotations

import hashlib
import json

from tests.support.cluster import Kube
from tests.support.cluster_matrices import apply, children, finished, matrix, probe_facts
from tests.support.installation import Installation


def test_a_matrix_on_the_folder_store(operator: Installation, kube: Kube) -> None:
    manifest = matrix(
        "on-folder",
        operator.images,
        axes=[{"name": "hardware", "values": ["h100"]}],
        probe={"LINES": 20, "METRICS": '{"loss": 0.25}', "EXIT": "1:3"},
        metrics=[{"name": "loss", "from": "prefix", "required": True}],
        trials=2,
        store={"name": "folder"},
    )
    apply(kube, manifest)
    found = finished(kube, "on-folder")
    metadata = found["metadata"]
    prefix = f"{metadata['namespace']}/{metadata['name']}/{metadata['uid']}"
    assert found["status"]["results"].startswith("file:///")
    listed = operator.command("artifacts", "ls", "--store", "folder", f"{prefix}/").splitlines()
    keys = {line.split()[1].removeprefix(f"{prefix}/"): int(line.split()[0]) for line in listed}
    assert {"runs/1/plan.json", "runs/1/matrix.json", "runs/1/trials.csv", "ledger/00000001.jsonl.zst"} <= set(keys)

    def cat(key: str) -> bytes:
        return operator.command("artifacts", "cat", "--store", "folder", f"{prefix}/{key}").encode()

    shards = b"".join(cat(key) for key in sorted(keys) if key.startswith("ledger/"))
    records = [entry for entry in map(json.loads, shards.splitlines()) if entry["kind"] == "record"]
    outcomes = {(record["cell"], record["trial"]): record["outcome"] for record in records}
    good, bad = "Succeeded", "UnexpectedExit"
    assert outcomes == {("h100", 0): good, ("h100", 1): bad}
    pods = {pod["metadata"]["uid"]: pod for pod in children(kube, "pods", "on-folder")}
    for record in records:
        folder = record["log"]["key"].removeprefix(f"{prefix}/").rstrip("/") + "/"
        kept = b"".join(cat(key) for key in sorted(keys) if key.startswith(folder))
        assert (
            hashlib.sha256(kept).hexdigest() == record["log"]["sha256"] == probe_facts(pods[record["podUid"]])["sha256"]
        )
