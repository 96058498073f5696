#!/usr/bin/env python3
"""Hold the result of the first example against what must come out, timings apart.

    check.py trials.csv summary.json

`trials.csv` is the one of runs/<generation>/ in the store, `summary.json` the one of the ConfigMap. Prints one line
per difference; the exit code is 0 only if there is none.
"""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

EXPECTED = Path(__file__).with_name("trials.csv")
TOLERANCE = {"float32": 1e-7, "float64": 1e-12}
"""Relative difference to the exact checksum that the precision and the order of additions may cause."""
KEY = ("hardware", "threads", "dtype", "trial")


def problems(trials_csv: str, summary: Mapping[str, Any]) -> list[str]:
    """Return every difference, one line each."""
    with EXPECTED.open(newline="") as file:
        expected = {tuple(row[name] for name in KEY): row for row in csv.DictReader(file)}
    found = []
    seen: dict[tuple[str, ...], dict[str, str]] = {}
    for row in csv.DictReader(io.StringIO(trials_csv)):
        key = (*(row.get(f"axis_{name}", "") for name in KEY[:-1]), row.get("trial", ""))
        if key in seen:
            found.append(f"{label(key)}: is in trials.csv twice")
        seen[key] = row
    found += [f"{label(key)}: is missing" for key in expected.keys() - seen.keys()]
    found += [f"{label(key)}: should not be there" for key in seen.keys() - expected.keys()]
    for key in expected.keys() & seen.keys():
        found += [f"{label(key)}: {text}" for text in of_trial(expected[key], seen[key])]
    for name in ("pod_uid", "job"):
        if len({row[name] for row in seen.values()}) != len(seen):
            found.append(f"two trials have the same {name}")
    return sorted(found) + of_summary(summary, len(expected))


def of_trial(wanted: Mapping[str, str], row: Mapping[str, str]) -> list[str]:
    """Compare one trial; numbers that depend on the machine must only make sense."""
    found = [
        f"{name} is {row.get(name)!r}, not {value!r}"
        for name, value in {
            "seed": wanted["seed"],
            "image": wanted["image"],
            "state": "Done",
            "outcome": "Succeeded",
            "exit_code": "0",
            "attempts": "1",
            "log_state": "complete",
        }.items()
        if row.get(name) != value
    ]
    checksum = number(row.get("metric_checksum"))
    exact = float(wanted["checksum"])
    if not abs(checksum - exact) <= TOLERANCE[wanted["dtype"]] * exact:
        found.append(f"checksum is {checksum}, not {exact} to within {TOLERANCE[wanted['dtype']]}")
    step, gflops = number(row.get("metric_step_time_ms")), number(row.get("metric_gflops"))
    if not step > 0 or not gflops > 0:
        found.append(f"step_time_ms is {step} and gflops {gflops}; both must be positive")
    if not row.get("log_sha256") or not number(row.get("log_bytes")) > 0:
        found.append("has no log")
    return found


def of_summary(summary: Mapping[str, Any], trials: int) -> list[str]:
    """Compare the counts of the ConfigMap, and its means with themselves."""
    counts = summary.get("counts", {})
    wanted = {"cells": 8, "trials": trials, "done": trials, "succeeded": trials, "failed": 0, "attempts": trials}
    found = [
        f"summary.json: {name} is {counts.get(name)}, not {count}"
        for name, count in wanted.items()
        if counts.get(name) != count
    ]
    if (summary.get("complete"), summary.get("verdict")) != (True, "pass"):
        found.append(f"summary.json: complete {summary.get('complete')}, verdict {summary.get('verdict')!r}, not pass")
    for cell in summary.get("cells", []):
        ns = {metric["name"]: metric["n"] for metric in cell["metrics"]}
        if ns != {"step_time_ms": 3, "gflops": 3, "checksum": 3}:
            found.append(f"summary.json: cell {cell['name']} has values of metrics {ns}, not 3 of each")
        if len(cell["nodes"]) != 1 or len(cell["images"]) != 1:
            found.append(f"summary.json: cell {cell['name']} ran on {cell['nodes']} with {cell['images']}")
    return found


def log_keys(trials_csv: str) -> list[str]:
    """Return where in the store each trial's log lies."""
    return [row["log_key"] for row in csv.DictReader(io.StringIO(trials_csv)) if row["log_key"]]


def label(key: tuple[str, ...]) -> str:
    return f"{'/'.join(key[:-1])} trial {key[-1]}"


def number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan


def main(arguments: list[str]) -> int:
    """Run as a program."""
    if len(arguments) != 2:
        sys.stderr.write("usage: check.py trials.csv summary.json\n")
        return 2
    found = problems(Path(arguments[0]).read_text(), json.loads(Path(arguments[1]).read_text()))
    sys.stdout.write("".join(f"{line}\n" for line in found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
