"""The first example on a real cluster: every promise that one plain run can show."""

from __future__ import annotations

import hashlib
import itertools
import json
import subprocess
import sys
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pandas as pd  # type: ignore[import-untyped,unused-ignore]
import pytest
import yaml

from batchmatrix.base.clock import parse_rfc3339
from tests.support.audit import AuditLog
from tests.support.cluster import ROOT, Json, Kube
from tests.support.cluster_matrices import CUDA_LABEL, ROCM_LABEL, Ledger, apply, children, raw_log, settled, summary
from tests.support.installation import ACCOUNT, Installation, Results
from tests.support.jobs import condition, container

EXAMPLE = ROOT / "examples" / "01-matrix-product" / "matrix.yaml"
CELLS, TRIALS = 8, 3
IMAGES = {"h100": "localhost/batchmatrix/sample-workload:cuda", "mi300x": "localhost/batchmatrix/sample-workload:rocm"}
LABELS = {"h100": CUDA_LABEL, "mi300x": ROCM_LABEL}


@dataclass(frozen=True, slots=True)
class Run:
    """The example, finished; its Jobs and pods are kept."""

    kube: Kube
    matrix: Json
    ledger: Ledger
    results: Results
    pods: dict[str, Json]
    """By uid."""

    @property
    def name(self) -> str:
        return str(self.matrix["metadata"]["name"])


@pytest.fixture(scope="module")
def run(operator: Installation, cluster: Kube, shared_namespace: str, audit: AuditLog) -> Run:
    kube = cluster.at(shared_namespace)
    manifest = yaml.safe_load(EXAMPLE.read_text())
    # What a test reads of pods must not depend on when the operator is through with them.
    manifest["spec"]["retention"] = {"jobs": "all"}
    apply(kube, manifest)
    name = manifest["metadata"]["name"]
    matrix, ledger, results = settled(operator, kube, name, timeout=240)
    pods = {pod["metadata"]["uid"]: pod for pod in children(kube, "pods", name)}
    return Run(kube, matrix, ledger, results, pods)


def hardware(record: Json) -> str:
    """The kind that a cell's name says; the example names them so."""
    (kind,) = (kind for kind in LABELS if kind in record["cell"])
    return kind


def test_it_ends_well_and_says_so(run: Run) -> None:
    status = run.matrix["status"]
    assert (condition(run.matrix, "Succeeded") or {})["reason"] == "Succeeded"
    assert condition(run.matrix, "Ready")
    assert status["observedGeneration"] == run.matrix["metadata"]["generation"]
    assert (status["progress"], status["cells"], status["failed"]) == (f"{CELLS * TRIALS}/{CELLS * TRIALS}", CELLS, 0)
    assert status["verdict"] == "pass"
    assert status["logs"] == {"complete": CELLS * TRIALS, "truncated": 0, "lost": 0}
    table = run.kube.kubectl("get", "bmx", run.name).stdout.splitlines()
    head, row = table[0].split(), table[1].split()
    shown = dict(zip(head, row, strict=False))
    assert (shown["STATUS"], shown["PROGRESS"], shown["VERDICT"]) == ("Succeeded", status["progress"], "pass")


def test_each_cell_trial_and_attempt_has_exactly_one_job(run: Run, audit: AuditLog) -> None:
    created = audit.created_jobs(user=ACCOUNT, namespace=run.kube.namespace)
    assert len(created) == len(set(created)) == CELLS * TRIALS
    jobs = {job["metadata"]["name"]: job["metadata"]["labels"] for job in children(run.kube, "jobs", run.name)}
    assert set(jobs) == set(created)
    said = {
        (labels["batchmatrix.dev/cell"], labels["batchmatrix.dev/trial"], labels["batchmatrix.dev/attempt"])
        for labels in jobs.values()
    }
    cells = {record["cell"] for record in run.ledger.records}
    assert len(cells) == CELLS
    assert said == {(cell, str(trial), "0") for cell in cells for trial in range(TRIALS)}
    assert set(run.ledger.outcomes().values()) == {"Succeeded"}
    assert len(run.ledger.records) == CELLS * TRIALS == len(run.pods)


def test_each_pod_ran_on_a_node_with_its_hardwares_label_and_with_that_nodes_image(run: Run) -> None:
    nodes = {node["metadata"]["name"]: node["metadata"]["labels"] for node in run.kube.list("nodes")}
    for record in run.ledger.records:
        pod = run.pods[record["podUid"]]
        kind = hardware(record)
        where = pod["spec"]["nodeName"]
        assert LABELS[kind].items() <= nodes[where].items()
        assert pod["spec"]["containers"][0]["image"] == IMAGES[kind]
        assert (record["node"], record["image"]) == (where, IMAGES[kind])
        # The image itself says which it is, on the first line.
        runtime = {"h100": "cuda", "mi300x": "rocm"}[kind]
        assert f"runtime {runtime}" in raw_log(run.results, record).decode().splitlines()[0]


def test_cells_of_one_hardware_kind_overlap_in_time(run: Run) -> None:
    """Four GPUs of a kind and twelve trials on them: all cells are tried side by side, none after another."""
    for kind in LABELS:
        spans: dict[str, list[tuple[float, float]]] = {}
        for record in run.ledger.records:
            if hardware(record) == kind:
                ended = container(run.pods[record["podUid"]])
                span = (parse_rfc3339(ended["startedAt"]), parse_rfc3339(ended["finishedAt"]))
                spans.setdefault(record["cell"], []).append(span)
        assert len(spans) == 4
        whole = {cell: (min(s for s, _ in each), max(e for _, e in each)) for cell, each in spans.items()}
        apart = [
            (one, two)
            for one, two in itertools.combinations(whole, 2)
            if whole[one][0] > whole[two][1] or whole[two][0] > whole[one][1]
        ]
        assert apart == [], whole


