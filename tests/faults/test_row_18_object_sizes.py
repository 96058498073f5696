"""Row 18: 20,000 cells with long errors: what is written stays far below what the server takes, and says it is cut."""

from __future__ import annotations

import json
from pathlib import Path

from batchmatrix.adapters.kube.access import from_kubeconfig
from batchmatrix.adapters.kube.client import Client
from batchmatrix.adapters.kube.publisher import KubePublisher
from batchmatrix.publish.configmap import configmap_data
from batchmatrix.publish.status import Progress, status_body
from tests.support.cluster import Kube
from tests.support.kube import ensure_crds, make_matrix
from tests.support.summaries import huge_summary

CELLS = 20_000
LIMIT = 256 << 10
"""Bytes that no object of ours may have; the server takes about six times as much."""


async def test_the_largest_summary_and_status_are_taken_and_say_what_is_missing(
    kube: Kube, cluster: Kube, kubeconfig: Path
) -> None:
    ensure_crds(cluster)
    matrix = make_matrix(kube)
    summary = huge_summary(CELLS)
    data = configmap_data(summary, location=f"s3://bucket/{'p' * 200}")
    words = "\u00fc" * 100_000
    progress = Progress(
        generation=1,
        complete=True,
        verdict="fail",
        reason=words,
        waiting_for=words,
        drift=words,
        cells=CELLS,
        total=10**9,
        done=10**9,
        failed=10**9,
        outcomes={f"Outcome{number}": 10**9 for number in range(40)},
        results="s3://" + "p" * 1000,
        shard_sha256="0" * 64,
    )
    async with Client(await from_kubeconfig(str(kubeconfig)), fence=None) as client:
        publisher = KubePublisher(client)
        await publisher.summary(matrix, data)
        await publisher.status(matrix, status_body(progress, previous=None, now="2026-01-01T00:00:00Z"))
        for message in (words, "x" * 10_000):
            await publisher.event(matrix, kind="Warning", reason="CellsFailed", message=message)
    found = kube.get("configmaps", f"{matrix.name}-summary")
    texts = sum(len(text.encode()) for text in found.pop("data").values())  # as they are stored: not quoted
    assert texts + len(json.dumps(found).encode()) < LIMIT
    shown = json.loads(data["summary.json"])
    assert shown["truncated"] is True
    assert shown["outcomes"] == {"Timeout": CELLS}
    rows = data["cells.csv"].count("\n") - 1
    assert 0 < rows < CELLS
    assert f"of {CELLS}" in data["matrix.md"]
    there = kube.get("batchmatrices", matrix.name)
    assert len(json.dumps(there, ensure_ascii=False).encode()) < LIMIT
    assert there["status"]["trials"]["failed"] == 10**9
