"""The second example on a real cluster: a triage recipe, imported, run, and loaded again from what was kept."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from batchmatrix.formats.matrix_file import load_matrix
from batchmatrix.plan.catalogs import catalogs_of, self_contained
from tests.support.cli import run_cli
from tests.support.cluster import ROOT, Json, Kube
from tests.support.cluster_matrices import Ledger, apply, children, raw_log, settled
from tests.support.installation import Installation, Results
from tests.support.jobs import condition
from tests.support.recipes import plan_of

EXAMPLE = ROOT / "examples" / "02-triage-recipe"
EXPECTED = list(csv.DictReader((EXAMPLE / "expected" / "trials.csv").open(newline="")))
MITIGATIONS = ("MALLOC_ARENA_MAX", "OPENBLAS_CORETYPE", "OPENBLAS_VERBOSE")


@dataclass(frozen=True, slots=True)
class Run:
    """The example, finished; its Jobs and pods are kept."""

    matrix: Json
    ledger: Ledger
    results: Results
    pods: dict[str, Json]
    """By uid."""
    table: list[dict[str, str]]
    """trials.csv."""

    @property
    def folder(self) -> str:
        return f"runs/{self.matrix['metadata']['generation']}/"


@pytest.fixture(scope="module")
def run(operator: Installation, cluster: Kube, shared_namespace: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    output: Path = tmp_path_factory.mktemp("recipe") / "matrix.yaml"
    words = ["--catalog", str(EXAMPLE / "catalog.yaml"), "--output", str(output)]
    done = run_cli("import", "recipe", str(EXAMPLE / "recipe.yaml"), *words)
    assert done.code == 0, done.err
    kube = cluster.at(shared_namespace)
    manifest = yaml.safe_load(output.read_text())
    # What a test reads of pods must not depend on when the operator is through with them.
    manifest["spec"]["retention"] = {"jobs": "all"}
    apply(kube, manifest)
    name = manifest["metadata"]["name"]
    matrix, ledger, results = settled(operator, kube, name, timeout=240)
    pods = {pod["metadata"]["uid"]: pod for pod in children(kube, "pods", name)}
    generation = matrix["metadata"]["generation"]
    table = list(csv.DictReader(io.StringIO(results.read(f"runs/{generation}/trials.csv").decode())))
    return Run(matrix, ledger, results, pods, table)


def test_every_trial_of_the_recipe_runs_once_and_succeeds(run: Run) -> None:
    wanted = {(row["cell"], int(row["trial"]), 0): "Succeeded" for row in EXPECTED}
    assert run.ledger.outcomes() == wanted
    assert len(run.pods) == len(EXPECTED)
    assert (condition(run.matrix, "Succeeded") or {})["reason"] == "Succeeded"
    assert run.matrix["status"]["verdict"] == "pass"


def test_each_pod_sees_the_variables_of_its_mitigations_and_no_others(run: Run) -> None:
    wanted: dict[str, Json] = {
        "baseline-none": {},
        "one-arena": {"MALLOC_ARENA_MAX": "1"},
        "both": {"MALLOC_ARENA_MAX": "1", "OPENBLAS_CORETYPE": "Prescott", "OPENBLAS_VERBOSE": "2"},
        "none-rocm": {},
    }
    for record in run.ledger.records:
        variables = run.pods[record["podUid"]]["spec"]["containers"][0]["env"]
        environment = {one["name"]: one.get("value") for one in variables}
        seen = {name: environment[name] for name in MITIGATIONS if name in environment}
        assert seen == wanted[record["cell"]], record["cell"]
        assert environment["BATCHMATRIX_STEPS"] == "20"


def test_each_trial_ran_in_its_environment_with_the_expected_result(run: Run) -> None:
    """The image says in the log which it is, whatever the manifest asked for."""
    rows = {(row["cell"], row["trial"]): row for row in run.table}
    assert rows.keys() == {(row["cell"], row["trial"]) for row in EXPECTED}
    for wanted in EXPECTED:
        row = rows[wanted["cell"], wanted["trial"]]
        assert row["seed"] == wanted["seed"]
        assert float(row["metric_checksum"]) == pytest.approx(float(wanted["checksum"]), rel=1e-12)
    for record in run.ledger.records:
        runtime = "rocm" if record["cell"] == "none-rocm" else "cuda"
        assert f"runtime {runtime}" in raw_log(run.results, record).decode()


def test_the_resolved_file_loads_again_with_the_same_cells(run: Run) -> None:
    text = run.results.read(f"{run.folder}matrix.resolved.yaml").decode()
    (matrix,) = load_matrix(text, source="matrix.resolved.yaml")
    # Catalogs of another machine, where the same names stand for something else, change nothing.
    whole = self_contained(matrix, catalogs_of(matrix, ()))
    assert whole == matrix
    plan = plan_of(whole)
    hashes = {row["cell"]: row["cell_hash"] for row in run.table}
    assert {cell.name: cell.hash for cell in plan.cells} == hashes
