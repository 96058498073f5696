"""A process sees the values that the matrix says, `$` included; only workload.env names other variables."""

from __future__ import annotations

import json

from tests.support.cluster import Json, Kube
from tests.support.cluster_matrices import apply, matrix, raw_log, settled
from tests.support.installation import Installation

TEXTS = ["$(HOME)", "$$(X)", "a$b"]


def _arguments(log: bytes) -> list[str]:
    """What the probe says it was started with."""
    (line,) = (line for line in log.decode().splitlines() if line.startswith("probe {"))
    found: Json = json.loads(line.removeprefix("probe "))
    arguments: list[str] = found["arguments"]
    return arguments


def test_values_reach_the_process_as_they_are_written(operator: Installation, kube: Kube) -> None:
    apply(
        kube,
        matrix(
            "variables",
            operator.images,
            axes=[{"name": "hardware", "values": ["h100"]}, {"name": "TEXT", "values": TEXTS}],
            overrides=[{"match": {}, "set": {"extraEnv": {"EXTRA": "$(HOME) $$ $"}}}],
            workload={
                "command": ["python3", "probe.py", "$(TEXT)", "$(EXTRA)", "$(JOINED)"],
                "env": [{"name": "JOINED", "value": "<$(TEXT)> $$(TEXT)"}],
            },
        ),
    )
    _, ledger, results = settled(operator, kube, "variables")
    assert {record["outcome"] for record in ledger.records} == {"Succeeded"}
    seen = [_arguments(raw_log(results, record)) for record in ledger.records]
    assert sorted(seen) == sorted([text, "$(HOME) $$ $", f"<{text}> $(TEXT)"] for text in TEXTS)
