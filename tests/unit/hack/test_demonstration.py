"""The demonstration's judgement: what it shows may only pass for true where it is."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hack.demonstration import story
from hack.demonstration.screen import DemoError, Screen

TABLE = """\
NAME             STATUS      PROGRESS   RUNNING   FAILED   VERDICT   AGE
matrix-product   Succeeded   24/24      0         0        pass      31s
"""
SUMMARY: dict[str, Any] = {
    "complete": True,
    "verdict": "pass",
    "counts": {"cells": 8, "trials": 24, "done": 24, "succeeded": 24, "failed": 0, "attempts": 24},
    "cells": [],
}
PREFIX = "batchmatrix-demo/matrix-product/uid"


def _trials() -> str:
    expected = csv.DictReader((story.EXAMPLE / "expected/trials.csv").open(newline=""))
    rows = [
        {
            **{f"axis_{name}": row[name] for name in ("hardware", "threads", "dtype")},
            **{name: row[name] for name in ("trial", "seed", "image")},
            "state": "Done",
            "outcome": "Succeeded",
            "exit_code": "0",
            "attempts": "1",
            "log_state": "complete",
            "log_sha256": "aa",
            "log_bytes": "900",
            "log_key": f"{PREFIX}/logs/c/{number}",
            "job": f"job-{number}",
            "pod_uid": f"uid-{number}",
            "metric_checksum": row["checksum"],
            "metric_step_time_ms": "2.5",
            "metric_gflops": "100",
        }
        for number, row in enumerate(expected)
    ]
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


OBJECTS = {f"{PREFIX}/logs/c/{number}/00000001.zst": 300 for number in range(24)}


def test_a_good_run_passes(capsys: pytest.CaptureFixture[str]) -> None:
    story.verify(Screen(), TABLE, SUMMARY, _trials(), OBJECTS)
    assert capsys.readouterr().out.count("ok  ") == 3


@pytest.mark.parametrize(
    ("table", "summary", "objects", "said"),
    [
        (TABLE.replace("Succeeded", "Running  "), SUMMARY, OBJECTS, "STATUS is Running"),
        (TABLE.replace("24/24", "23/24"), SUMMARY, OBJECTS, "PROGRESS 23/24"),
        (TABLE, {**SUMMARY, "verdict": "fail"}, OBJECTS, "not as expected"),
        (TABLE, SUMMARY, dict(list(OBJECTS.items())[1:]), "1 of these are not in S3"),
        (TABLE, SUMMARY, dict.fromkeys(OBJECTS, 0), "24 of these are not in S3"),
    ],
)
def test_anything_less_fails(table: str, summary: dict[str, Any], objects: dict[str, int], said: str) -> None:
    with pytest.raises(DemoError, match=said):
        story.verify(Screen(), table, summary, _trials(), objects)


def test_logs_are_listed_in_part_and_all_else_in_full() -> None:
    text = story.listing({**OBJECTS, f"{PREFIX}/runs/1/plan.json": 1234, f"{PREFIX}/ledger/00000001.jsonl.zst": 9})
    assert text.startswith(f"s3://batchmatrix/{PREFIX}/   26 objects, 8,443 bytes")
    assert text.count("  logs/") == story.LISTED
    assert "and 18 more in logs/" in text
    assert "    1,234  runs/1/plan.json" in text