def test_each_trial_has_its_number_and_seed(run: Run) -> None:
    for record in run.ledger.records:
        environment = {one["name"]: one.get("value") for one in _container(run.pods[record["podUid"]])["env"]}
        seed = 42 + record["trial"]
        assert record["seed"] == seed
        assert environment["BATCHMATRIX_TRIAL"] == str(record["trial"])
        assert environment["BATCHMATRIX_SEED"] == str(seed)
        assert environment["BATCHMATRIX_CELL"] == record["cell"]
        assert f"seed {seed}," in raw_log(run.results, record).decode().splitlines()[0]


def test_every_log_in_the_store_is_what_the_node_has(run: Run) -> None:
    for record in run.ledger.records:
        kept = raw_log(run.results, record)
        assert kept == run.kube.logs(record["pod"])
        log = record["log"]
        assert (log["state"], log["bytes"], log["lines"]) == ("complete", len(kept), kept.count(b"\n"))
        assert log["sha256"] == hashlib.sha256(kept).hexdigest()


def test_metrics_are_those_of_the_log_lines(run: Run) -> None:
    """Worked out here once more, with pandas, from the lines of the stored logs."""
    rows = []
    for record in run.ledger.records:
        for line in raw_log(run.results, record).decode().splitlines():
            if line.startswith("::metric "):
                rows.append({"cell": record["cell"], "trial": record["trial"], **json.loads(line[9:])})
    lines = pd.DataFrame(rows)
    steps = lines[lines["name"] == "step_time_ms"]
    counted = steps[steps.groupby(["cell", "trial"]).cumcount() >= 1]  # warmup: 1
    trials = pd.DataFrame(
        {
            "step_time_ms": counted.groupby(["cell", "trial"])["value"].mean(),
            "gflops": lines[lines["name"] == "gflops"].groupby(["cell", "trial"])["value"].last(),
            "checksum": lines[lines["name"] == "checksum"].groupby(["cell", "trial"])["value"].last(),
        }
    )
    assert len(trials) == CELLS * TRIALS
    for record in run.ledger.records:
        said = {metric["name"]: metric["value"] for metric in record["log"]["metrics"]}
        wanted = trials.loc[(record["cell"], record["trial"])].to_dict()
        assert said == pytest.approx(wanted, rel=1e-12)
        counts = {metric["name"]: metric["count"] for metric in record["log"]["metrics"]}
        assert counts == {"step_time_ms": 29, "gflops": 1, "checksum": 1}
    # The trial is the unit in a cell's statistics.
    cells = trials.groupby("cell").agg(["count", "mean", "std", "min", "max"])
    for cell in summary(run.kube, run.name)["cells"]:
        for metric in cell["metrics"]:
            wanted = cells.loc[cell["name"], metric["name"]].to_dict()
            assert metric["n"] == wanted["count"]
            for key in ("mean", "std", "min", "max"):
                assert metric[key] == pytest.approx(wanted[key], rel=1e-9)


def test_the_configmap_and_the_store_say_the_same(run: Run) -> None:
    config = run.kube.get("configmaps", f"{run.name}-summary")
    (owner,) = config["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("BatchMatrix", run.matrix["metadata"]["uid"])
    assert set(config["data"]) == {"summary.json", "matrix.md", "cells.csv"}
    short = json.loads(config["data"]["summary.json"])
    assert (short["complete"], short["verdict"], short["counts"]["done"]) == (True, "pass", CELLS * TRIALS)
    generation = run.matrix["metadata"]["generation"]
    folder = f"runs/{generation}/"
    kept = {key.removeprefix(folder) for key in run.results.keys(folder)}
    assert {"plan.json", "matrix.json", "matrix.md", "cells.csv", "trials.csv"} <= kept
    assert run.results.read(f"{folder}cells.csv").decode() == config["data"]["cells.csv"]
    full = json.loads(run.results.read(f"{folder}matrix.json"))
    assert full["cells"] == short["cells"]
    assert len(full["trials"]) == CELLS * TRIALS
    table = pd.read_csv(StringIO(run.results.read(f"{folder}trials.csv").decode()))
    assert len(table) == CELLS * TRIALS
    assert set(table["outcome"]) == {"Succeeded"}
    rows = [line for line in config["data"]["matrix.md"].splitlines() if line.startswith("|") and "float" in line]
    assert len(rows) == CELLS


def test_the_expected_results_of_the_example_hold(run: Run, tmp_path: Path) -> None:
    """With the checker that ships with the example."""
    generation = run.matrix["metadata"]["generation"]
    trials, short = tmp_path / "trials.csv", tmp_path / "summary.json"
    trials.write_bytes(run.results.read(f"runs/{generation}/trials.csv"))
    short.write_text(json.dumps(summary(run.kube, run.name)))
    checker = EXAMPLE.parent / "expected" / "check.py"
    done = subprocess.run([sys.executable, checker, trials, short], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def _container(pod: Json) -> Json:
    found: Json = pod["spec"]["containers"][0]
    return found
