"""A log longer than the file that a node keeps: the node forgets its beginning, the store has every byte."""

from __future__ import annotations

import hashlib

from tests.support.cluster import Kube
from tests.support.cluster_matrices import apply, children, matrix, probe_facts, raw_log, settled
from tests.support.installation import Installation

LINES = 51_200
LINE_BYTES = 1024
"""50 MiB in all; a node begins a new file after 10 MiB and shows the newest only."""
SECONDS = 65
"""Slow enough for an operator on a busy machine: a node shows the file before the newest to nobody."""


def test_a_followed_log_of_50_megabytes_is_whole_though_the_node_keeps_the_end_only(
    operator: Installation, kube: Kube
) -> None:
    manifest = matrix(
        "rotated",
        operator.images,
        axes=[{"name": "hardware", "values": ["h100"]}],
        # Time to be met running before the first file is full.
        probe={"SLEEP": 5, "LATER_LINES": LINES, "LINE_BYTES": LINE_BYTES, "LATER_SECONDS": SECONDS},
        logs={"mode": "follow"},
    )
    apply(kube, manifest)
    _, found, results = settled(operator, kube, "rotated", timeout=240)
    (record,) = found.records
    (pod,) = children(kube, "pods", "rotated")
    said = probe_facts(pod)
    assert said["bytes"] > LINES * LINE_BYTES
    assert len(kube.logs(record["pod"])) < said["bytes"] / 2, "the node has not begun a new file"
    kept = raw_log(results, record)
    log = record["log"]
    assert (record["outcome"], log["state"]) == ("Succeeded", "complete"), record["message"]
    assert hashlib.sha256(kept).hexdigest() == said["sha256"] == log["sha256"]
    assert len(kept) == said["bytes"] == log["bytes"]
    assert log["lines"] == said["lines"]
