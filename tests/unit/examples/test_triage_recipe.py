"""The second example: its matrix is what the importer makes of its recipe, and its expectations are right."""

from __future__ import annotations

import csv
import math
import random
from pathlib import Path

import pytest

from batchmatrix.formats.matrix_file import load_matrix
from batchmatrix.model.v1alpha1 import BatchMatrix
from tests.support.cli import run_cli
from tests.support.recipes import plan_of

EXAMPLE = Path(__file__).resolve().parents[3] / "examples/02-triage-recipe"
EXPECTED = list(csv.DictReader((EXAMPLE / "expected/trials.csv").open(newline="")))


@pytest.fixture
def matrix() -> BatchMatrix:
    (found,) = load_matrix((EXAMPLE / "matrix.yaml").read_text(), source="matrix.yaml")
    return found


def test_the_matrix_is_what_the_importer_makes_of_the_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLE)
    done = run_cli("import", "recipe", "recipe.yaml", "--catalog", "catalog.yaml")
    assert (done.code, done.err) == (0, "")
    assert done.out == (EXAMPLE / "matrix.yaml").read_text()


def test_each_cell_has_the_variables_of_its_mitigations(matrix: BatchMatrix) -> None:
    cells = {cell.name: dict(cell.work.env) for cell in plan_of(matrix).cells}
    steps = {"BATCHMATRIX_STEPS": "20"}
    assert cells == {
        "baseline-none": steps,
        "one-arena": {**steps, "MALLOC_ARENA_MAX": "1"},
        "both": {**steps, "MALLOC_ARENA_MAX": "1", "OPENBLAS_CORETYPE": "Prescott", "OPENBLAS_VERBOSE": "2"},
        "none-rocm": steps,
    }


def test_expected_lists_each_trial_with_its_seed_and_image(matrix: BatchMatrix) -> None:
    wanted = [
        (cell.name, str(trial), str(cell.seed + trial), cell.work.image)
        for cell in plan_of(matrix).cells
        for trial in range(cell.trials)
    ]
    assert [(row["cell"], row["trial"], row["seed"], row["image"]) for row in EXPECTED] == wanted
    assert len(wanted) == 17


def test_expected_checksums_follow_from_theory(matrix: BatchMatrix) -> None:
    command = list(matrix.spec.workload.command)
    size = int(command[command.index("--size") + 1])
    steps = matrix.spec.steps
    assert steps is not None
    for row in EXPECTED:
        assert float(row["checksum"]) == pytest.approx(_exact(int(row["seed"]), size, steps), rel=1e-14)


def _exact(seed: int, size: int, steps: int) -> float:
    """Elements of A x B add up to the sum over k of (column k of A) x (row k of B); each step turns A by a column."""
    source = random.Random(seed)
    left = [source.random() for _ in range(size * size)]
    right = [source.random() for _ in range(size * size)]
    columns = [math.fsum(left[k::size]) for k in range(size)]
    rows = [math.fsum(right[k * size : (k + 1) * size]) for k in range(size)]
    pairs = (columns[(k - step) % size] * rows[k] for step in range(steps) for k in range(size))
    return math.fsum(pairs) / size**2 / steps
