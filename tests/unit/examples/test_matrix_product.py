"""The first example: its file is valid, its expectations are right, and its check can fail."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import math
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from batchmatrix.model.v1alpha1 import parse_matrix

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "examples/01-matrix-product"
PROGRAM = ROOT / "images/sample-workload/matrix_product.py"


def _module(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CHECK = _module("matrix_product_check", EXAMPLE / "expected/check.py")
MATRIX: dict[str, Any] = yaml.safe_load((EXAMPLE / "matrix.yaml").read_text())
EXPECTED = list(csv.DictReader((EXAMPLE / "expected/trials.csv").open(newline="")))


def _exact(seed: int, size: int, steps: int) -> float:
    """The checksum by theory: elements of A x B add up to the sum over k of (column k of A) x (row k of B)."""
    source = random.Random(seed)
    left = [source.random() for _ in range(size * size)]
    right = [source.random() for _ in range(size * size)]
    columns = [math.fsum(left[k::size]) for k in range(size)]
    rows = [math.fsum(right[k * size : (k + 1) * size]) for k in range(size)]
    pairs = (columns[(k - step) % size] * rows[k] for step in range(steps) for k in range(size))
    return math.fsum(pairs) / size**2 / steps


def _command() -> list[str]:
    command: list[str] = MATRIX["spec"]["workload"]["command"]
    return command


def _option(name: str) -> int:
    return int(_command()[_command().index(name) + 1])


def test_the_matrix_is_valid_and_expected_lists_each_of_its_trials() -> None:
    spec = parse_matrix({**MATRIX, "metadata": {**MATRIX["metadata"], "namespace": "demo"}}).spec
    axes = {axis.name: [str(value) for value in axis.values] for axis in spec.axes}
    wanted = {
        (hardware, threads, dtype, str(trial))
        for hardware in axes["hardware"]
        for threads in axes["threads"]
        for dtype in axes["dtype"]
        for trial in range(spec.trials)
    }
    assert len(EXPECTED) == len(wanted) == 24
    assert {(row["hardware"], row["threads"], row["dtype"], row["trial"]) for row in EXPECTED} == wanted
    assert all(int(row["seed"]) == spec.seed + int(row["trial"]) for row in EXPECTED)


def test_expected_images_are_those_of_the_hardware() -> None:
    catalog = MATRIX["spec"]["catalog"]
    for row in EXPECTED:
        labels = catalog["hardware"][row["hardware"]]["nodeLabels"]
        rules = catalog["environments"]["blas"]["imagesByNode"]
        images = [rule["image"] for rule in rules if rule["nodeLabels"].items() <= labels.items()]
        assert images == [row["image"]]


def test_expected_checksums_follow_from_theory() -> None:
    exact = {
        seed: _exact(int(seed), _option("--size"), _option("--steps")) for seed in {row["seed"] for row in EXPECTED}
    }
    for row in EXPECTED:
        assert float(row["checksum"]) == pytest.approx(exact[row["seed"]], rel=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_program_gives_the_exact_checksum_whatever_the_threads(dtype: str) -> None:
    for threads in ("1", "2"):
        metrics = _run("--size", "96", "--steps", "5", "--dtype", dtype, "--threads", threads)
        assert len(metrics["step_time_ms"]) == 5
        assert all(value > 0 for value in [*metrics["step_time_ms"], *metrics["gflops"]])
        assert metrics["checksum"] == pytest.approx([_exact(42, 96, 5)], rel=CHECK.TOLERANCE[dtype])


def _run(*arguments: str) -> dict[str, list[float]]:
    environment = {**os.environ, "BATCHMATRIX_SEED": "42"}
    done = subprocess.run(
        [sys.executable, PROGRAM, *arguments], env=environment, capture_output=True, text=True, check=True
    )
    metrics: dict[str, list[float]] = {}
    for line in re.findall(r"^::metric (.*)$", done.stdout, flags=re.MULTILINE):
        item = json.loads(line)
        metrics.setdefault(item["name"], []).append(item["value"])
    return metrics


def _rows() -> list[dict[str, str]]:
    """trials.csv of a run in which all is well."""
    return [
        {
            **{f"axis_{name}": row[name] for name in ("hardware", "threads", "dtype")},
            "trial": row["trial"],
            "seed": row["seed"],
            "image": row["image"],
            "state": "Done",
            "outcome": "Succeeded",
            "exit_code": "0",
            "attempts": "1",
            "log_state": "complete",
            "log_sha256": "aa",
            "log_bytes": "900",
            "log_key": f"logs/{number}",
            "job": f"job-{number}",
            "pod_uid": f"uid-{number}",
            "metric_checksum": row["checksum"],
            "metric_step_time_ms": "2.5",
            "metric_gflops": "100.0",
        }
        for number, row in enumerate(EXPECTED)
    ]


def _summary() -> dict[str, Any]:
    metrics = [{"name": name, "n": 3} for name in ("step_time_ms", "gflops", "checksum")]
    cells = [{"name": f"c{n}", "metrics": metrics, "nodes": ["n"], "images": ["i"]} for n in range(8)]
    counts = {"cells": 8, "trials": 24, "done": 24, "succeeded": 24, "failed": 0, "attempts": 24}
    return {"complete": True, "verdict": "pass", "counts": counts, "cells": cells}


def _text(rows: list[dict[str, str]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def test_the_check_is_content_with_a_good_run() -> None:
    assert CHECK.problems(_text(_rows()), _summary()) == []
    assert len(set(CHECK.log_keys(_text(_rows())))) == 24


def _set(name: str, value: str) -> Callable[[list[dict[str, str]]], None]:
    def change(rows: list[dict[str, str]]) -> None:
        rows[5][name] = value

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_set("seed", "7"), "seed is '7', not '44'"),
        (_set("image", "localhost/batchmatrix/sample-workload:rocm"), "image is"),
        (_set("outcome", "UnexpectedExit"), "outcome is 'UnexpectedExit'"),
        (_set("attempts", "2"), "attempts is '2'"),
        (_set("log_state", "truncated"), "log_state is 'truncated'"),
        (_set("log_sha256", ""), "has no log"),
        (_set("metric_checksum", "128.3382"), "checksum is 128.3382"),
        (_set("metric_checksum", ""), "checksum is nan"),
        (_set("metric_step_time_ms", "0.0"), "step_time_ms is 0.0"),
        (_set("pod_uid", "uid-0"), "two trials have the same pod_uid"),
        (lambda rows: rows.pop(5), "h100/1/float64 trial 2: is missing"),
        (lambda rows: rows.append(rows[5]), "is in trials.csv twice"),
        (lambda rows: rows.append({**rows[5], "trial": "3", "job": "x", "pod_uid": "x"}), "should not be there"),
    ],
)
def test_the_check_sees_what_is_wrong(change: Callable[[list[dict[str, str]]], None], said: str) -> None:
    rows = _rows()
    change(rows)
    found = CHECK.problems(_text(rows), _summary())
    assert any(said in line for line in found), found


def test_the_check_reads_the_summary_too() -> None:
    summary = {**_summary(), "verdict": "inconclusive"}
    assert CHECK.problems(_text(_rows()), summary) == ["summary.json: complete True, verdict 'inconclusive', not pass"]
    summary = _summary()
    summary["counts"]["attempts"] = 25
    assert CHECK.problems(_text(_rows()), summary) == ["summary.json: attempts is 25, not 24"]
