"""What must come out the same whatever went wrong: a matrix's end without times, nodes, uids and writers.

Compared with an undisturbed run of the same spec; what the comparison cannot tell (how often a Job was created, what
is left in the cluster) is asserted for each run by itself.
"""

from __future__ import annotations

import csv
import difflib
import io
import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from tests.support.cluster import Json, Kube
from tests.support.faults.proxy import Call

__all__ = ["End", "created", "differences", "end_of", "once_each"]

RECORD_FIELDS = (
    "cell",
    "cellHash",
    "trial",
    "attempt",
    "rerun",
    "generation",
    "seed",
    "job",
    "outcome",
    "blame",
    "reason",
    "message",
    "exitCode",
    "signal",
    "image",
)
LOG_FIELDS = ("state", "bytes", "lines", "sha256", "metrics", "message", "capped")
UNSTEADY = ("startTime", "completionTime", "ledger")
"""Members of the status that say when, and in how many shards."""
MASKS = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "TIME"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "UID"),
    (re.compile(r"(file|s3)://[^\s\"'`)]+"), "PLACE"),
    (re.compile(r"(-t\d+-a\d+)-[a-z0-9]{5}\b"), r"\1-POD"),
    (re.compile(r"\btest-[0-9a-f]{8}\b"), "NAMESPACE"),
    (re.compile(r"bmx-fake-\d+"), "NODE"),
)
DURATION = re.compile(r'("meanRunSeconds": )[0-9.e+-]+')

End = dict[str, Any]
"""The projection: plain data that `==` compares and a failure shows."""


def end_of(kube: Kube, name: str, records: Iterable[Json]) -> End:
    """How the matrix ended, and that nothing of ours is left on its pods."""
    found = list(records)
    held = [pod["metadata"]["name"] for pod in kube.list("pods") if _held(pod)]
    assert not held, f"pods that are recorded and still held: {held}"
    keys = Counter(record["podUid"] or record["job"] for record in found)
    assert all(count == 1 for count in keys.values()), f"recorded more than once: {keys.most_common(3)}"
    status = kube.get("batchmatrices", name)["status"]
    assert status["ledger"]["records"] == len(found)
    summary = kube.get("configmaps", f"{name}-summary")["data"]
    steady = {key: value for key, value in status.items() if key not in UNSTEADY}
    return {
        "records": sorted(_record(record) for record in found),
        "status": _masked(steady),
        "summary": {key: _masked(_untimed(key, text)) for key, text in summary.items()},
    }


def differences(end: End, expected: End) -> list[str]:
    """Lines that one of two ends has and the other has not; empty where they are the same."""
    texts = [json.dumps(each, indent=1, sort_keys=True).replace("\\n", "\n").splitlines() for each in (expected, end)]
    marks = ("+ ", "- ")
    return [line for line in difflib.ndiff(*texts) if line.startswith(marks)]


def created(calls: Iterable[Call], *, matrix: str) -> Counter[str]:
    """How often the server made each Job of a matrix."""
    return Counter(
        call.what.name
        for call in calls
        if call.what.kind == "create jobs" and call.committed == 201 and call.what.name.startswith(f"{matrix}-")
    )


def once_each(calls: Iterable[Call], end: End, *, matrix: str) -> None:
    """Each attempt that is recorded had one Job, which was made once, and there was no other Job."""
    made = created(calls, matrix=matrix)
    assert all(count == 1 for count in made.values()), f"made more than once: {made.most_common(3)}"
    recorded = {json.loads(record)["job"] for record in end["records"]} - {""}
    assert set(made) == recorded, f"made and recorded differ by {set(made) ^ recorded}"


def _held(pod: Json) -> bool:
    return "batchmatrix.dev/record" in pod["metadata"].get("finalizers", ())


def _record(record: Json) -> str:
    log = {name: record["log"][name] for name in LOG_FIELDS}
    return json.dumps(_masked({**{name: record[name] for name in RECORD_FIELDS}, "log": log}), sort_keys=True)


def _untimed(key: str, text: str) -> str:
    """A text of the ConfigMap without how long trials ran."""
    if key != "cells.csv":
        return DURATION.sub(r"\1SECONDS", text)
    rows = list(csv.reader(io.StringIO(text)))
    column = rows[0].index("mean_run_seconds")
    return "\n".join(",".join(row[:column] + row[column + 1 :]) for row in rows)


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _masked(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_masked(each) for each in value]
    if not isinstance(value, str):
        return value
    for pattern, mask in MASKS:
        value = pattern.sub(mask, value)
    return value
